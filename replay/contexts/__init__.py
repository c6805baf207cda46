"""Plays a long conversation under several context policies: what each saves, and what it breaks.

trial = opened(Order("support/long", ("last:6", "summary")), Path())   what is played, read and checked
report = trial.play(folder, command)                                     each policy as a target of its own
"""

from replay.contexts._report import Report, Row, Step
from replay.contexts._trial import Order, Trial, opened
from replay.contexts._words import words

__all__ = ["Order", "Report", "Row", "Step", "Trial", "opened", "words"]
