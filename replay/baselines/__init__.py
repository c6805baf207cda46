"""Baselines: the replies that a person has accepted, one file for each conversation and target.

    # fixtures/baselines/support/refund/gpt-4o-mini.yaml
    conversation: support/refund
    target: gpt-4o-mini
    variants:
      - turns:
          - {content: Your refund is on its way., finish_reason: stop}

Up to five variants are accepted. What changes from call to call (ids, times, usage) is not in them. No run
writes a baseline: `accept` does, when a person says so, and never in CI.
"""

from replay.baselines._accept import MOST, Change, accept, apply, proposed, unused
from replay.baselines._accepted import accepted
from replay.baselines._file import Baseline, Turns, dump, load, path_for, read, save
from replay.baselines._rules import TEXTS, Rules, nearest

__all__ = [
    "MOST",
    "TEXTS",
    "Baseline",
    "Change",
    "Rules",
    "Turns",
    "accept",
    "accepted",
    "apply",
    "dump",
    "load",
    "nearest",
    "path_for",
    "proposed",
    "read",
    "save",
    "unused",
]
