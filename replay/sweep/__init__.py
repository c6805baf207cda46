"""The sweep: every fault and every cut of a recording, and the app under test run against each of them."""

from replay.sweep._inside import Inside
from replay.sweep._judge import INVARIANTS, Limits, Outcome, judge
from replay.sweep._points import CUTS, Point, Points, derive
from replay.sweep._tireless import Tireless

__all__ = [
    "CUTS",
    "INVARIANTS",
    "Inside",
    "Limits",
    "Outcome",
    "Point",
    "Points",
    "Tireless",
    "derive",
    "judge",
]
