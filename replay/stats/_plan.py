"""How many tests there are, and how much evidence it would take."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

from replay.stats._bound import chance_of_at_most
from replay.stats._counts import Pairs, changes, mean

MOST_CONVERSATIONS, MOST_REPEATS = 1_000_000, 1_000  # more is no plan


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p values adjusted for their number; those at most alpha keep the family's error at alpha.

    S. Holm, Scandinavian Journal of Statistics 6 (1979) 65. A p that is not a number stays one. It holds
    under looking too, if each p does (`Betting.p`): a true hypothesis is only ever rejected when some true
    one has a p of at most alpha over their number, whose chance is at most alpha in all.
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


def needed(pairs: Pairs, margin: float, alpha: float = 0.05, power: float = 0.8) -> Needed:
    """Return how much more evidence shows that the candidate is not worse by `margin`, if it is as it seems.

    It is tried out on the test itself (`not_worse`): conversations that come out in the proportions seen, but
    with a mean that is unlucky by as much as happens once in 1 / (1 - power) times. Repeats shrink what
    varies within conversations, not what lies between them. For a candidate that seems worse than the margin
    it is counted what shows it to be worse at all (`difference`).
    """
    seen = _Seen.of(pairs)
    if not seen:
        return Needed(None, None)
    claim = _Claim(seen, margin, alpha, NormalDist().inv_cdf(power))
    total = _first(lambda number: claim.shown(number, seen.variance), 1, MOST_CONVERSATIONS)
    return Needed(None if total is None else max(total - seen.conversations, 0), _repeats(claim))


def _repeats(claim: _Claim) -> int | None:
    seen = claim.seen
    if not seen.within:
        return None
    between = max(seen.variance - seen.within, 0.0)

    def enough(more: int) -> bool:
        share = seen.repeats / (seen.repeats + more)
        return claim.shown(seen.conversations, between + min(seen.within, seen.variance) * share)

    return 0 if enough(0) else _first(enough, 1, MOST_REPEATS)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is known: shares of changes, and of their variance what attempts of one conversation add."""

    shares: Mapping[float, float]
    conversations: int
    mean: float
    variance: float
    within: float
    repeats: float

    @classmethod
    def of(cls, pairs: Pairs) -> _Seen | None:
        values = changes(pairs)
        number = sum(values.values())
        if not number:
            return None
        middle = mean(values)
        shares = {float(value): times / number for value, times in values.items()}
        variance = sum(share * (value - middle) ** 2 for value, share in shares.items())
        kept = [(pair, times / number) for pair, times in pairs.items() if pair[1] and pair[3]]
        within = sum(share * (_error(*pair[:2]) + _error(*pair[2:])) for pair, share in kept)
        repeats = sum(share * min(pair[1], pair[3]) for pair, share in kept)
        return cls(shares, number, middle, variance, within, repeats)


def _error(passed: int, attempts: int) -> float:
    """The variance of a conversation's rate; of one attempt nothing can be told."""
    return passed * (attempts - passed) / (attempts**2 * (attempts - 1)) if attempts > 1 else 0.0


@dataclass(frozen=True, slots=True)
class _Claim:
    """That the candidate is not worse by the margin; or worse, where that is what it looks like."""

    seen: _Seen
    margin: float
    alpha: float
    luck: float  # a normal quantile

    def shown(self, conversations: float, variance: float) -> bool:
        """Whether so many conversations, of which changes vary so, show it even with that bad luck."""
        seen = self.seen
        scale = math.sqrt(variance / seen.variance) if seen.variance else 1.0
        worse = seen.mean <= -self.margin
        sign, bound, alpha = (-1, 0.0, self.alpha / 2) if worse else (1, -self.margin, self.alpha)
        moved = {
            sign * (seen.mean + (value - seen.mean) * scale): share * conversations
            for value, share in seen.shares.items()
        }
        unlucky = bound + self.luck * math.sqrt(variance / conversations)
        return chance_of_at_most(moved, unlucky) <= alpha


def _first(holds: Callable[[int], bool], low: int, most: int) -> int | None:
    """The first number from `low` on for which it holds, None where that is more than `most`."""
    high = low
    while not holds(high):
        low, high = high + 1, high * 2
        if low > most:
            return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low if low <= most else None
