"""Where the calls of a case end up when they go out in batches: answered by one, or put into the next one.

A case is played as in any live run, but that the network under its cassette is this. What the cassette holds
it plays; what a batch has answered passes through it, and so is recorded; what is asked for the first time is
noted, and the case is played again when its answer is there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from typing import Any, Protocol

from replay.cassette.answers import asked
from replay.cassette.cassette import Cassette
from replay.cassette.interaction import RecordedRequest
from replay.conversation import Object
from replay.errors import SeamError, StorageError
from replay.providers._batches import PRICE, Answer, without_stream
from replay.run import Result
from replay.runner import Planned, Runner
from replay.verdict import Verdict


class Unanswered(SeamError):
    """A call has no answer yet."""


class Mail(Protocol):
    """Sends requests, and has the answers that came."""

    def answer(self, name: str) -> Answer | None:
        """Return what the request of that name was answered, None where nothing is known yet."""

    def hand(self, name: str, planned: Planned, body: Object) -> str:
        """Take a request that a case waits for, once; returns why it is not sent, "" where it is or was.

        Raises StorageError.
        """


@dataclass
class Desk:
    """Takes the calls of one case at a time. `salt` makes the names of requests this run's own."""

    mail: Mail
    salt: str
    planned: Planned = field(init=False)
    posted: int = 0
    refused: list[str] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    broken: StorageError | None = None
    _asked: Counter[str] = field(default_factory=Counter)

    def begin(self, planned: Planned) -> None:
        """Turn to another case."""
        self.planned, self._asked = planned, Counter()
        self.posted, self.refused, self.lost = 0, [], set()

    def take(self, cassette: Cassette, request: RecordedRequest) -> Answer:
        """Answer a request that is not recorded. Raises Unanswered."""
        name = self._name(cassette, request)
        answer = self.mail.answer(name)
        if answer is None:
            self._hand(name, request)
        elif answer.status is None:
            self.refused.append(answer.why)
        else:
            return answer
        self._asked[cassette.key(request)] += 1
        raise Unanswered("waits for a batch")

    def _name(self, cassette: Cassette, request: RecordedRequest) -> str:
        """Name a request: the same in every play of the case until it is recorded, and in no other run."""
        key, case = cassette.key(request), self.planned.case
        number = cassette.count(request) + self._asked[key]
        said = "\n".join((self.salt, self.planned.suite, case.id, key, str(number)))
        return sha256(said.encode()).hexdigest()[:40]

    def _hand(self, name: str, request: RecordedRequest) -> None:
        try:
            why = self.mail.hand(name, self.planned, without_stream(request.body)[0])
        except StorageError as problem:
            self.broken, why = problem, str(problem)
        if why:
            self.refused.append(why)
        else:
            self.posted += 1


class Slot:
    """The transport of one attempt."""

    def __init__(self, desk: Desk, cassette: Cassette, attempt: int) -> None:
        self._desk, self._cassette, self._attempt = desk, cassette, attempt

    def handle_request(self, request: Any) -> Any:
        """Answer from the cassette, or from a batch into the cassette. Raises Unanswered."""
        live = asked(request, request.read())
        self._desk.lost.update(without_stream(live.body)[1])
        held = self._cassette.holds(live)
        inner = None if held else _Answering(self._desk.take(self._cassette, live))
        return self._cassette.transport(inner, attempt=self._attempt).handle_request(request)


class _Answering:
    """A network that has one answer, and had it before it was asked."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def handle_request(self, _: Any) -> Any:
        import httpx2

        answer, played = self._answer, {"replay_played": True}
        headers = answer.headers
        return httpx2.Response(answer.status or 0, headers=headers, content=answer.body, extensions=played)


@dataclass(frozen=True, eq=False)
class Clerk(Runner):
    """A runner whose cases take their calls to a desk. What assertions ask is asked at once."""

    desk: Desk = field(kw_only=True)

    @classmethod
    def of(cls, runner: Runner, desk: Desk) -> Clerk:
        """Return a clerk who works as a runner does; between two attempts a batch goes by, and no sleep."""
        same = {each.name: getattr(runner, each.name) for each in fields(Runner)}
        return cls(**same | {"wait": lambda _: None, "gate": None, "stopped": {}}, desk=desk)

    def seam(self, cassette: Cassette, attempt: int, network: Any) -> Any:  # noqa: ARG002
        """See `Runner.seam`."""
        return Slot(self.desk, cassette, attempt)

    def played(self, planned: Planned) -> tuple[Result | None, str]:
        """Play a case with what is answered; None while a call of it waits. Raises StorageError.

        Also returns why its target should be asked no more, "" where it may. What a batch has answered is
        taken even then: it is paid for.
        """
        self.desk.begin(planned)
        result = self.run(planned)
        if self.desk.broken:
            raise self.desk.broken
        stopped = self.stopped.pop(planned.case.target, "")
        return None if self.desk.posted else self._told(result), stopped

    def _told(self, result: Result) -> Result:
        """Return a result with what a batch makes of it: not sent, half the price, no stream."""
        if self.desk.refused:
            why = "; ".join(dict.fromkeys(self.desk.refused))
            result = replace(result, verdicts=(Verdict("provider", "error", "not_sent", why),))
        if self.desk.lost:
            names = " and ".join(sorted(self.desk.lost))
            result = replace(result, warnings=(*result.warnings, f"a batch is sent without {names}"))
        return result if result.cost is None else replace(result, cost=result.cost * PRICE)
