"""The search in one level: which units have to stay.

Delta debugging (A. Zeller, R. Hildebrandt, Simplifying and Isolating Failure-Inducing Input, IEEE TSE 28
(2002) 183) in halves: what is needed is found by about log2(n) tests for each unit of it. As there, nothing
is taken for granted but that what is kept fails; unlike there, of two halves the second is not tested where
the first could go, as something of the whole was needed. That holds where a part that fails also fails with
more, which the last pass over all levels does not rely on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def shrink(units: Sequence[T], fails: Callable[[list[T]], bool]) -> list[T]:
    """Return some of the units that fail, having left out as many as that shows. All of them do fail."""
    if not units or fails([]):
        return []
    blocks = [list(units)]
    while any(len(block) > 1 for block in blocks):
        blocks = _halved(blocks, fails)
    return _flat(blocks)


def _halved(blocks: list[list[T]], fails: Callable[[list[T]], bool]) -> list[list[T]]:
    """Return the blocks in halves, without those that are not needed."""
    done: list[list[T]] = []
    for place, block in enumerate(blocks):
        left = blocks[place + 1 :]
        middle = len(block) // 2
        first, second = block[:middle], block[middle:]
        if not first or fails(_flat([*done, second, *left])):
            done.append(second)
        elif fails(_flat([*done, first, *left])):
            done.append(first)
        else:
            done += [first, second]
    return done


def _flat(blocks: list[list[T]]) -> list[T]:
    return [unit for block in blocks for unit in block]
