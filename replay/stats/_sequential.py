"""Looking at the evidence while it comes in, as often as one likes.

A gambler bets against a hypothesis about a mean; under it no strategy is expected to win, so that capital of
1/alpha is reached with a probability of at most alpha, at whatever time one looks (Ville's inequality).
I. Waudby-Smith, A. Ramdas, Estimating means of bounded random variables by betting, JRSS B 86 (2024) 1.
"""

from __future__ import annotations

import math


class Betting:
    """Evidence against "the mean of these differences is at most `bound`", one conversation at a time.

    Differences lie in [-1, 1]. `capital` is an e-value: valid whenever one looks, multiplied by each
    conversation; against the opposite hypothesis negate both. Bets are predictable plug-ins (the paper's
    section 4), kept below half of what could be lost.
    """

    def __init__(self, bound: float, alpha: float = 0.05) -> None:
        if not -1 < bound < 1:
            raise ValueError(f"a mean difference of {bound} cannot be excluded")
        self._bound, self._alpha = bound, alpha
        self._log, self._seen = 0.0, 0
        self._sum, self._squares = 0.0, 0.0

    @property
    def capital(self) -> float:
        """The evidence so far; 1 is none."""
        return math.exp(min(self._log, 700.0))

    @property
    def p(self) -> float:
        """A p value that stays valid under looking."""
        return min(1.0, 1 / self.capital)

    @property
    def decided(self) -> bool:
        """Whether the hypothesis is excluded."""
        return self.capital >= 1 / self._alpha

    def add(self, change: float) -> None:
        """Take the difference of the next conversation."""
        self._log += math.log1p(self._bet() * (change - self._bound))
        self._seen += 1
        self._sum += change
        self._squares += (change - self._mean()) ** 2

    def _mean(self) -> float:
        return self._sum / (self._seen + 1)

    def _bet(self) -> float:
        """The share that pays best for the mean and variance so far, by what was seen before alone."""
        gain = self._mean() - self._bound
        spread = (0.25 + self._squares) / (self._seen + 1)
        most = 0.5 / (1 + self._bound)  # the loss is largest where the difference is -1
        return max(0.0, min(most, gain / (spread + gain * gain)))
