"""How many tests there are, and how much evidence it would take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist, fmean, variance
from typing import NamedTuple

from replay.stats._intervals import Cluster

MOST = 1_000_000  # conversations; more is no plan


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p values adjusted for their number; those at most alpha keep the family's error at alpha.

    S. Holm, Scandinavian Journal of Statistics 6 (1979) 65. A p that is not a number stays one.
    """
    known = sorted((p, name) for name, p in p_values.items() if not math.isnan(p))
    adjusted = {name: p for name, p in p_values.items() if math.isnan(p)}
    highest = 0.0
    for place, (p, name) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - place) * p))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}


class Needed(NamedTuple):
    """What more it would take: either so many conversations as they are played now, or so many repeats.

    None where that alone can never do.
    """

    conversations: int | None
    repeats: int | None


def needed(
    baseline: Sequence[Cluster],
    candidate: Sequence[Cluster],
    margin: float,
    alpha: float = 0.05,
    power: float = 0.8,
) -> Needed:
    """Return how much more evidence shows that the candidate is not worse by `margin`, if it is as it seems.

    The variance of a conversation's difference is what lies between conversations plus what attempts add
    (shrinking with their number); the sample is then the usual one of a one-sided z test. A candidate that
    seems worse than the margin is never shown to be better: then it is counted what shows it to be worse.
    """
    pairs = [(a, b) for a, b in zip(baseline, candidate, strict=True) if a and b]
    if len(pairs) < 2:
        return Needed(None, None)
    changes = [fmean(b) - fmean(a) for a, b in pairs]
    distance = abs(fmean(changes) + margin)
    repeats = fmean(min(len(a), len(b)) for a, b in pairs)
    within = fmean(_within(a) + _within(b) for a, b in pairs)  # of a single pair of attempts
    # a difference never seen says little of how rarely it happens: one more that changed is allowed for
    total = max(variance(changes), 1 / len(pairs) ** 2)
    between = max(total - within / repeats, 0.0)
    if distance == 0:
        return Needed(None, None)
    unit = ((NormalDist().inv_cdf(1 - alpha) + NormalDist().inv_cdf(power)) / distance) ** 2
    conversations = math.ceil(unit * (between + within / repeats))
    room = len(pairs) / unit - between
    attempts = math.ceil(within / room) if room > 0 and within else None
    more = conversations - len(pairs)
    return Needed(
        max(more, 0) if more < MOST else None,
        max(attempts - math.floor(repeats), 0) if attempts is not None else None,
    )


def _within(cluster: Cluster) -> float:
    """The variance of one attempt; 0 where there is only one, whose share cannot be told apart."""
    return variance(cluster) if len(cluster) > 1 else 0.0
