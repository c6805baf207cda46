"""Plans suites into cases and runs a case: fixture, cassette, play, verdicts, result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

from replay import assertions, fixtures, player, providers
from replay.assertions._cost import cost_of
from replay.cache import Cached
from replay.cassette.cassette import Cassette
from replay.cassette.network import blocked
from replay.cassette.redact import Redactor
from replay.config import Project
from replay.conversation import Conversation, Object
from replay.errors import BadInput, Fault, SeamError
from replay.run import Case, Result
from replay.suites import Entry, Suite
from replay.turn import ApiError, Play, Request, Target, Transcript, Turn
from replay.verdict import Verdict

RETRYABLE = ("rate_limit", "overloaded", "server", "timeout", "connection")
LONGEST_WAIT = 120.0  # seconds; a provider that asks for more is not waited for


@dataclass(frozen=True, slots=True)
class Planned:
    """A case, the entry of the suite that says how to play and judge it, the paths of suite and fixture.

    The conversation itself is read again when the case runs: a session of 10,000 cases holds none.
    """

    case: Case
    entry: Entry
    suite: str
    fixture: Path


def plan(suite: Suite, project: Project, targets: Iterable[str] | None = None) -> list[Planned]:
    """Return the cases of a suite: each entry against each of its targets (or these), `repeats` times.

    Every conversation is read and checked. Raises BadInput with the faults of all of them, and with
    assertions that make no sense for a conversation.
    """
    planned: list[Planned] = []
    faults: list[Fault] = []
    shown = project.shown(suite.path)
    for entry in suite.entries:
        try:
            fixture = fixtures.find(entry.conversation, project)
            conversation = fixtures.load(fixture, project)
        except BadInput as problem:
            faults += problem.faults
            continue
        where = Fault(shown, entry.line, 0, "")
        faults += (_placed(fault, where) for fault in assertions.review(entry.assertions, conversation))
        tags = tuple(dict.fromkeys((*conversation.tags, *entry.tags)))
        for target in targets or entry.targets:
            project.target(target)
            for attempt in range(1, entry.repeats + 1):
                case = Case(entry.conversation, target, attempt, suite.name, tags)
                planned.append(Planned(case, entry, shown, fixture))
    if any(not fault.warning for fault in faults):
        raise BadInput(faults)
    return planned


def _placed(fault: Fault, where: Fault) -> Fault:
    return replace(fault, path=where.path, line=where.line)


def cassette_path(project: Project, case: Case) -> Path:
    """Return a case's cassette: `fixtures/cassettes/<conversation>/<target>.yaml`, with `#2` for a repeat."""
    repeat = f"#{case.attempt}" if case.attempt > 1 else ""
    return Path(f"{project.cassettes}/{case.conversation}/{case.target}{repeat}.yaml")


@dataclass(frozen=True, eq=False)  # by identity: what it has opened is its own
class Runner:
    """Runs cases in this process; safe to use from threads. `inner` is what lies under the cassettes."""

    project: Project
    mode: str = "none"
    strict: bool = False
    pace: bool = False
    inner: Any = None

    @property
    def live(self) -> bool:
        """Whether a case may reach the network."""
        return self.mode != "none"

    def ready(self, targets: Iterable[str]) -> None:
        """Check before the first paid call that each target has its credentials. Raises BadInput."""
        for name in sorted(set(targets)):
            for variable, value in self._secrets(self.project.target(name)).items():
                if not value:
                    raise BadInput(f"target {name}: set {variable} to record; replaying offline needs no key")

    def run(self, planned: Planned) -> Result:
        """Play and judge one case. What goes wrong while it plays is a verdict, never an exception."""
        case, entry = planned.case, planned.entry
        target = self.project.target(case.target)
        conversation = fixtures.load(planned.fixture, self.project)
        with self._cassette(planned, target) as cassette:
            play = _Play(target, cassette, partial(self._transport, cassette, entry), live=self.live)
            transcript, found = play(conversation, entry.play)
        verdicts = (*found, *self._seam(cassette, play, entry))
        if not play.refused:  # what could not run is not judged
            verdicts += assertions.judge(entry.assertions, transcript)
        return Result(case, transcript, verdicts, _cost(transcript), self._files(planned, cassette))

    def _seam(self, cassette: Cassette, play: _Play, entry: Entry) -> Iterator[Verdict]:
        """Yield what the seam says of a case: nothing may be answered by anything else than the cassette."""
        for miss in dict.fromkeys(map(str, (*cassette.misses, *play.refused))):
            yield _failed("no_recording", miss.removeprefix(f"{self.project.root}/"))
        for place in dict.fromkeys(play.tried):
            yield _failed("network", f"tried to reach {place} while offline")
        if cassette.last is None and not entry.faults:
            yield _failed("not_intercepted", "no request went through the cassette")
        for drift in cassette.drift:
            yield _failed("drift", str(drift))
        if self.strict and cassette.unplayed:
            numbers = ", ".join(f"#{index + 1}" for index in cassette.unplayed)
            yield _failed("unplayed", f"recorded and not asked for: {numbers} of {cassette.path.name}")

    def _cassette(self, planned: Planned, target: Target) -> Cassette:
        case = planned.case
        return Cassette(
            cassette_path(self.project, case),
            self.mode,
            redactor=self._redactor(target.name),
            ignore=planned.entry.ignore,
            record_hint=f'pytest "{planned.suite}::{case.id}" --record-mode=new_episodes',
            cache=lambda raw: Cached(str(self.project.root), f"cassettes/{case.id}", raw, ("cassette",)),
        )

    def _transport(self, cassette: Cassette, entry: Entry, attempt: int) -> Any:
        transport = cassette.transport(self._network if self.live else None, attempt=attempt, pace=self.pace)
        for fault in reversed(entry.faults):
            transport = fault(transport)
        return transport

    @cache  # noqa: B019 - a runner lives as long as its session
    def _redactor(self, name: str) -> Redactor:
        return Redactor.for_project(self.project, self._secrets(self.project.target(name)))

    @cached_property
    def _network(self) -> Any:
        """One connection pool for the session: a new one costs a TLS context."""
        import httpx2

        return self.inner or httpx2.HTTPTransport()

    def _secrets(self, target: Target) -> dict[str, str | None]:
        return providers.registry.get(target.provider).secrets(target)

    def _files(self, planned: Planned, cassette: Cassette) -> Object:
        return {
            "suite": planned.suite,
            "conversation": f"fixtures/conversations/{planned.case.conversation}.yaml",
            "cassette": self.project.shown(cassette.path),
        }


class _Play:
    """One play of one case: sends through the seam, tries again by error class, keeps refusals."""

    def __init__(
        self, target: Target, cassette: Cassette, transport: Callable[[int], Any], *, live: bool
    ) -> None:
        self.target, self.cassette, self.transport, self.live = target, cassette, transport, live
        self.refused: list[SeamError] = []
        self.tried: list[str] = []
        self.turns, self.name = 0, ""
        self._provider = providers.registry.get(target.provider)

    def __call__(self, conversation: Conversation, how: Play) -> tuple[Transcript, tuple[Verdict, ...]]:
        self.name = conversation.name
        with nullcontext() if self.live else blocked() as guard:
            try:
                return player.play(conversation, self.target, self._send, how), ()
            except player.Stopped as stop:
                return stop.transcript, (Verdict("play", "failed", stop.kind, str(stop)),)
            finally:
                self.tried = list(guard.tried) if guard else []

    def _send(self, request: Request) -> Turn:
        self.turns += 1
        self.cassette.label = f"turn {self.turns} of {self.name}"
        attempts = 1
        turn = self._once(request, attempts)
        while self._again(turn, attempts):
            attempts += 1
            turn = self._once(request, attempts)
        return replace(turn, attempts=attempts)

    def _once(self, request: Request, attempt: int) -> Turn:
        try:
            return self._provider.send(request, self.target, self.transport(attempt))
        except SeamError as problem:
            self.refused.append(problem)
            error = ApiError("seam", message=str(problem), exception=type(problem).__name__)
            return Turn(request, error=error)

    def _again(self, turn: Turn, attempts: int) -> bool:
        """Try again by error class; a recorded further attempt is played at once, without its wait."""
        if turn.error is None or turn.error.kind not in RETRYABLE:
            return False
        if self.cassette.has_retry():
            return True
        if not self.live or attempts > (self.target.settings.get("retries") or 0):
            return False
        wait = turn.error.retry_after if turn.error.retry_after is not None else min(0.5 * 2**attempts, 8.0)
        if wait <= LONGEST_WAIT:
            time.sleep(wait)
        return wait <= LONGEST_WAIT


def _failed(kind: str, message: str) -> Verdict:
    return Verdict("seam", "failed", kind, message)


def _cost(transcript: Transcript) -> float | None:
    price = transcript.target.settings.get("price")
    costs = [cost_of(turn, price) for turn in transcript.turns]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None
