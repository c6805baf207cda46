"""Pairing wanted calls with the calls that came: the best pairing there is, not the first that is met."""

from __future__ import annotations

from collections.abc import Sequence

Fits = Sequence[Sequence[bool]]  # fits[row][column]: this wanted call is that call


def best_pairs(fits: Fits) -> dict[int, int]:
    """Pair as many rows as can be with a column of their own; `{row: column}`.

    Maximum bipartite matching by augmenting paths (Kuhn 1955): a row that finds its columns taken asks their
    rows to move to another.
    """
    row_of: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for column, fit in enumerate(fits[row]):
            if fit and column not in tried:
                tried.add(column)
                if column not in row_of or place(row_of[column], tried):
                    row_of[column] = row
                    return True
        return False

    for row in range(len(fits)):
        place(row, set())
    return {row: column for column, row in row_of.items()}


def in_order(fits: Fits, turns: Sequence[int], *, whole: bool) -> bool:
    """Tell whether the rows can be met in their order, where columns of one turn have no order.

    `turns` holds how many columns each turn has. With `whole` every column is met, else some may be left.
    Taking as many rows as a turn can hold is never worse than taking fewer, so one pass finds it.
    """
    row = start = 0
    for size in turns:
        columns = range(start, start + size)
        taken = size if whole else _longest(fits, row, columns)
        if row + taken > len(fits) or not _holds(fits, row, taken, columns):
            return False
        row, start = row + taken, start + size
    return row == len(fits)


def _longest(fits: Fits, row: int, columns: range) -> int:
    taken = 0
    while row + taken < len(fits) and _holds(fits, row, taken + 1, columns):
        taken += 1
    return taken


def _holds(fits: Fits, row: int, count: int, columns: range) -> bool:
    part = [[fits[index][column] for column in columns] for index in range(row, row + count)]
    return len(best_pairs(part)) == count
