"""Deciding between two chances with as few tries as it takes, and what a chance is at least."""

from __future__ import annotations

import math
from typing import NamedTuple


class Wald(NamedTuple):
    """The sequential probability ratio test: a chance is at least `high`, or at most `low`.

    A. Wald, Sequential Tests of Statistical Hypotheses, Ann. Math. Stat. 16 (1945) 117. The bounds used are
    his inequalities, not his approximations: the ratio is expected to be 1 under the one hypothesis, so that
    it reaches 1/alpha with a chance of at most alpha, at whatever time one looks. That also holds for chances
    beyond `low` and `high`, as the ratio only rises with what happened.
    """

    low: float
    high: float

    def evidence(self, happened: int, missed: int) -> float:
        """Return the logarithm of the ratio: above 0 speaks for `high`."""
        return happened * self._up - missed * self._down

    def decide(self, happened: int, missed: int, alpha: float, beta: float) -> bool | None:
        """Return True for "at least `high`", False for "at most `low`", None while more tries are needed.

        True is wrong with a chance of at most `alpha` where it is at most `low`, False with at most `beta`
        where it is at least `high`.
        """
        found = self.evidence(happened, missed)
        if found >= -math.log(alpha):
            return True
        return False if found <= math.log(beta) else None

    def needed(self, happened: int, missed: int, alpha: float, beta: float) -> int:
        """Return how many more tries cannot be too many: fewer decide nothing, however they come out."""
        found = self.evidence(happened, missed)
        up = math.ceil((-math.log(alpha) - found) / self._up)
        down = math.ceil((found - math.log(beta)) / self._down)
        return max(1, min(up, down))

    @property
    def _up(self) -> float:
        return math.log(self.high / self.low)

    @property
    def _down(self) -> float:
        return math.log((1 - self.low) / (1 - self.high))


def at_least_chance(happened: int, times: int, error: float) -> float:
    """Return the chance that something has at least that happened so often; wrong with a chance of `error`.

    The exact lower bound: C. J. Clopper, E. S. Pearson, Biometrika 26 (1934) 404.
    """
    if not happened:
        return 0.0
    low, high = 0.0, happened / times
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _tail(happened, times, middle) <= error else (low, middle)
    return low


def at_most_chance(happened: int, times: int, error: float) -> float:
    """Return the chance that something has at most; see `at_least_chance`."""
    return 1 - at_least_chance(times - happened, times, error)


def _tail(happened: int, times: int, chance: float) -> float:
    """The chance that it happens at least so often."""
    return math.fsum(
        math.comb(times, count) * chance**count * (1 - chance) ** (times - count)
        for count in range(happened, times + 1)
    )
