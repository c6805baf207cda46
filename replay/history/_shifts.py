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
from typing import NamedTuple, Protocol

LEVEL = 0.01
SHORTEST = 2
# of twice the log likelihood: places as good as the best (K. J. Worsley, Biometrika 73 (1986) 91)
LIKELY = 6.0


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
