"""Looking at a candidate while conversations come in, so that asking can stop as soon as it is decided.

Each claim is an e-process (see `replay.stats.Betting`), which holds however often one looks; claims of one
kind are adjusted for their number by Holm. When every
conversation has been asked and nothing is decided, a further round adds repeats; it begins anew on the means
over all repeats so far, with alpha/2, alpha/4, ... of the first, second, ... round, whose sum is alpha
(P. Bauer, Multiple testing in clinical trials, Statistics in Medicine 10 (1991) 871: a union bound).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from statistics import fmean

from replay.compare._attempts import Attempt
from replay.compare._groups import Group
from replay.compare._question import Question
from replay.comparison import OVERALL, Finding
from replay.stats import Betting, holm


class Watch:
    """One candidate. `found` holds what is decided, by assertion; once decided, it stays."""

    def __init__(self, question: Question, candidate: str) -> None:
        self.question, self.candidate = question, candidate
        self.found: dict[str, Finding] = {}
        self.round = 0
        self._claims: dict[Finding, dict[str, Betting]] = {}
        self.next_round()

    def next_round(self) -> None:
        """Begin a round: its conversations come all again."""
        self.round += 1
        question = self.question
        self._claims = {
            "worse": {name: Betting(0.0) for name in question.family},
            "not worse": {name: Betting(-question.margin_of(name)) for name in question.primary},
        }

    @property
    def decided(self) -> bool:
        """Whether more evidence could change nothing."""
        primary = [self.found.get(name) for name in self.question.primary]
        return "worse" in self.found.values() or all(state == "not worse" for state in primary)

    def add(self, group: Group) -> None:
        """Take the next conversation, as far as this round goes."""
        for name, change in changes(group, self.question, self.candidate, self.round).items():
            for finding, sign in _SIDES:
                if claim := self._claims[finding].get(name):
                    claim.add(sign * change)
        for finding, claims in self._claims.items():
            adjusted = holm({name: claim.p for name, claim in claims.items()})
            for name, p in adjusted.items():
                if p <= self.question.alpha * 2.0**-self.round:
                    self.found.setdefault(name, finding)


_SIDES: tuple[tuple[Finding, int], ...] = (("worse", -1), ("not worse", 1))


def changes(group: Group, question: Question, candidate: str, rounds: int) -> Mapping[str, float]:
    """Return by how much the rate of each assertion changed over the attempts of so many rounds."""
    upto = rounds * question.repeats
    before, after = (
        [one for one in group.get(target, ()) if one.number <= upto]
        for target in (question.baseline, candidate)
    )
    return dict(_changes(before, after))


def _changes(before: list[Attempt], after: list[Attempt]) -> Iterator[tuple[str, float]]:
    for name in dict.fromkeys((OVERALL, *(name for one in before for name in one.passed))):
        old, new = ([one.passed[name] for one in side if name in one.passed] for side in (before, after))
        if old and new:
            yield name, fmean(new) - fmean(old)


def place(seed: int, suite: str, conversation: str) -> bytes:
    """Where a conversation stands in the order of a comparison: at random, and the same every time."""
    return hashlib.sha256(f"{seed}\0{suite}\0{conversation}".encode()).digest()[:8]


def watched(groups: Iterable[Group], question: Question) -> dict[str, Watch]:
    """Look at a run again as it was looked at while it came in: conversations in their order, in rounds."""
    watches = {candidate: Watch(question, candidate) for candidate in question.candidates}
    kept = sorted(
        (_place(group, question.seed), number, group) for number, group in enumerate(groups) if group
    )
    rounds = max((one.number for *_, group in kept for side in group.values() for one in side), default=1)
    for watch in watches.values():
        for number in range(-(-rounds // question.repeats)):
            if number:
                watch.next_round()
            for *_, group in kept:
                watch.add(group)
            if watch.decided:
                break
    return watches


def _place(group: Group, seed: int) -> bytes:
    one = next(iter(group.values()))[0]
    return place(seed, one.suite, one.conversation)
