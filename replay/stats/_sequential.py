"""Looking at the evidence while it comes in, as often as one likes.

A gambler bets against a hypothesis about a mean; under it no strategy is expected to win, so that capital of
1/alpha is reached with a probability of at most alpha, at whatever time one looks (J. Ville, Étude critique
de la notion de collectif, 1939). I. Waudby-Smith, A. Ramdas, Estimating means of bounded random variables by
betting, JRSS B 86 (2024) 1.
"""

from __future__ import annotations

import math

STRATEGIES = 32


class Betting:
    """Evidence against "the mean of these differences is at most `bound`", one conversation at a time.

    Differences lie in [-1, 1]; against the opposite hypothesis negate both. The capital is shared out over
    strategies that each stake a constant part of what they could lose, more of them at both ends: T. Cover's
    universal portfolio (Mathematical Finance 1 (1991) 1; for means F. Orabona, K.-S. Jun, arXiv:2110.14099),
    with a grid for the arcsine distribution. The order of conversations does not matter to it.
    """

    def __init__(self, bound: float, alpha: float = 0.05) -> None:
        if not -1 < bound < 1:
            raise ValueError(f"a mean difference of {bound} cannot be excluded")
        self._bound, self._alpha = bound, alpha
        stakes = (math.sin(math.pi * (place + 0.5) / (2 * STRATEGIES)) ** 2 for place in range(STRATEGIES))
        self._stakes = [stake / (1 + bound) for stake in stakes]
        self._capital = [1 / STRATEGIES] * STRATEGIES
        self._best = 1.0

    @property
    def capital(self) -> float:
        """The evidence so far; 1 is none."""
        return math.fsum(self._capital)

    @property
    def p(self) -> float:
        """A p value that stays valid under looking: it never rises again."""
        return 1 / self._best

    @property
    def decided(self) -> bool:
        """Whether the hypothesis is excluded; it stays so."""
        return self._best >= 1 / self._alpha

    def add(self, change: float) -> None:
        """Take the difference of the next conversation."""
        gain = change - self._bound
        self._capital = [
            money * (1 + stake * gain) for money, stake in zip(self._capital, self._stakes, strict=True)
        ]
        self._best = max(self._best, sum(self._capital))
