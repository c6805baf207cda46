"""Which case is asked next, and when nothing more is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from replay.compare._attempts import Attempt
from replay.compare._cases import Cases, repeated
from replay.compare._groups import Group, by_target
from replay.compare._watch import Watch
from replay.runner import Planned
from replay.runs import RunWriter

ROUNDS = 5  # of repeats that are added until it is decided
DECIDED = "decided"


class Feed:
    """The cases of a comparison that have no answer yet. `stopped` says why no more are asked."""

    def __init__(self, cases: Iterable[Planned], writer: RunWriter) -> None:
        self.stopped = ""
        self._cases, self._writer = cases, writer

    def __iter__(self) -> Iterator[Planned]:
        for planned in self._cases:
            if self.stopped:
                return
            if self.is_open(planned):
                yield planned

    def is_open(self, planned: Planned) -> bool:
        """Whether a case has no result, or only an error."""
        return self._writer.outcome_of((planned.case.suite, planned.case.id)) in (None, "error")

    def came(self, attempt: Attempt) -> None:
        """Take what an attempt came to."""


class Until(Feed):
    """Conversation after conversation, all its attempts at once, until every candidate is decided.

    `there` are the attempts that a run which is resumed has already. Conversations are looked at in their
    order, whichever is answered first, so that the same run is looked at in the same way again.
    """

    def __init__(self, cases: Cases, writer: RunWriter, there: Iterable[Attempt]) -> None:
        super().__init__(cases, writer)
        question = cases.question
        self._order = cases.by_conversation()
        self._repeats, self._targets = question.repeats, len(question.targets)
        self._watches = [Watch(question, candidate) for candidate in question.candidates]
        self._came: dict[tuple[str, str], dict[str, Attempt]] = {}
        self._round, self._next = 1, 0
        for attempt in there:
            self._keep(attempt)

    def __iter__(self) -> Iterator[Planned]:
        for round_ in range(ROUNDS):
            attempts = range(round_ * self._repeats + 1, (round_ + 1) * self._repeats + 1)
            for firsts in self._order:
                self._look()
                if self.stopped:
                    return
                yield from filter(self.is_open, repeated(firsts, attempts))

    def came(self, attempt: Attempt) -> None:
        """Take what an attempt came to, and look at every conversation that is whole now."""
        self._keep(attempt)
        self._look()

    def _keep(self, attempt: Attempt) -> None:
        self._came.setdefault(attempt.place, {})[attempt.case] = attempt

    def _look(self) -> None:
        while not self.stopped and (group := self._whole()) is not None:
            for watch in self._watches:
                watch.add(group)
            self._next += 1
            if all(watch.decided for watch in self._watches):
                self.stopped = DECIDED
            elif self._next == len(self._order):
                self._begin_round()

    def _whole(self) -> Group | None:
        """The conversation that is looked at next, once all its attempts of this round are there."""
        if self._round > ROUNDS:
            return None
        case = self._order[self._next][0].case
        came = self._came.get((case.suite, case.conversation), {}).values()
        upto = self._round * self._repeats
        attempts = [one for one in came if one.number <= upto]
        return by_target(attempts) if len(attempts) == upto * self._targets else None

    def _begin_round(self) -> None:
        self._round, self._next = self._round + 1, 0
        for watch in self._watches:
            watch.next_round()
