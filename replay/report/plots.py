"""Scales and ticks of the drawings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps `low` to `high` onto `start` to `end` of a drawing; what lies beyond stands at the edge."""

    low: float
    high: float
    start: float
    end: float
    form: Callable[[float], float] = float  # math.log2 for a logarithmic one

    def __call__(self, value: float) -> float:
        """Return the place of a value, to a tenth."""
        low, high = self.form(self.low), self.form(self.high)
        share = (self.form(value) - low) / (high - low) if high > low else 0.5
        return round(self.start + min(max(share, 0.0), 1.0) * (self.end - self.start), 1)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round numbers from `low` to `high`, 1, 2 or 5 times a power of ten apart, in `most` steps."""
    step = 10 ** math.floor(math.log10((high - low) / most)) if high > low else 1.0
    step *= next((by for by in (1, 2, 5) if (high - low) / (step * by) <= most + 1e-9), 10)
    first, last = math.ceil(round(low / step, 6)), math.floor(round(high / step, 6))
    return [number * step for number in range(first, last + 1)]


def spread_out(places: list[float], apart: float) -> list[float]:
    """Move labels so that each is `apart` from the next, in the order they were given."""
    order = sorted(range(len(places)), key=lambda number: places[number])
    moved = list(places)
    for before, number in pairwise(order):
        moved[number] = max(moved[number], moved[before] + apart)
    return moved
