"""What the statistics are told: counts of conversations that came out alike, never the conversations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple


class Pair(NamedTuple):
    """What one conversation came to: how many attempts passed, of how many judged, on either side."""

    baseline_passed: int
    baseline_attempts: int
    candidate_passed: int
    candidate_attempts: int


Pairs = Mapping[Pair, int]  # how many conversations came to that
Counts = Mapping[tuple[int, int], int]  # (passed, attempts) of one side -> conversations
Values = Mapping[Fraction, int]  # a number exactly -> conversations


class Interval(NamedTuple):
    """An estimate and the ends of its interval; the ends are None where nothing can be said."""

    value: float
    low: float | None
    high: float | None


def rates(counts: Counts) -> Values:
    """Return the pass rates of conversations; one without an attempt has none."""
    found: Counter[Fraction] = Counter()
    for (passed, attempts), times in counts.items():
        if attempts:
            found[Fraction(passed, attempts)] += times
    return dict(sorted((+found).items()))


def changes(pairs: Pairs) -> Values:
    """Return by how much the pass rates of conversations changed; one without an attempt on a side is out."""
    found: Counter[Fraction] = Counter()
    for (old, before, new, after), times in pairs.items():
        if before and after:
            found[Fraction(new, after) - Fraction(old, before)] += times
    return dict(sorted((+found).items()))


def mean(values: Mapping[Fraction, int]) -> float:
    """Return the mean over conversations; there is at least one."""
    return float(sum(value * times for value, times in values.items()) / sum(values.values()))
