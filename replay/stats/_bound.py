"""A one-sided test of the mean of bounded numbers that is valid at any size, whatever their distribution.

Let the n conversations and one more, which came out as badly as possible, have random weights: the n + 1
spacings of uniform numbers. The p value of "the mean is at most `wanted`" is the chance that the weighted
mean is at most `wanted`. N. Gaffke, Mathematical Methods of Statistics 14 (2005) 451; as a confidence bound
E. Learned-Miller, P. Thomas, arXiv:1905.06208 (2019); that it never errs more often than it says, for
independent numbers of any distributions, is the theorem of N. Vlassis, P. Thomas, arXiv:2607.08415 (2026).

Of zeros and ones it is the exact binomial test, of -1, 0 and 1 against a mean of 0 McNemar's exact test, of n
conversations without a difference against a margin (1 - margin)^n: the rule of three.

Weights of spacings are gamma variables over their sum, so that conversations that came out alike go together:
the work is one of distinct values. The chance is the inversion of a Laplace transform, along a line
through its saddle point (S. O. Rice, SIAM J. Sci. Stat. Comput. 1 (1980) 438), where nothing cancels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

STEP, REACH = 0.08, 14.0  # of the trapezoidal rule along the line; finer or further changes nothing


def chance_of_at_most(weights: Mapping[float, float], wanted: float, least: float = -1.0) -> float:
    """Return the p value of "the mean is at most `wanted`" for numbers that are never below `least`."""
    import numpy as np

    if wanted <= least:
        return 0.0
    steps = np.array([*weights, least]) - wanted
    shapes = np.array([*weights.values(), 1.0])
    if steps.max() <= 0:
        return 1.0
    return float(min(1.0, max(0.0, _negative(steps, shapes))))


def _negative(steps: np.ndarray, shapes: np.ndarray) -> float:
    """The chance that the sum of gamma variables of these `shapes`, times these `steps`, is negative."""
    import numpy as np

    def log_transform(at: np.ndarray) -> np.ndarray:
        return np.asarray(-shapes @ np.log1p(-np.outer(steps, at)) - np.log(-at))

    saddle = _saddle(steps, shapes)
    curve = float(shapes @ (steps / (1 - saddle * steps)) ** 2 + saddle**-2)
    along = np.arange(STEP / 2, REACH, STEP)
    line = saddle + 1j * np.sinh(along) / np.sqrt(curve)
    found = np.exp(log_transform(line)).real @ np.cosh(along)
    return float(found * STEP / (np.pi * np.sqrt(curve)))


def _saddle(steps: np.ndarray, shapes: np.ndarray) -> float:
    """Where below zero the transform is least along the real axis."""
    from scipy.optimize import brentq  # type: ignore[import-untyped]

    edge = 1 / steps.min()

    def slope(at: float) -> float:
        return float(shapes @ (steps / (1 - at * steps)) - 1 / at)

    return float(brentq(slope, edge * (1 - 1e-12), edge * 1e-12, rtol=1e-6))
