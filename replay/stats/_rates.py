"""One side alone: how often conversations pass, how many of k attempts do, and how much that wavers."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from math import comb
from statistics import NormalDist

from replay.stats._counts import Counts, Interval, rates
from replay.stats._score import score_interval


def rate(counts: Counts, confidence: float = 0.95) -> Interval:
    """Return the pass rate of conversations, each counted alike, with its score interval.

    That is Wilson's for single attempts; repeats of one conversation count as one number, not as independent
    evidence. Wilson's is recommended for all sizes by L. D. Brown, T. T. Cai, A. DasGupta, Statistical
    Science 16 (2001) 101.
    """
    values = rates(counts)
    if values.keys() <= {0, 1}:
        return _wilson(values.get(_ALWAYS, 0), sum(values.values()), confidence)
    return score_interval(values, confidence, 0.0, 1.0)


_ALWAYS = Fraction(1)


def _wilson(passed: int, total: int, confidence: float) -> Interval:
    """The same in closed form, which needs no library."""
    if not total:
        return Interval(math.nan, None, None)
    found, square = passed / total, NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    middle = (found + square / (2 * total)) / (1 + square / total)
    half = math.sqrt(square * (found * (1 - found) / total + square / (4 * total**2))) / (1 + square / total)
    return Interval(found, max(0.0, middle - half), min(1.0, middle + half))


def noise(counts: Counts, confidence: float = 0.95) -> float | None:
    """Return how large a difference of a target with itself is usual, on these conversations and repeats.

    The difference of two such means varies by twice the variance that attempts of one conversation have,
    shared out over attempts and conversations (unbiased: passed * failed / (attempts * (attempts - 1))).
    None where no conversation was tried twice.
    """
    twice = {key: times for key, times in counts.items() if key[1] > 1 and times}
    conversations = sum(twice.values())
    if not conversations:
        return None
    within = sum(times * _within(*key) / key[1] for key, times in twice.items()) / conversations
    return NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt(2 * within / conversations)


def _within(passed: int, attempts: int) -> float:
    return passed * (attempts - passed) / (attempts * (attempts - 1))


def pass_at_k(counts: Counts, k: int) -> float:
    """Return the chance that at least one of `k` attempts passes, over conversations with so many; or nan.

    Unbiased: M. Chen et al., Evaluating Large Language Models Trained on Code, arXiv:2107.03374 (2021), 2.1.
    """
    return _mean(counts, k, lambda passed, attempts: 1 - comb(attempts - passed, k) / comb(attempts, k))


def pass_all_k(counts: Counts, k: int) -> float:
    """Return the chance that all of `k` attempts pass (pass^k), over conversations with so many; or nan.

    Unbiased: S. Yao et al., tau-bench, arXiv:2406.12045 (2024), section 2.2.
    """
    return _mean(counts, k, lambda passed, attempts: comb(passed, k) / comb(attempts, k))


def _mean(counts: Counts, k: int, of: Callable[[int, int], float]) -> float:
    """Raises ValueError for a `k` below 1."""
    if k < 1:
        raise ValueError(f"{k} attempts say nothing")
    enough = [(of(*key), times) for key, times in counts.items() if key[1] >= k]
    total = sum(times for _, times in enough)
    return math.fsum(value * times for value, times in enough) / total if total else math.nan
