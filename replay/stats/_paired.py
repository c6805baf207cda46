"""Two targets on the same conversations: how far apart they are, and whether chance explains it."""

from __future__ import annotations

import math
from typing import NamedTuple

from replay.stats._bound import chance_of_at_most
from replay.stats._counts import Interval, Pairs, changes
from replay.stats._flips import sign_flips
from replay.stats._score import score_interval


class Difference(NamedTuple):
    """Candidate less baseline: the interval of the mean over conversations, p (two-sided), and the test."""

    interval: Interval
    p: float
    test: str


def difference(pairs: Pairs, confidence: float = 0.95) -> Difference:
    """Return how the candidate's rate differs from the baseline's, paired by conversation.

    One attempt each is tested by McNemar's exact test, repeats by exchanging the sides of whole conversations
    (exact as well, see `sign_flips`). The interval is the score interval: Tango's for single attempts.
    """
    values = changes(pairs)
    if not values:
        return Difference(Interval(math.nan, None, None), math.nan, "none")
    single = all(before <= 1 and after <= 1 for _, before, _, after in pairs)
    test = "McNemar, exact" if single else "paired sign flips, exact"
    return Difference(score_interval(values, confidence, -1.0, 1.0), sign_flips(values), test)


def not_worse(pairs: Pairs, margin: float) -> float:
    """Return the one-sided p of "the candidate's rate is lower by `margin` or more"; nan without a pair.

    Gaffke's test (see `_bound`): it holds its level at any number of conversations, repeats and differences.
    """
    values = changes(pairs)
    if not values:
        return math.nan
    return chance_of_at_most({float(value): times for value, times in values.items()}, -margin)


def at_least(pairs: Pairs, alpha: float = 0.05) -> float:
    """Return the lower bound of the difference: `not_worse(pairs, margin) <= alpha` for those it excludes."""
    from scipy.optimize import brentq  # type: ignore[import-untyped]

    if not changes(pairs):
        return -1.0
    end = 1 - 1e-9
    if not_worse(pairs, end) > alpha:
        return -1.0
    return float(brentq(lambda low: not_worse(pairs, -low) - alpha, -end, 1.0, xtol=1e-10))
