"""Quantiles of any number of times in little memory.

Values are counted in buckets whose edges grow by a constant factor, so that a quantile is right within
ACCURACY of itself: C. Masson, J. E. Rim, H. K. Lee, DDSketch, VLDB 12 (2019) 2195.
"""

from __future__ import annotations

import math
from collections import Counter

ACCURACY = 0.005
LEAST = 0.001  # what is less counts as this
_GROWTH = math.log((1 + ACCURACY) / (1 - ACCURACY))


class Sketch:
    """Counts numbers."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()

    def add(self, value: float | None) -> None:
        """Count a number of 0 or more; None is none."""
        if value is not None:
            self._buckets[math.ceil(math.log(max(value, LEAST)) / _GROWTH)] += 1

    def quantile(self, share: float) -> float | None:
        """The value below which that share lies; None where nothing was counted."""
        rank, seen = share * (self._buckets.total() - 1), 0
        for bucket, count in sorted(self._buckets.items()):
            seen += count
            if seen > rank:
                return 2 * math.exp(bucket * _GROWTH) / (math.exp(_GROWTH) + 1)
        return None
