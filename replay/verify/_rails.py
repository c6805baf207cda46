"""Plays a case along its recording, whatever it asks by now: the answer is always a recorded one.

So one sees every request that a case would send today, beside the recorded one that it comes from, and a play
that goes on after an answer goes on as it was recorded. Nothing is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from replay import assertions, player, providers
from replay.cache import Later
from replay.cassette import fold
from replay.cassette.cached import read
from replay.cassette.interaction import Interaction, RecordedRequest, RecordedResponse
from replay.cassette.lookup import Lookup
from replay.cassette.match import key
from replay.cassette.nearest import nearest
from replay.cassette.network import blocked
from replay.cassette.redact import Redactor
from replay.cassette.transport import CassetteTransport
from replay.conversation import Conversation
from replay.errors import BadInput, CassetteMiss, Fault, SeamError
from replay.faults import Faults
from replay.run import Case
from replay.runner import Planned, Runner, Tries, targets_of
from replay.turn import Request, Target, Transcript, Turn


@dataclass(frozen=True, slots=True)
class Step:
    """A request as it is sent today (redacted) and its turn, answered from `recorded`.

    It is `exact` where that is what was recorded; else `recorded` is the nearest that nothing has asked for,
    None (and no turn) where there is none left. `key` is what equal requests share.
    """

    request: RecordedRequest
    key: str
    recorded: Interaction | None
    exact: bool
    turn: Turn | None = None


@dataclass(frozen=True, slots=True)
class Ride:
    """A case played along its recording. `unused` interactions (from 0) nothing has asked for."""

    planned: Planned
    path: Path
    conversation: Conversation
    steps: tuple[Step, ...]
    interactions: int
    unused: tuple[int, ...]

    @property
    def case(self) -> Case:
        """The case."""
        return self.planned.case


def along(cases: Iterable[Planned], runner: Runner) -> Iterator[Ride]:
    """Play every case along its recording; the faults of all cassettes come in one BadInput."""
    faults: list[Fault] = []
    for planned in cases:
        try:
            yield ride(planned, runner)
        except BadInput as problem:
            faults += problem.faults
    if faults:
        raise BadInput(faults)


def ride(planned: Planned, runner: Runner) -> Ride:
    """Play a case along its recording. Raises BadInput for a damaged fixture or cassette, StorageError."""
    project, case = runner.project, planned.case
    target, conversation = project.target(case.target), runner.conversation(planned)
    path = runner.cassette_of(case)
    rails = _Rails(path, _interactions(path, planned, runner), runner.redactor(*targets_of(planned)), planned)
    with blocked():
        _play(planned, conversation, target, rails, runner)
    steps, unused = tuple(rails.steps), rails.lookup.unplayed
    return Ride(planned, path, conversation, steps, len(rails.lookup.interactions), unused)


def _interactions(path: Path, planned: Planned, runner: Runner) -> Sequence[Interaction]:
    raw = fold.bytes_of(path)
    if raw is None:
        return ()
    kept = Later(str(runner.project.root), f"cassettes/{planned.case.id}", raw, ("cassette",))
    return read(str(path), raw, kept)  # looked up as a run keeps it, and not kept by us


def _play(
    planned: Planned, conversation: Conversation, target: Target, rails: _Rails, runner: Runner
) -> None:
    entry, faults = planned.entry, Faults(planned.entry.faults)
    provider = providers.registry.get(target.provider)

    def send(request: Request) -> Turn:
        return rails.sent(target, lambda at: provider.send(request, at, faults(CassetteTransport(rails))))

    def ask(name: str, send_to: Callable[[Target, Any], Turn]) -> Turn:
        asked = runner.project.target(name)
        return rails.sent(asked, lambda at: send_to(at, CassetteTransport(rails)))

    transcript = Transcript(conversation, target, (), entry.play)
    try:
        transcript = player.play(conversation, target, send, entry.play, entry.turns, entry.loop)
    except player.Stopped as stop:
        transcript = stop.transcript
    except SeamError:
        return
    if assertions.asked(entry.assertions):
        assertions.judge(entry.assertions, transcript, ask)


class _Rails:
    """A seam that answers every request from the recording."""

    def __init__(
        self, path: Path, interactions: Sequence[Interaction], redactor: Redactor, planned: Planned
    ) -> None:
        self.path, self.steps = path, list[Step]()
        self._redactor, self._ignore = redactor, planned.entry.ignore
        self.lookup = Lookup(interactions, self._key)
        self._last: RecordedRequest | None = None
        self._tries = Tries(self, None, 0, again=bool(planned.entry.faults))

    def sent(self, target: Target, once: Callable[[Target], Turn]) -> Turn:
        """Send a request, again where a run would, and keep its turn. Raises SeamError."""
        first = len(self.steps)
        turn = self._tries(target, lambda _: once(self._placed(target)))
        if len(self.steps) > first:  # a fault may have answered
            del self.steps[first:-1]
            self.steps[-1] = replace(self.steps[-1], turn=turn)
        return turn

    def play(self, request: RecordedRequest) -> RecordedResponse:
        """Answer from the recording: what was recorded for this request, else for the nearest to it."""
        self._last, asked = request, self._redactor.request(request)
        index = self.lookup.take(request)
        exact = index is not None
        if index is None:
            index = self._nearest(asked)
        found = None if index is None else self.lookup.interactions[index]
        self.steps.append(Step(asked, key(asked, self._ignore), found, exact))
        if found is None:
            raise self.miss("nothing is recorded that could answer")
        return found.response

    def miss(self, message: str) -> CassetteMiss:
        """Return what to raise."""
        return CassetteMiss(message)

    def record(self, request: RecordedRequest, response: RecordedResponse) -> None:
        """Nothing is ever sent."""
        raise NotImplementedError

    def _placed(self, target: Target) -> Target:
        """Return a target that needs nothing of the environment: it is asked where its recording was."""
        unplayed = self.lookup.unplayed
        uri = self.lookup.interactions[unplayed[0]].request.uri if unplayed else ""
        return replace(target, settings={**target.settings, "recorded_uri": uri})

    def _nearest(self, asked: RecordedRequest) -> int | None:
        """Take the nearest of what is left, a whole answer if there is one."""
        left = self.lookup.unplayed
        left = tuple(index for index in left if self.lookup.interactions[index].response.whole) or left
        if not left:
            return None
        place, _ = nearest(asked, [self.lookup.interactions[index] for index in left], self._ignore)
        self.lookup.skip([left[place]])
        return left[place]

    def has_retry(self) -> bool:
        """Whether the next recorded answer to the last request is a further attempt."""
        index = self.lookup.peek(self._last) if self._last else None
        return index is not None and self.lookup.interactions[index].response.attempt > 1

    def _key(self, request: RecordedRequest) -> str:
        return key(self._redactor.request(request), self._ignore)
