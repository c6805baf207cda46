"""Where a series of runs changed its level, exactly and with a guard against false alarms.

Optimal partitioning under a penalty finds the likeliest segments (B. Jackson et al., IEEE Signal Processing
Letters 12 (2005) 105), pruned as in R. Killick, P. Fearnhead, I. A. Eckley, J. Am. Stat. Assoc. 107 (2012)
1590. Then each change has to stand a test of its two segments at LEVEL, divided by the number of places
where it could have been (Bonferroni); the weakest that does not is undone, until all do. A segment is at
least SHORTEST runs: one odd run is no change (of amounts, nor are two). How often there is a false alarm, and
what is found, is measured by tests/benchmarks/bench_history.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from statistics import fmean, median
from typing import NamedTuple, Protocol

LEVEL = 0.01
SHORTEST = 2
LIKELY = (
    6.0  # of twice the log likelihood: places as good as the best (K. J. Worsley, Biometrika 73 (1986) 91)
)
OUTLYING = 2.5  # of the scatter of runs
NEGLIGIBLE = 0.01  # amounts are never taken to scatter by less than this share


class Shift(NamedTuple):
    """A change of level, most likely at the item `first`; `p` is adjusted for all possible places.

    It may as well have been anywhere from `earliest` to `latest`.
    """

    first: int
    earliest: int
    latest: int
    before: float
    after: float
    p: float


class Series(Protocol):
    """What is known of each run, and a model of how it scatters."""

    def __len__(self) -> int:
        """How many runs."""

    def places(self) -> Iterable[int]:
        """The runs that differ from the one before; nothing can change elsewhere."""

    def cost(self, start: int, end: int) -> float:
        """Minus twice the log likelihood of these runs having one level, but for a constant."""

    def level(self, start: int, end: int) -> float:
        """The likeliest level."""

    def p(self, start: int, split: int, end: int) -> float:
        """The chance of a difference as large on both sides of `split` if there is none (two-sided)."""


def shifts(series: Series, level: float = LEVEL) -> list[Shift]:
    """Return the changes of a series, in order."""
    if len(series) < 2 * SHORTEST:
        return []
    splits = _partition(series, 3 * math.log(len(series)))
    while splits:
        found = [_shift(series, *around) for around in _around(splits, len(series))]
        weakest = max(found, key=lambda shift: shift.p)
        if weakest.p <= level:
            return found
        splits.remove(weakest.first)
    return []


def _shift(series: Series, start: int, split: int, end: int) -> Shift:
    costs = {
        place: series.cost(start, place) + series.cost(place, end)
        for place in {*series.places(), split}
        if start + SHORTEST <= place <= end - SHORTEST
    }
    near = [place for place, cost in costs.items() if cost <= costs[split] + LIKELY]
    levels = series.level(start, split), series.level(split, end)
    p = min(1.0, (len(series) - 1) * series.p(start, split, end))
    return Shift(split, min(near), max(near), *levels, p)


def _around(splits: Sequence[int], end: int) -> Iterator[tuple[int, int, int]]:
    edges = [0, *splits, end]
    return zip(edges, edges[1:], edges[2:], strict=False)


def _partition(series: Series, penalty: float) -> list[int]:
    """Return where the segments begin (but the first) whose cost and penalties are least together."""
    end = len(series)
    least, before = {0: -penalty}, dict[int, int]()
    starts: dict[int, float] = {0: math.inf}  # where a last segment may begin, and until which end
    for place in (*series.places(), end):
        starts = {start: until for start, until in starts.items() if place < until}
        costs = {start: least[start] + series.cost(start, place)
                 for start in starts if place - start >= SHORTEST}  # fmt: skip
        if not costs:
            continue
        before[place] = min(costs, key=costs.__getitem__)
        least[place] = costs[before[place]] + penalty
        beaten = {start: place + SHORTEST for start, cost in costs.items() if cost > least[place]}
        starts |= {start: min(until, starts[start]) for start, until in beaten.items()}
        starts[place] = math.inf
    splits = []
    while end:
        end = before[end]
        splits.append(end)
    return splits[-2::-1]


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


def fisher(passed: int, of: int, passed_after: int, of_after: int) -> float:
    """Return the two-sided p of Fisher's exact test of two rates: twice the tail, at most 1.

    R. A. Fisher, J. Royal Stat. Soc. 85 (1922) 87.
    """
    good, bad = passed + passed_after, of + of_after - passed - passed_after
    if passed * of_after > passed_after * of:  # the tail is then where failures are few
        passed, good, bad = of - passed, bad, good
    term = math.exp(_chosen(good, passed) + _chosen(bad, of - passed) - _chosen(good + bad, of))
    tail, x = 0.0, passed
    while term > tail * 1e-17 and x >= 0:
        tail += term
        term *= x * (bad - of + x) / ((good - x + 1) * (of - x + 1))
        x -= 1
    return min(1.0, 2 * tail)


def _chosen(n: int, k: int) -> float:
    """The logarithm of n over k."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def student(t: float, freedom: int) -> float:
    """Return the two-sided p of Student's t; M. Abramowitz, I. A. Stegun (1964), 26.7.3 and 26.7.4."""
    angle = math.atan(abs(t) / math.sqrt(freedom))
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for step in range(2 + odd, freedom + 1, 2):
        total += term
        term *= math.cos(angle) ** 2 * (step - 1) / step
    inside = math.sin(angle) * total
    return max(0.0, 1 - ((angle + inside) * 2 / math.pi if odd else inside))
