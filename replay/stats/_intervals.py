"""Rates and ratios with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, variance
from typing import NamedTuple

Cluster = Sequence[float]  # what the attempts of one conversation came to: 1 or 0, or any number


class Interval(NamedTuple):
    """An estimate and the ends of its interval; both ends None where nothing can be said."""

    value: float
    low: float | None
    high: float | None


def wilson(passed: float, total: float, confidence: float = 0.95) -> Interval:
    """Return the rate of `passed` in `total` with Wilson's score interval.

    E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209; recommended for all sizes by Brown, Cai, DasGupta,
    Statistical Science 16 (2001) 101. Counts may be fractions: an effective number of attempts.
    """
    if total <= 0:
        return Interval(math.nan, None, None)
    z, rate_ = normal(confidence), passed / total
    middle = (rate_ + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(rate_ * (1 - rate_) / total + z * z / (4 * total * total))
    return Interval(rate_, max(0.0, middle - half), min(1.0, middle + half))


def rate(clusters: Sequence[Cluster], confidence: float = 0.95) -> Interval:
    """Return the pass rate of conversations, each counted alike, with Wilson's interval.

    Attempts of one conversation are no independent evidence: they count as the number of independent ones
    that would vary as much (the design effect; E. L. Korn, B. I. Graubard, Survey Methodology 24 (1998) 193,
    with Wilson's interval for theirs), with Student's t for the normal as their degrees of freedom are few.
    """
    means = [fmean(cluster) for cluster in clusters if cluster]
    if not means:
        return Interval(math.nan, None, None)
    if all(len(cluster) <= 1 for cluster in clusters):
        return wilson(sum(means), len(means), confidence)
    value, attempts = fmean(means), sum(map(len, clusters))
    effective = _effective(means, value, attempts)
    adjusted = effective * (normal(confidence) / student(len(means) - 1, confidence)) ** 2
    return Interval(value, *wilson(value * adjusted, adjusted, confidence)[1:])


def _effective(means: Sequence[float], value: float, attempts: int) -> float:
    """The number of independent attempts that would vary as the conversations do, at most all of them."""
    spread = variance(means) / len(means) if len(means) > 1 else 0.0
    if spread == 0 or not 0 < value < 1:
        return float(len(means))
    return min(float(attempts), value * (1 - value) / spread)


def ratio(baseline: Sequence[Cluster], candidate: Sequence[Cluster], confidence: float = 0.95) -> Interval:
    """Return the ratio of geometric means, candidate to baseline, paired by conversation.

    The interval is Student's for the mean of the logarithms' differences. Conversations without a number
    above zero on both sides are left out. Of one conversation alone there is no interval.
    """
    logs = [new - old for old, new in zip(map(_log, baseline), map(_log, candidate), strict=True)]
    logs = [change for change in logs if math.isfinite(change)]
    if not logs:
        return Interval(math.nan, None, None)
    middle = fmean(logs)
    if len(logs) == 1:
        return Interval(math.exp(middle), None, None)
    half = student(len(logs) - 1, confidence) * math.sqrt(variance(logs) / len(logs))
    return Interval(math.exp(middle), math.exp(middle - half), math.exp(middle + half))


def _log(cluster: Cluster) -> float:
    found = [math.log(number) for number in cluster if number > 0]
    return fmean(found) if found else math.nan


def normal(confidence: float) -> float:
    """Return the quantile of the normal distribution that leaves so much between it and its negative."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def student(freedom: int, confidence: float) -> float:
    """Return the same of Student's distribution."""
    from scipy.stats import t  # type: ignore[import-untyped]

    return float(t.ppf((1 + confidence) / 2, max(freedom, 1)))
