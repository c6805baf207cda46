"""Adds up one candidate against the baseline: counts only, whatever the number of conversations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from replay.compare._attempts import Attempt
from replay.compare._groups import Group
from replay.comparison import AMOUNTS, OVERALL, Change, Changed, Table
from replay.stats import Amounts, Pair

SHOWN = {"lost": 200, "won": 200, "changed": 100}  # conversations of a kind that a report opens


@dataclass(slots=True)
class Tally:
    """What is known of a candidate. `pairs` and `missing` are by assertion, `missing` by side too."""

    baseline: str
    candidate: str
    pairs: dict[str, Counter[Pair]] = field(default_factory=dict)
    missing: Counter[tuple[str, str]] = field(default_factory=Counter)
    amounts: dict[str, Amounts] = field(default_factory=lambda: {name: Amounts() for name in AMOUNTS})
    changes: list[Change] = field(default_factory=list)
    changed: Counter[str] = field(default_factory=Counter)
    conversations: int = 0

    def add(self, group: Group) -> None:
        """Take the attempts at one conversation; one that only one side was asked tells nothing."""
        before, after = group.get(self.baseline, []), group.get(self.candidate, [])
        if not before or not after:
            return
        self.conversations += 1
        for name in _names((*before, *after)):
            self._count(name, before, after)
        for name, amounts in self.amounts.items():
            amounts.add(_values(before, name), _values(after, name))
        self._note(before, after)

    def _count(self, name: str, before: Sequence[Attempt], after: Sequence[Attempt]) -> None:
        old, new = _judged(before, name), _judged(after, name)
        self.missing[name, self.baseline] += len(before) - len(old)
        self.missing[name, self.candidate] += len(after) - len(new)
        if old and new:
            pair = Pair(sum(old), len(old), sum(new), len(new))
            self.pairs.setdefault(name, Counter())[pair] += 1

    def _note(self, before: Sequence[Attempt], after: Sequence[Attempt]) -> None:
        change = changed(before, after)
        self.changed[change.kind if change else "same"] += 1
        if change and self.changed[change.kind] <= SHOWN[change.kind]:
            self.changes.append(change)


def table(pairs: Mapping[Pair, int]) -> Table:
    """Count conversations by whether more than half of their attempts passed, on either side."""
    counts: Counter[tuple[bool, bool]] = Counter()
    for pair, times in pairs.items():
        old = mostly(pair.baseline_passed, pair.baseline_attempts)
        counts[old, mostly(pair.candidate_passed, pair.candidate_attempts)] += times
    return Table(counts[True, True], counts[True, False], counts[False, True], counts[False, False])


def differing(pairs: Mapping[Pair, int]) -> int:
    """Count the conversations whose rate is another one at the candidate."""
    return sum(times for (a, n, b, m), times in pairs.items() if a * m != b * n)


def mostly(passed: int, attempts: int) -> bool:
    """Whether a conversation passes, going by most of its attempts; half of them is not enough."""
    return 2 * passed > attempts


def changed(before: Sequence[Attempt], after: Sequence[Attempt]) -> Change | None:
    """Return how a conversation came out differently, None where it did not or was not judged."""
    old, new = _judged(before, OVERALL), _judged(after, OVERALL)
    if not old or not new:
        return None
    passes = mostly(sum(old), len(old)), mostly(sum(new), len(new))
    if passes[0] != passes[1]:
        kind: Changed = "lost" if passes[0] else "won"
    elif {one.said for one in before} & {one.said for one in after}:
        return None
    else:
        kind = "changed"
    first, second = _example(before, passes[0]), _example(after, passes[1])
    return Change(
        kind,
        first.suite,
        first.conversation,
        (sum(old), sum(new)),
        (len(old), len(new)),
        first.case,
        second.case,
        _identities(before, after),
        first.file,
    )


def _example(attempts: Sequence[Attempt], passes: bool) -> Attempt:
    """The first attempt that came out as most did."""
    return next((one for one in attempts if one.passed.get(OVERALL) is passes), attempts[0])


def _identities(before: Sequence[Attempt], after: Sequence[Attempt]) -> tuple[tuple[str, str], ...]:
    """The failures that come more often on one side."""
    old, new = (Counter(found for one in side for found in one.identities) for side in (before, after))
    differ = (found for found in old | new if old[found] * len(after) != new[found] * len(before))
    return tuple(sorted(differ))


def _names(attempts: Iterable[Attempt]) -> dict[str, None]:
    """OVERALL, then the assertions in the order in which they were judged."""
    return dict.fromkeys((OVERALL, *(name for one in attempts for name in one.passed)))


def _judged(attempts: Iterable[Attempt], name: str) -> list[bool]:
    return [one.passed[name] for one in attempts if name in one.passed]


def _values(attempts: Iterable[Attempt], name: str) -> list[float]:
    return [one.amounts[name] for one in attempts if name in one.amounts]
