"""Greedy covering: what to take of which class so that a few cover most."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Class(NamedTuple):
    """Conversations with the same values: how many there are, and of how many different tasks."""

    values: tuple[int, ...]
    members: int
    tasks: int


def cover(
    classes: Mapping[int, Class], weights: Mapping[int, float], size: int, rank: Callable[[int], int]
) -> tuple[Counter[int], Counter[int]]:
    """Return how many of which class to take, `size` in all, and how often each value is covered then.

    The class is taken that adds most. A value adds its weight when it is new, and a thousandth of that, the
    half, the third, ... of it when it is covered once, twice, three times already; a class adds half as much
    each time that all its tasks were taken. `rank` settles ties.
    """
    covered, chosen = Counter[int](), Counter[int]()

    def gain(name: int) -> float:
        found = classes[name]
        gained = math.fsum(weights[value] / (1000 * covered[value] or 1) for value in found.values)
        return math.ldexp(gained, -(chosen[name] // found.tasks))

    # What a class adds only ever falls, so the one at the top is the best if it is still worth what it was.
    queue = [(-gain(name), rank(name), name) for name in classes]
    heapq.heapify(queue)
    while queue and chosen.total() < size:
        worth, order, name = heapq.heappop(queue)
        if -gain(name) == worth:
            chosen[name] += 1
            covered.update(classes[name].values)
        if chosen[name] < classes[name].members:
            heapq.heappush(queue, (-gain(name), order, name))
    return chosen, covered
