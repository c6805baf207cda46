"""Asking whether a conversation fails: what was asked before is known, and chance is reckoned with.

A probe is one question; an oracle answers it, attempt by attempt; a decider says from the answers whether the
probe fails as the one that was reported did.
"""

from replay.oracle._answer import Answer, Failure, Oracle
from replay.oracle._decide import Decider, Measured, measured
from replay.oracle._find import found, judges_of
from replay.oracle._function import Function
from replay.oracle._live import Live
from replay.oracle._open import NotFailing, Opened, Order, open_for, opened, probe_of
from replay.oracle._probe import Probe
from replay.oracle._remembered import Ended, Remembered
from replay.oracle._store import Store
from replay.oracle._write import write

__all__ = [
    "Answer",
    "Decider",
    "Ended",
    "Failure",
    "Function",
    "Live",
    "Measured",
    "NotFailing",
    "Opened",
    "Oracle",
    "Order",
    "Probe",
    "Remembered",
    "Store",
    "found",
    "judges_of",
    "measured",
    "open_for",
    "opened",
    "probe_of",
    "write",
]
