"""The paired permutation test of conversations: baseline and candidate exchanged, in all possible ways.

R. A. Fisher, The Design of Experiments (1935), section 21. Where nothing but a name tells the two apart, a
conversation's change is as likely to be its negative. Of single attempts it is McNemar's exact test
(Q. McNemar, Psychometrika 12 (1947) 153). All 2^n ways are counted, by no drawing: the distribution of the
sum is the product of cosines, transformed back (M. Pagano, D. Tritchler, J. Am. Stat. Assoc. 78 (1983) 435).
"""

from __future__ import annotations

import math
from collections import Counter

from replay.stats._counts import Values

FINEST = 2**18  # sums told apart; where there are more, changes are rounded, which leaves the test exact
FAR = 9.0  # standard deviations, beyond which a sum is as good as impossible


def sign_flips(values: Values) -> float:
    """Return the two-sided p of "the changes have no direction": exact, for any number of conversations."""
    moved = {value: times for value, times in values.items() if value}
    if not moved:
        return 1.0
    unit = min(math.lcm(*(value.denominator for value in moved)), _finest(moved))
    rounded = [(round(value * unit), times) for value, times in moved.items()]
    steps: Counter[int] = Counter()
    for step, times in rounded:
        steps[abs(step)] += times
    least = 0.5 ** min(sum(moved.values()) - 1, 1000)
    return min(1.0, max(least, _beyond(abs(sum(step * times for step, times in rounded)), steps)))


def _finest(moved: Values) -> int:
    spread = math.sqrt(sum(value * value * times for value, times in moved.items()))
    return max(1, int(FINEST / (2 * FAR * spread + 2)))


def _beyond(observed: int, steps: Counter[int]) -> float:
    """The chance that a sum of steps of random signs is at least as far from zero as the one observed."""
    import numpy as np

    reach = sum(step * times for step, times in steps.items())
    spread = math.sqrt(sum(step * step * times for step, times in steps.items()))
    length = 2 * (min(reach, math.ceil(FAR * spread)) + 1)
    places = np.arange(length // 2 + 1)
    product = np.ones(len(places))
    for step, times in steps.most_common():
        product *= np.cos(step * places * (2 * np.pi / length)) ** times
        left = abs(product) > 1e-20  # most of it is gone after a few factors
        places, product = places[left], product[left]
    transform = np.zeros(length // 2 + 1)
    transform[places] = product
    chances = np.fft.irfft(transform, length)
    return float(chances[observed : length - observed + 1].sum())
