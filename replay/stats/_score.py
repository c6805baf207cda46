"""The score interval of the mean of bounded numbers, of which Wilson's and Tango's are the simplest cases.

Score interval: a mean is held to be possible where the mean found lies less than the normal quantile of
standard errors away from it, and the standard error is the one *under that possibility*. Of all distributions
on the range with that mean, the likeliest to give the data tells it (A. B. Owen, Biometrika 75 (1988) 237;
the range's end counts as a value even where it was not seen, as in J. Honda, A. Takemura, COLT 2010, 67).

Of zeros and ones it is the interval of E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209; of -1, 0 and 1 that
of T. Tango, Statistics in Medicine 17 (1998) 891; repeats need nothing else, as the mean of a conversation's
repeats is one number. It never has zero width: of n conversations without any difference it reaches to
z^2 / (n + z^2), in the manner of the rule of three.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

from replay.stats._counts import Interval, Values, mean

Weights = Mapping[float, float]  # a number -> how often


def score_interval(values: Values, confidence: float, least: float, most: float) -> Interval:
    """Return the mean of `values`, which lie between `least` and `most`, and its interval."""
    if not values:
        return Interval(math.nan, None, None)
    middle, quantile = mean(values), NormalDist().inv_cdf((1 + confidence) / 2)
    weights = {float(value): float(times) for value, times in values.items()}
    mirrored = {-value: times for value, times in weights.items()}
    low = _lower_end(weights, middle, least, quantile)
    return Interval(middle, low, -_lower_end(mirrored, -middle, -most, quantile))


def _lower_end(weights: Weights, middle: float, least: float, quantile: float) -> float:
    from scipy.optimize import brentq  # type: ignore[import-untyped]

    if middle - least < 1e-9:
        return least
    end = least + 1e-9 * (middle - least)
    return float(brentq(lambda wanted: score(weights, wanted, least) - quantile, end, middle, xtol=1e-12))


def score(weights: Weights, wanted: float, least: float) -> float:
    """Return how many standard errors the mean lies above `wanted`, which is above `least`; at least 0."""
    total = math.fsum(weights.values())
    gains = [(value - wanted, times) for value, times in weights.items()]
    gain = math.fsum(step * times for step, times in gains)
    if gain <= 0:
        return 0.0
    tilt = _tilt(gains, wanted - least)
    likely = [(step, times / (1 + tilt * step)) for step, times in gains]
    unseen = max(total - math.fsum(times for _, times in likely), 0.0)
    squares = math.fsum(step * step * times for step, times in likely) + unseen * (wanted - least) ** 2
    return gain / math.sqrt(squares)


def _tilt(gains: list[tuple[float, float]], room: float) -> float:
    """The Lagrange multiplier: each number's weight is divided by 1 + tilt * (number - wanted)."""
    from scipy.optimize import brentq

    def slope(tilt: float) -> float:
        return math.fsum(step * times / (1 + tilt * step) for step, times in gains)

    most = (1 - 1e-12) / room  # there, what is missing from the mean lies at the range's end
    return most if slope(most) >= 0 else float(brentq(slope, 0.0, most, xtol=1e-15))
