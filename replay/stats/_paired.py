"""Two samples of the same conversations: how far apart they are, and whether chance explains it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, variance
from typing import NamedTuple

from replay.stats._intervals import Cluster, Interval, student

EXACT = 20  # so many conversations that differ are tried in all 2^20 ways; more are drawn at random
DRAWS = 20_000


class Difference(NamedTuple):
    """Candidate less baseline: the interval of the mean over conversations, p (two-sided), and the test."""

    interval: Interval
    p: float
    test: str


def difference(
    baseline: Sequence[Cluster], candidate: Sequence[Cluster], confidence: float = 0.95, seed: int = 0
) -> Difference:
    """Return how the candidate's rate differs from the baseline's, paired by conversation.

    One attempt each is tested by McNemar's exact test, repeats by flipping signs of whole conversations.
    The interval is Tango's for single attempts, else Student's over the conversations' differences.
    Raises ValueError where the samples have not the same conversations.
    """
    pairs = [(a, b) for a, b in zip(baseline, candidate, strict=True) if a and b]
    if not pairs:
        return Difference(Interval(math.nan, None, None), math.nan, "none")
    if all(len(a) == len(b) == 1 for a, b in pairs):
        lost = sum(a[0] > b[0] for a, b in pairs)
        won = sum(a[0] < b[0] for a, b in pairs)
        return Difference(tango(lost, won, len(pairs), confidence), mcnemar(lost, won), "McNemar, exact")
    changes = [fmean(b) - fmean(a) for a, b in pairs]
    return Difference(_student_interval(changes, confidence), sign_flip(changes, seed), "paired sign flips")


def mcnemar(lost: int, won: int) -> float:
    """Return the two-sided p of McNemar's exact test: `lost` passed before and fail now, `won` the reverse.

    Q. McNemar, Psychometrika 12 (1947) 153, with the binomial for the normal distribution.
    """
    total = lost + won
    if not total:
        return 1.0
    tail: float = sum(math.comb(total, k) for k in range(min(lost, won) + 1)) / 2**total
    return min(1.0, 2 * tail)


def sign_flip(changes: Sequence[float], seed: int = 0) -> float:
    """Return the two-sided p of a permutation test that exchanges baseline and candidate of conversations.

    Exact for up to EXACT conversations that differ; else by DRAWS draws, the observed one counted in
    (B. Phipson, G. K. Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010) 39), so that p is never too small.
    """
    import numpy as np

    moved = np.array([change for change in changes if change])
    if not len(moved):
        return 1.0
    observed = abs(moved.sum()) - 1e-9
    if len(moved) <= EXACT:
        signs = 1 - 2 * ((np.arange(2 ** (len(moved) - 1))[:, None] >> np.arange(len(moved))) & 1)
        return float((abs(signs @ moved) >= observed).mean())  # the other half is its mirror image
    draws = np.random.default_rng(seed).integers(0, 2, (DRAWS, len(moved))) * 2 - 1
    return float((1 + (abs(draws @ moved) >= observed).sum()) / (1 + DRAWS))


def tango(lost: int, won: int, total: int, confidence: float = 0.95) -> Interval:
    """Return the difference of two paired rates with Tango's score interval.

    T. Tango, Statistics in Medicine 17 (1998) 891; the ends are where its score is the normal quantile.
    """
    value = (won - lost) / total
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return Interval(value, _end(lost, won, total, -z), _end(lost, won, total, z))


def _end(lost: int, won: int, total: int, z: float) -> float:
    """Search the difference whose score is z: the score falls as the difference grows."""
    low, high = -1.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _score(lost, won, total, middle) > -z:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _score(lost: int, won: int, total: int, wanted: float) -> float:
    top = won - lost - total * wanted
    a = 2 * total
    b = -won - lost + (2 * total - won + lost) * wanted
    c = -lost * wanted * (1 - wanted)
    q = (math.sqrt(max(b * b - 4 * a * c, 0)) - b) / (2 * a)
    spread = total * (2 * q + wanted * (1 - wanted))
    if spread <= 1e-15:
        return math.copysign(math.inf, top) if top else 0.0
    return top / math.sqrt(spread)


def _student_interval(changes: Sequence[float], confidence: float) -> Interval:
    value = fmean(changes)
    if len(changes) < 2:
        return Interval(value, None, None)
    half = student(len(changes) - 1, confidence) * math.sqrt(variance(changes) / len(changes))
    return Interval(value, max(-1.0, value - half), min(1.0, value + half))
