"""Plans suites into cases and runs a case: fixture, cassette, play, verdicts, result."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

from replay import assertions, filenames, fixtures, player, providers
from replay.assertions._cost import cost_of
from replay.assertions._found import name_of
from replay.cache import Cached
from replay.cassette.cassette import Cassette
from replay.cassette.network import blocked
from replay.cassette.redact import Redactor
from replay.config import Project, environment
from replay.conversation import Conversation, Object
from replay.errors import BadInput, Fault, ProviderFailure, ReplayError, SeamError, StorageError
from replay.run import Case, Result
from replay.suites import Entry, Suite
from replay.turn import ApiError, Play, Request, Target, Transcript, Turn
from replay.verdict import Verdict

RETRYABLE = ("rate_limit", "overloaded", "server", "timeout", "connection")
LONGEST_WAIT = 120.0  # seconds; a provider that asks for more is not waited for


@dataclass(frozen=True, slots=True)
class Planned:
    """A case, the entry of the suite that says how to play and judge it, the suite's path, the fixture's.

    The conversation itself is read again when the case runs: a session of 10,000 cases holds none.
    """

    case: Case
    entry: Entry
    suite: str
    fixture: Path


def plan(
    suite: Suite,
    project: Project,
    targets: Iterable[str] | None = None,
    *,
    warnings: list[Fault] | None = None,
) -> list[Planned]:
    """Return the cases of a suite: each entry against each of its targets (or these), `repeats` times.

    Every conversation is read and checked; what is odd is added to `warnings`. Raises BadInput with the
    faults of all of them, and with assertions that make no sense for a conversation.
    """
    planned: list[Planned] = []
    faults: list[Fault] = []
    shown = project.shown(suite.path)
    for entry in suite.entries:
        try:
            fixture = fixtures.find(entry.conversation, project)
            conversation = fixtures.load(fixture, project, warnings=faults)
        except BadInput as problem:
            faults += problem.faults
            continue
        where = Fault(shown, entry.line, 0, "")
        if odd := fixtures.name_fault(entry.conversation):
            faults.append(replace(where, message=f'the name "{entry.conversation}" {odd}; rename the file'))
        faults += (_placed(fault, where) for fault in assertions.review(entry.assertions, conversation))
        tags = tuple(dict.fromkeys((*conversation.tags, *entry.tags)))
        for target in targets or entry.targets:
            project.target(target)
            for attempt in range(1, entry.repeats + 1):
                case = Case(entry.conversation, target, attempt, suite.name, tags)
                planned.append(Planned(case, entry, shown, fixture))
    errors = [fault for fault in faults if not fault.warning]
    if errors:
        raise BadInput(errors)
    if warnings is not None:
        warnings.extend(faults)
    return planned


def clashes(planned: Iterable[Planned]) -> Iterator[Fault]:
    """Find conversations whose cassettes would be one file on a disk that does not tell cases apart."""
    suites = {one.case.conversation: one.suite for one in planned}
    for first, second in filenames.clashing(suites):
        message = f'conversations "{first}" and "{second}" are one file name on many disks; rename one'
        yield Fault(suites[second], 0, 0, message)


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
    _stopped: dict[str, str] = field(default_factory=dict)  # why a target is asked no more

    @property
    def live(self) -> bool:
        """Whether a case may reach the network."""
        return self.mode != "none"

    def ready(self, targets: Iterable[str]) -> None:
        """Check before the first paid call that each target has its credentials and its address.

        Raises BadInput; what the environment holds is never shown.
        """
        for name in sorted(set(targets)):
            target = self.project.target(name)
            for variable, setting in self._variables(target).items():
                if not environment(variable, setting, target):
                    raise BadInput(f"target {name}: set {variable} to record; replaying offline needs no key")

    def run(self, planned: Planned) -> Result:
        """Play and judge one case. What goes wrong while it plays is a verdict, never an exception."""
        case, entry = planned.case, planned.entry
        target = self.project.target(case.target)
        transcript = Transcript(Conversation(case.conversation, ()), target, (), entry.play)
        warnings: tuple[str, ...] = ()
        try:
            conversation = fixtures.load(planned.fixture, self.project)
            transcript = replace(transcript, conversation=conversation)
            if case.target in self._stopped:
                raise ProviderFailure(self._stopped[case.target])
            transcript, verdicts, warnings = self._judged(planned, conversation, target)
        except (ReplayError, OSError) as problem:
            verdicts = (self._could_not_run(problem),)
        return Result(case, transcript, verdicts, _cost(transcript), self._files(planned), warnings)

    def _judged(
        self, planned: Planned, conversation: Conversation, target: Target
    ) -> tuple[Transcript, tuple[Verdict, ...], tuple[str, ...]]:
        entry = planned.entry
        with self._cassette(planned, target) as cassette:
            play = _Play(
                target if self.live else _as_recorded(target, cassette),
                cassette,
                partial(self._transport, cassette, entry),
                live=self.live,
            )
            transcript, found = play(conversation, entry.play)
        transcript = replace(transcript, target=target)
        if self.live:
            transcript = _clean(transcript, self._redactor(target.name))
            self._stop_if_refused(transcript, entry)
        verdicts = (*found, *self._seam(cassette, play, entry))
        if not play.refused:  # what could not run is not judged
            verdicts += _without_answer(assertions.judge(entry.assertions, transcript), transcript, entry)
        odd = tuple(_odd(cassette))
        if self.strict:
            return transcript, (*verdicts, *(_failed(*item) for item in odd)), ()
        return transcript, verdicts, tuple(message for _, message in odd)

    def _stop_if_refused(self, transcript: Transcript, entry: Entry) -> None:
        """Ask a target no more once it has said that the account or the key is at its end."""
        error = transcript.last.error if transcript.last else None
        if error and (error.kind == "billing" or error.status == 401) and not _expects_error(entry):
            name = transcript.target.name
            self._stopped[name] = f"not sent: target {name} has refused a call before ({error.message})"

    def _could_not_run(self, problem: ReplayError | OSError) -> Verdict:
        if isinstance(problem, ProviderFailure):
            return Verdict("provider", "error", "not_sent", str(problem))
        kind = "storage" if isinstance(problem, StorageError | OSError) else "bad_input"
        return Verdict("seam", "error", kind, self._shown(str(problem)))

    def _shown(self, message: str) -> str:
        return message.replace(f"{self.project.root}{os.sep}", "")

    def _seam(self, cassette: Cassette, play: _Play, entry: Entry) -> Iterator[Verdict]:
        """Yield what the seam says of a case: nothing may be answered by anything else than the cassette."""
        for miss in dict.fromkeys(map(str, (*cassette.misses, *play.refused))):
            yield _failed("no_recording", self._shown(miss))
        for place in dict.fromkeys(play.tried):
            yield _failed("network", f"tried to reach {place} while offline")
        if cassette.last is None and not entry.faults:
            yield _failed("not_intercepted", "no request went through the cassette")
        for drift in cassette.drift:
            yield _failed("drift", str(drift))

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

    def _variables(self, target: Target) -> dict[str, str]:
        """The environment variables that a live call needs, and the setting that each is for."""
        given = {
            key.removesuffix("_env"): value for key, value in target.settings.items() if key[-4:] == "_env"
        }
        named = {str(value): key for key, value in given.items() if key not in target.settings}
        return dict.fromkeys(self._secrets(target), "api_key") | named

    def _files(self, planned: Planned) -> Object:
        case = planned.case
        return {
            "suite": planned.suite,
            "conversation": f"fixtures/conversations/{case.conversation}.yaml",
            "cassette": self.project.shown(cassette_path(self.project, case)),
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


def _odd(cassette: Cassette) -> Iterator[tuple[str, str]]:
    """Yield kind and message of what is worth a look and no failure: with `strict` it is one."""
    if cassette.unplayed and cassette.mode != "all":
        numbers = ", ".join(f"#{index + 1}" for index in cassette.unplayed)
        where = f"{cassette.path.parent.name}/{cassette.path.name}"
        yield "unplayed", f"recorded and not asked for: {numbers} of {where}"
    if cassette.elsewhere:
        yield "other_host", "recorded at {}, asked at {}".format(*cassette.elsewhere)


def _as_recorded(target: Target, cassette: Cassette) -> Target:
    """Return a target that needs nothing of the environment: it is asked where its recording was."""
    uri = next((interaction.request.uri for interaction in cassette.interactions), "")
    return replace(target, settings={**target.settings, "recorded_uri": uri})


def _clean(transcript: Transcript, redactor: Redactor) -> Transcript:
    """Return a live transcript as its recording will play it: no secret is judged, shown or written."""
    turns = (replace(turn, raw=turn.raw and redactor.text(turn.raw)) for turn in transcript.turns)
    data = replace(transcript, turns=tuple(turns)).to_json()
    clean = redactor.json(data)
    if clean is data:
        return transcript
    return replace(transcript, turns=Transcript.from_json(clean).turns)


def _expects_error(entry: Entry) -> bool:
    return any(name_of(assertion) == "error" for assertion in entry.assertions)


def _without_answer(
    verdicts: tuple[Verdict, ...], transcript: Transcript, entry: Entry
) -> tuple[Verdict, ...]:
    """Turn failures into errors where the provider gave no answer to judge, unless an error is expected."""
    errors = {number for number, turn in enumerate(transcript.turns, 1) if turn.error}
    if not errors or _expects_error(entry):
        return verdicts
    return tuple(
        replace(verdict, status="error")
        if verdict.status == "failed" and (verdict.turn is None or verdict.turn in errors)
        else verdict
        for verdict in verdicts
    )


def _cost(transcript: Transcript) -> float | None:
    price = transcript.target.settings.get("price")
    costs = [cost_of(turn, price) for turn in transcript.turns]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None
