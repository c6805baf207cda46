"""An app's own code under test: its HTTP traffic recorded and played, and judged as a transcript."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from replay import assertions, faults
from replay.cassette.cassette import Cassette
from replay.cassette.network import blocked
from replay.cassette.observe import transcript
from replay.cassette.patches import intercept
from replay.cassette.redact import Redactor
from replay.cassette.witness import Witness
from replay.config import Project
from replay.errors import BadInput, ReplayError
from replay.faults import Fault, Faults
from replay.pytest_plugin.options import in_ci, mode_of
from replay.run import Case, Result
from replay.turn import Transcript
from replay.verdict import Verdict


class Recording:
    """What a test sees of its own HTTP traffic."""

    def __init__(self, project: Project, cassette: Cassette, name: str, wanted: Sequence[Fault] = ()) -> None:
        self.project, self.cassette, self.name = project, cassette, name
        self.faults, self._wanted = Faults(()), wanted
        self.verdicts: list[Verdict] = []
        self._contract: dict[str, Any] = {"contract": "off" if wanted else None}
        self._excused: set[str] = set()
        self._witness: Any = None
        self._guard: Any = None

    @property
    def redactor(self) -> Redactor:
        """What hides the project's secrets."""
        return Redactor.for_project(self.project, {})

    @property
    def transcript(self) -> Transcript:
        """The calls of models so far, as the turns of one transcript."""
        return transcript(self._witness.exchanges, self.name, "app")

    def check(self, *names: str, **arguments: Any) -> None:
        """Judge the transcript so far by assertions named as in YAML: `check(finish_reason="stop")`.

        `contract` is judged when the test ends, unless faults are played; what is checked for (`error`, a
        `finish_reason`) does not fail it. `check(contract={"allow": [...]})` changes what else it allows,
        `check(contract="off")` switches it off. Raises AssertionError with every
        verdict that is not passed.
        """
        if "contract" in arguments:
            self._contract = {"contract": arguments.pop("contract")}
        found = self._judged(dict.fromkeys(names) | arguments)
        bad = [verdict for verdict in found if verdict.bad]
        if bad:
            raise AssertionError("\n".join(f"{verdict.assertion}: {verdict.message}" for verdict in bad))

    def finish(self) -> Result:
        """Judge what holds for every test, and return what goes into the run."""
        self.verdicts += self._seam()
        played = self.transcript
        if played.turns and self._contract["contract"] not in ("off", False):
            self._judged(self._contract)
        suite, _, conversation = self.name.rpartition("/")
        case = Case(conversation, "app", 1, suite)
        path = self.cassette.path
        shown = path.relative_to(self.project.root) if path.is_relative_to(self.project.root) else path
        return Result(case, played, tuple(self.verdicts), None, {"cassette": shown.as_posix()})

    def _judged(self, wanted: dict[str, Any]) -> tuple[Verdict, ...]:
        built = [assertions.bind(assertions.build(*pair), self.project) for pair in wanted.items()]
        self._excused |= assertions.excused(built)
        built = [one.excusing(self._excused) if hasattr(one, "excusing") else one for one in built]
        found = assertions.judge(built, self.transcript)
        self.verdicts += found
        return found

    def _seam(self) -> Iterator[Verdict]:
        for miss in dict.fromkeys(map(str, self.cassette.misses)):
            yield Verdict("seam", "failed", "no_recording", miss.removeprefix(f"{self.project.root}/"))
        for place in dict.fromkeys(self._guard.tried if self._guard else ()):
            yield Verdict("seam", "failed", "network", f"tried to reach {place} while offline")
        for problem in self.faults.problems:
            yield Verdict("seam", "failed", problem.kind, str(problem))
        for name in self.faults.idle if not self.faults.problems else ():
            yield Verdict("seam", "failed", "fault", f"fault {name} was never played")
        if self.cassette.last is None and not self.faults:
            yield Verdict("seam", "failed", "not_intercepted", "no request went through the cassette")

    def _entered(self, stack: ExitStack, allow_hosts: Iterable[str]) -> None:
        stack.enter_context(self.cassette)
        if self.cassette.mode == "none":
            self._guard = stack.enter_context(blocked(allow_hosts))
        self._witness = stack.enter_context(intercept(self.cassette, self._around if self._wanted else None))

    def _around(self, witness: Witness) -> Faults:
        self.faults = Faults(self._wanted, witness.correct)
        return self.faults


def recording(request: pytest.FixtureRequest) -> Iterator[Recording]:
    """Do the work of the `replay` fixture, with what the marker says.

    It has `cassette` (a path), `ignore`, `allow_hosts`, and `faults` as a suite has them.
    """
    try:
        yield from _recording(request)
    except ReplayError as problem:
        pytest.fail(str(problem), pytrace=False)


def _recording(request: pytest.FixtureRequest) -> Iterator[Recording]:
    marker = request.node.get_closest_marker("replay")
    options = dict(marker.kwargs) if marker else {}
    mode = mode_of(request.config)
    if mode not in ("none", "verify") and in_ci():
        raise BadInput(f"--record-mode={mode} writes recordings, and CI is set")
    project = Project.find(request.path.parent)
    name = f"{module_of(request.path, project)}/{_safe(request.node.name)}"
    own = options.get("cassette")
    cassette = Cassette(
        project.root / own if own else project.cassettes / name / "app.yaml",
        mode,
        redactor=Redactor.for_project(project, {}),
        ignore=options.get("ignore", ()),
        label=request.node.name,
        record_hint=f'pytest "{request.node.nodeid}" --record-mode=new_episodes',
    )
    found = Recording(project, cassette, name, faults.built(options.get("faults", ())))
    with ExitStack() as stack:
        found._entered(stack, options.get("allow_hosts", ()))
        request.node.replay_recording = found
        yield found


def module_of(path: Path, project: Project) -> str:
    """Return how a test's file is named in cassettes and reports: its path without suffix."""
    base = project.suites if path.is_relative_to(project.suites) else project.root
    return path.relative_to(base).with_suffix("").as_posix() if path.is_relative_to(base) else path.stem


def _safe(name: str) -> str:
    return "".join(char if char.isalnum() or char in "-_.[]" else "_" for char in name)
