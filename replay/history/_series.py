"""How runs scatter: counts of passes and amounts, as `replay.history._shifts.Series`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from statistics import fmean, median

from replay.history._chances import fisher, student

OUTLYING = 2.5  # of the scatter of runs
NEGLIGIBLE = 0.01  # amounts are never taken to scatter by less than this share


class Counts:
    """How many of how many passed, in each run; binomial, with more scatter where the runs show more."""

    def __init__(self, passed: Sequence[float], total: Sequence[float]) -> None:
        rates = [p / n for p, n in zip(passed, total, strict=True)]
        self._places = _changes(rates)
        spread = _overdispersion(rates, total)
        self._passed = [0.0, *accumulate(p / spread for p in passed)]
        self._total = [0.0, *accumulate(n / spread for n in total)]

    def __len__(self) -> int:
        return len(self._total) - 1

    def places(self) -> Iterable[int]:
        """See Series."""
        return self._places

    def cost(self, start: int, end: int) -> float:
        """See Series."""
        passed, total = self._sums(start, end)
        return -2 * (_xlog(passed, total) + _xlog(total - passed, total))

    def level(self, start: int, end: int) -> float:
        """See Series."""
        passed, total = self._sums(start, end)
        return passed / total

    def p(self, start: int, split: int, end: int) -> float:
        """See Series; Fisher's exact test."""
        (a, n), (b, m) = self._sums(start, split), self._sums(split, end)
        return fisher(round(a), round(n), round(b), round(m))

    def _sums(self, start: int, end: int) -> tuple[float, float]:
        return self._passed[end] - self._passed[start], self._total[end] - self._total[start]


class Amounts:
    """Tokens, dollars or milliseconds of each run, all above 0; their logarithms are normal."""

    def __init__(self, values: Sequence[float]) -> None:
        logs = [math.log(value) for value in values]
        steps = [abs(after - before) for before, after in pairwise(logs)]
        # the median of the normal distribution's absolute value is 0.6745, and a step is of two runs
        scatter = max(median(steps) / 0.6745 / math.sqrt(2) if steps else 0.0, NEGLIGIBLE)
        self._logs = logs = _without_outliers(logs, scatter)
        self._places = _changes(logs)
        self._sum = [0.0, *accumulate(logs)]
        self._squares = [0.0, *accumulate(log * log for log in logs)]
        self._variance = scatter**2

    def __len__(self) -> int:
        return len(self._sum) - 1

    def places(self) -> Iterable[int]:
        """See Series."""
        return self._places

    def cost(self, start: int, end: int) -> float:
        """See Series."""
        return self._within(start, end) / self._variance

    def level(self, start: int, end: int) -> float:
        """See Series; the geometric mean."""
        return math.exp((self._sum[end] - self._sum[start]) / (end - start))

    def p(self, start: int, split: int, end: int) -> float:
        """See Series; Student's test of two samples, with a least variance, of runs like their neighbours."""
        freedom = end - start - 2
        pooled = max((self._within(start, split) + self._within(split, end)) / freedom, NEGLIGIBLE**2)
        likeness = self._likeness(start, split, end)
        pooled *= (1 + likeness) / (1 - likeness)  # of the variance of a mean, in the long run
        error = math.sqrt(pooled * (1 / (split - start) + 1 / (end - split)))
        return student(math.log(self.level(split, end) / self.level(start, split)) / error, freedom)

    def _likeness(self, start: int, split: int, end: int) -> float:
        """How much a run is like the one before, but for the level: autocorrelation at lag 1, from 0."""
        parts = self._logs[start:split], self._logs[split:end]
        rest = [[log - fmean(part) for log in part] for part in parts]
        squares = sum(one * one for part in rest for one in part)
        products = sum(one * other for part in rest for one, other in pairwise(part))
        return min(max(products / squares, 0.0), 0.9) if squares > 1e-12 else 0.0

    def _within(self, start: int, end: int) -> float:
        total = self._sum[end] - self._sum[start]
        return max(self._squares[end] - self._squares[start] - total * total / (end - start), 0.0)


def _without_outliers(logs: Sequence[float], scatter: float) -> list[float]:
    """Draw what is far from the median of the five runs around to within OUTLYING of it (Hampel's filter).

    F. R. Hampel, J. Am. Stat. Assoc. 69 (1974) 383. What lasts for three runs stays where and as large as it
    is.
    """
    last = max(len(logs) - 5, 0)
    starts = (min(max(place - 2, 0), last) for place in range(len(logs)))
    near = [median(logs[start : start + 5]) for start in starts]
    room = OUTLYING * scatter
    return [min(max(log, middle - room), middle + room) for log, middle in zip(logs, near, strict=True)]


def _changes(values: Sequence[float]) -> list[int]:
    return [place for place, (before, after) in enumerate(pairwise(values), 1) if before != after]


def _xlog(part: float, whole: float) -> float:
    return part * math.log(part / whole) if part > 1e-12 else 0.0


def _overdispersion(rates: Sequence[float], total: Sequence[float]) -> float:
    """How many times the binomial variance neighbouring runs differ by, at least 1.

    The mean square of successive differences, which a few changes of level hardly move
    (J. von Neumann, Annals of Mathematical Statistics 12 (1941) 367).
    """
    rate = sum(p * n for p, n in zip(rates, total, strict=True)) / sum(total)
    if not 0 < rate < 1 or len(rates) < 2:
        return 1.0
    unit = [rate * (1 - rate) * (1 / n + 1 / m) for n, m in pairwise(total)]
    return max(1.0, fmean((p - q) ** 2 / one for (p, q), one in zip(pairwise(rates), unit, strict=True)))
