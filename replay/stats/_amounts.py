"""Tokens, US dollars, milliseconds: distributions and ratios in constant memory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from statistics import fmean

from replay.stats._counts import Interval

FINE = 32  # bins to a power of two: a quantile is known to 1.1 % of itself
DRAWN = 8  # so many of them make one bin of a histogram


@dataclass(frozen=True, slots=True)
class Spread:
    """How one amount is distributed over attempts; `histogram` counts by the lower edges of its bins.

    The bins grow by a quarter of a power of two; those with nothing in them are left out.
    """

    count: int
    total: float
    least: float
    quarter: float
    median: float
    three_quarters: float
    p95: float
    most: float
    histogram: tuple[tuple[float, int], ...] = ()


@dataclass(slots=True)
class Sketch:
    """Numbers from zero up, added one by one: count, total and ends exactly, quantiles to 1.1 %.

    A number is kept as the bin it falls into, on a logarithmic scale (C. Masson, J. E. Rim, H. K. Lee,
    DDSketch, PVLDB 12 (2019) 2195). Nothing and less have one bin of their own.
    """

    count: int = 0
    total: float = 0.0
    least: float = math.inf
    most: float = -math.inf
    bins: Counter[int] = field(default_factory=Counter)
    empty: int = 0

    def add(self, number: float) -> None:
        """Take one more; what is not finite is left out."""
        if not math.isfinite(number):
            return
        self.count += 1
        self.total += number
        self.least, self.most = min(self.least, number), max(self.most, number)
        if number > 0:
            self.bins[math.floor(math.log2(number) * FINE)] += 1
        else:
            self.empty += 1

    def quantile(self, share: float) -> float:
        """Return the number below which that share of them lies; nan of none."""
        rank, seen = share * (self.count - 1), self.empty
        if not self.count:
            return math.nan
        for place in sorted(self.bins):
            if seen > rank:
                break
            seen += self.bins[place]
            found = 2 ** ((place + 0.5) / FINE)
            if seen > rank:
                return min(max(found, self.least), self.most)
        return max(0.0, self.least)

    def spread(self) -> Spread:
        """Return the distribution so far."""
        quarter, median, three_quarters, p95 = map(self.quantile, (0.25, 0.5, 0.75, 0.95))
        least, most = (self.least, self.most) if self.count else (math.nan, math.nan)
        drawn = tuple(self._histogram())
        return Spread(self.count, self.total, least, quarter, median, three_quarters, p95, most, drawn)

    def _histogram(self) -> Iterator[tuple[float, int]]:
        if self.empty:
            yield 0.0, self.empty
        for edge, places in groupby(sorted(self.bins), key=lambda place: place // DRAWN):
            yield 2 ** (edge * DRAWN / FINE), sum(self.bins[place] for place in places)


@dataclass(slots=True)
class Amounts:
    """One amount of both sides, conversation by conversation."""

    baseline: Sketch = field(default_factory=Sketch)
    candidate: Sketch = field(default_factory=Sketch)
    conversations: int = 0
    _mean: float = 0.0
    _squares: float = 0.0

    def add(self, baseline: Sequence[float], candidate: Sequence[float]) -> None:
        """Take what the attempts at one conversation came to.

        For the ratio a conversation counts where both sides have a number above zero.
        """
        for sketch, numbers in ((self.baseline, baseline), (self.candidate, candidate)):
            for number in numbers:
                sketch.add(number)
        change = _log(candidate) - _log(baseline)
        if math.isfinite(change):
            self._count(change)

    def _count(self, change: float) -> None:
        """B. P. Welford, Technometrics 4 (1962) 419: mean and variance in one pass."""
        self.conversations += 1
        before = change - self._mean
        self._mean += before / self.conversations
        self._squares += before * (change - self._mean)

    def ratio(self, confidence: float = 0.95) -> Interval:
        """Return the ratio of geometric means, candidate to baseline, paired by conversation.

        The interval is Student's for the mean of the logarithms' differences; of one conversation alone
        there is none.
        """
        from scipy.stats import t  # type: ignore[import-untyped]

        number = self.conversations
        if not number:
            return Interval(math.nan, None, None)
        if number == 1:
            return Interval(math.exp(self._mean), None, None)
        error = math.sqrt(self._squares / (number - 1) / number)
        half = float(t.ppf((1 + confidence) / 2, number - 1)) * error
        return Interval(math.exp(self._mean), math.exp(self._mean - half), math.exp(self._mean + half))


def _log(numbers: Sequence[float]) -> float:
    found = [math.log(number) for number in numbers if 0 < number < math.inf]
    return fmean(found) if found else math.nan
