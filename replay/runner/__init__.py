"""Plans suites into cases and runs a case: fixture, cassette, play, verdicts, result."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replay import assertions, fixtures, providers
from replay.cache import Later
from replay.cassette.cassette import Cassette
from replay.cassette.fold import now
from replay.cassette.interaction import Interaction
from replay.cassette.redact import Redactor
from replay.config import Project, environment
from replay.conversation import Conversation, Object
from replay.cost import cost_of
from replay.errors import BadInput, ProviderFailure, ReplayError, Shed, StorageError
from replay.faults import Faults
from replay.fixtures import variants
from replay.run import Case, Result
from replay.runner._attempts import Attempts, Send
from replay.runner._passage import Door
from replay.runner._plan import Planned, cases, check, clashes, plan
from replay.runner._seen import as_recorded, clean, expects_error, failed, odd, without_answer
from replay.runner._shown import shown
from replay.runner._tries import Tries
from replay.suites import Entry
from replay.turn import Target, Transcript, Turn
from replay.verdict import Verdict

if TYPE_CHECKING:
    from replay.limits import Gate

__all__ = [
    "Planned",
    "Runner",
    "Tries",
    "cases",
    "cassette_path",
    "check",
    "clashes",
    "plan",
    "shown",
    "targets_of",
]

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def cassette_path(folder: Path, case: Case) -> Path:
    """Return a case's cassette: `<folder>/<conversation>/<target>.yaml`, with `#2` for a repeat."""
    repeat = f"#{case.attempt}" if case.attempt > 1 else ""
    return Path(f"{folder}/{case.conversation}/{case.target}{repeat}.yaml")


@dataclass(frozen=True, eq=False)  # by identity: what it has opened is its own
class Runner:
    """Runs cases in this process; safe to use from threads. `inner` is what lies under the cassettes.

    Cassettes are in `folder`, the project's own by default. Without `failures` errors that were recorded
    before are not played, but asked anew. Live calls pass the `gate`, where there is one; `wait` sleeps
    between two attempts. A call is tried again `retries` times where its target does not say how often.
    `heard` is told of each as soon as it is recorded. `stopped` says why a target is asked no more.
    `command` runs the cases again, where that is not pytest; `--record-mode` is an option of it.
    """

    project: Project
    mode: str = "none"
    strict: bool = False
    pace: bool = False
    inner: Any = None
    folder: Path | None = None
    failures: bool = True
    gate: Gate | None = None
    retries: int = 0
    wait: Callable[[float], None] = time.sleep
    heard: Callable[[Planned, Interaction], None] | None = None
    stopped: dict[str, str] = field(default_factory=dict)
    command: str = ""
    _began: str = field(default_factory=now)
    _waiting: dict[tuple[str, str], Later] = field(default_factory=dict)  # what cassettes said, by case

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
            for variable, setting in self.variables(target).items():
                if not environment(variable, setting, target):
                    raise BadInput(f"target {name}: set {variable} to record; replaying offline needs no key")

    def conversation(self, planned: Planned) -> Conversation:
        """Read what a case asks, in its target's own way. Raises BadInput and StorageError."""
        conversation = fixtures.load(planned.fixture, self.project)
        return variants.as_asked(conversation, self.project.target(planned.case.target), self.project)

    def run(self, planned: Planned, conversation: Conversation | None = None) -> Result:
        """Play and judge one case. What goes wrong while it plays is a verdict, never an exception.

        `conversation` is what it asks, where that has been read before.
        """
        case, entry = planned.case, planned.entry
        target = self.project.target(case.target)
        transcript = Transcript(Conversation(case.conversation, ()), target, (), entry.play)
        warnings: tuple[str, ...] = ()
        try:
            conversation = conversation or self.conversation(planned)
            transcript = replace(transcript, conversation=conversation)
            if case.target in self.stopped:
                raise ProviderFailure(self.stopped[case.target])
            transcript, verdicts, warnings = self._judged(planned, conversation, target)
        except (ReplayError, OSError) as problem:
            verdicts = (self.could_not_run(problem),)
        return Result(case, transcript, verdicts, _cost(transcript), self.files(planned), warnings)

    def unplayed(
        self, planned: Planned, verdict: Verdict, conversation: Conversation | None = None
    ) -> Result:
        """Return the result of a case that came to nothing, for the reason that the verdict gives."""
        case = planned.case
        conversation = conversation or Conversation(case.conversation, ())
        transcript = Transcript(conversation, self.project.target(case.target), (), planned.entry.play)
        return Result(case, transcript, (verdict,), None, self.files(planned))

    def shown(self, planned: Planned, result: Result) -> tuple[Result, str]:
        """Return the result of a case as it may be written down and told, and its line of `run.jsonl`."""
        clean, line = shown(result, self.redactor(*targets_of(planned)), self.project)
        later = self._waiting.pop((planned.suite, planned.case.id), None)
        if later is not None and clean is result:
            later.keep()
        return clean, line

    def _judged(
        self, planned: Planned, conversation: Conversation, target: Target
    ) -> tuple[Transcript, tuple[Verdict, ...], tuple[str, ...]]:
        entry, faults = planned.entry, Faults(planned.entry.faults)
        with self._cassette(planned) as cassette:
            play = Attempts(
                target if self.live else as_recorded(target, cassette),
                cassette,
                lambda *attempt: faults(self.seam(*attempt)),
                self._direct,
                self._tries(cassette, entry),
                self._door(planned) if self.live else None,
            )
            transcript, found = play(conversation, entry)
            transcript = replace(transcript, target=target)
            if self.live:
                transcript = clean(transcript, self.redactor(*targets_of(planned)))
            judged: tuple[Verdict, ...] = ()
            if not play.refused:  # what could not run is not judged
                judged = assertions.judge(entry.assertions, transcript, partial(self._ask, cassette, play))
        verdicts = (
            *found,
            *self._seam(cassette, play, entry),
            *without_answer(judged, transcript, entry),
        )
        doubts = tuple(odd(cassette, faults))
        if self.strict:
            return transcript, (*verdicts, *(failed(*doubt) for doubt in doubts)), ()
        return transcript, verdicts, tuple(message for _, message in doubts)

    def _tries(self, cassette: Cassette, entry: Entry) -> Tries:
        """What is recorded is tried again as it was then; what fails by a fault as if it were live."""
        wait = self.wait if self.live else None
        return Tries(cassette, wait, self.retries, again=self.live or bool(entry.faults))

    def _ask(self, cassette: Cassette, play: Attempts, name: str, send: Send) -> Turn:
        """Let an assertion ask a target: recorded in, and played from, the cassette of the case."""
        target = self.project.target(name)
        return play.ask(target if self.live else as_recorded(target, cassette), send)

    def _door(self, planned: Planned) -> Door:
        from replay.limits import Open, priority_of

        return Door(
            self.gate or Open(),
            self.network,
            self.project.targets,
            self.stopped,
            self.redactor(*targets_of(planned)).text,
            priority_of(planned.case),
            expects_error(planned.entry),
        )

    def could_not_run(self, problem: ReplayError | OSError) -> Verdict:
        """Return the verdict on a case that this stands in the way of."""
        if isinstance(problem, ProviderFailure):
            return Verdict(
                "provider", "error", "shed" if isinstance(problem, Shed) else "not_sent", str(problem)
            )
        kind = "storage" if isinstance(problem, StorageError | OSError) else "bad_input"
        return Verdict("seam", "error", kind, self._shown(str(problem)))

    def _shown(self, message: str) -> str:
        return message.replace(f"{self.project.root}{os.sep}", "")

    def _seam(self, cassette: Cassette, play: Attempts, entry: Entry) -> Iterator[Verdict]:
        """Yield what the seam says of a case: nothing may be answered by anything else than the cassette."""
        for miss, kind in {
            str(refusal): refusal.kind for refusal in (*cassette.misses, *play.refused)
        }.items():
            yield failed(kind, self._shown(miss))
        for place in dict.fromkeys(play.tried):
            yield failed("network", f"tried to reach {place} while offline")
        if cassette.last is None and not (entry.faults or play.halted):
            yield failed("not_intercepted", "no request went through the cassette")
        for drift in cassette.drift:
            yield failed("drift", str(drift))

    def _cassette(self, planned: Planned) -> Cassette:
        case = planned.case
        return Cassette(
            self.cassette_of(case),
            self.mode,
            redactor=self.redactor(*targets_of(planned)),
            ignore=planned.entry.ignore,
            record_hint=f"{self.command or _pytest(planned)} --record-mode=new_episodes",
            cache=partial(self._later, planned),
            forgive="" if self.failures else self._began,
            heard=self.heard and partial(self.heard, planned),
        )

    def cassette_of(self, case: Case) -> Path:
        """Return the cassette of a case."""
        return cassette_path(self.folder or self.project.cassettes, case)

    def _later(self, planned: Planned, raw: bytes) -> Later:
        """What a cassette says is kept when it is known to hold nothing that must not be written down."""
        later = Later(str(self.project.root), f"cassettes/{planned.case.id}", raw, ("cassette",))
        self._waiting[planned.suite, planned.case.id] = later
        return later

    def seam(self, cassette: Cassette, attempt: int, network: Any) -> Any:
        """Return the transport of one attempt at a call of the case's own; an engine may send otherwise."""
        return self._direct(cassette, attempt, network)

    def _direct(self, cassette: Cassette, attempt: int, network: Any) -> Any:
        return cassette.transport(network, attempt=attempt, pace=self.pace)

    @cache  # noqa: B019 - a runner lives as long as its session
    def redactor(self, *names: str) -> Redactor:
        """Return what hides the secrets of these targets. Raises BadInput."""
        secrets: dict[str, str | None] = {}
        for name in names:
            secrets |= self._secrets(self.project.target(name))
        return Redactor.for_project(self.project, secrets)

    @cached_property
    def network(self) -> Any:
        """One connection pool for the session: a new one costs a TLS context. The gate limits its use."""
        import httpx2

        from replay.runner._timely import Timely

        return self.inner or Timely(httpx2.HTTPTransport(limits=httpx2.Limits()))

    def _secrets(self, target: Target) -> dict[str, str | None]:
        return providers.registry.get(target.provider).secrets(target)

    def variables(self, target: Target) -> dict[str, str]:
        """Return the environment variables that a live call needs, and the setting that each is for."""
        given = {
            key.removesuffix("_env"): value for key, value in target.settings.items() if key[-4:] == "_env"
        }
        named = {str(value): key for key, value in given.items() if key not in target.settings}
        return dict.fromkeys(self._secrets(target), "api_key") | named

    def files(self, planned: Planned) -> Object:
        """Name the files that a case comes from, and by a hash what its suite says of it."""
        case = planned.case
        return {
            "suite": planned.suite,
            "conversation": fixtures.where(planned.fixture, self.project),
            "cassette": self.project.shown(self.cassette_of(case)),
            "terms": terms_hash(planned.entry),
            **({"command": self.command} if self.command else {}),
        }


def terms_hash(entry: Entry) -> str:
    """Return a short hash of how a case is played and what must hold, with all arguments.

    What only chooses cases is left out, and so is where an object lies in memory: it is the same in each run.
    """
    chosen = replace(entry, conversation="", targets=(), repeats=1, tags=(), line=0)
    return sha256(_ADDRESS.sub("", repr(chosen)).encode("utf-8", "backslashreplace")).hexdigest()[:12]


def targets_of(planned: Planned) -> tuple[str, ...]:
    """The targets that a case asks: its own, and those of its assertions."""
    return (planned.case.target, *assertions.asked(planned.entry.assertions))


def _pytest(planned: Planned) -> str:
    return f'pytest "{planned.suite}::{planned.case.id}"'


def _cost(transcript: Transcript) -> float | None:
    price = transcript.target.settings.get("price")
    costs = [cost_of(turn, price) for turn in transcript.turns]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None
