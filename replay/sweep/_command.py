"""An app in any language under the sweep: a command, run anew against a server for each point."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from replay.cassette.file import load
from replay.cassette.interaction import Interaction
from replay.cassette.redact import Redactor
from replay.config import Project
from replay.errors import BadInput
from replay.faults import Faults
from replay.sweep._addresses import environment, origins
from replay.sweep._counts import calls
from replay.sweep._counts import writes as written_over_http
from replay.sweep._judge import Limits, Outcome, judge
from replay.sweep._points import CUTS, Point
from replay.sweep._server import Server
from replay.sweep._tireless import Tireless
from replay.verdict import Verdict

WRITES = "REPLAY_WRITES"  # names the file to which the app adds a line for each write
_ERROR = re.compile(r"^(?:Uncaught )?(?:[\w.]+\.)?(\w*(?:Error|Exception|panic))\b.*$", re.MULTILINE)
# What a language itself raises where code stumbles, as its runtime prints it.
_STUMBLES = re.compile(
    r"(?:Arithmetic|Assertion|Attribute|Index|JSONDecode|Key|Name|Range|Recursion|Reference|Runtime|Syntax|Type"
    r"|UnboundLocal|UnicodeDecode|Value|ZeroDivision)Error|panic|(?:NullPointer|IndexOutOfBounds)Exception"
)


@dataclass(frozen=True)
class Swept:
    """A point, what the app did there, and what is found of it."""

    point: Point
    outcome: Outcome
    verdicts: tuple[Verdict, ...]

    @property
    def bad(self) -> bool:
        """Whether anything is wrong."""
        return any(verdict.bad for verdict in self.verdicts)


@dataclass(frozen=True)
class Command:
    """A command line (without a shell), run against a server that plays faults on the cassette at `path`.

    It answers by what it prints and exit code 0, and tells an error by any other. It is ended after
    `limits.seconds`. `base_url_env` is one more variable that holds the server's address; `cuts` are tried
    inside the chunks of each answer.
    """

    line: str
    path: Path
    project: Project
    limits: Limits = field(default_factory=Limits)
    base_url_env: str | None = None
    cuts: int = CUTS

    @cached_property
    def interactions(self) -> tuple[Interaction, ...]:
        """What is recorded. Raises BadInput and StorageError."""
        return load(self.path)

    def usual(self) -> Outcome:
        """Run the command without any fault. Raises BadInput where it fails even so."""
        outcome = self.run(None)
        told = outcome.misses[0] if outcome.misses else outcome.error
        if not told and not outcome.asked:
            told = "it asked nothing of the address in OPENAI_BASE_URL, REPLAY_BASE_URL, ..."
        if told:
            raise BadInput(f"the command fails without any fault: {told}")
        return outcome

    def sweep(self, points: list[Point], usual: Outcome, jobs: int = 1) -> Iterator[Swept]:
        """Run the command at each point and yield what came of it, in their order."""
        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(lambda point: self._swept(point, usual), points)

    def _swept(self, point: Point, usual: Outcome) -> Swept:
        outcome = self.run(point)
        verdicts = judge(self.limits, usual, outcome, noticeable=point.noticeable)
        return Swept(point, outcome, tuple(verdicts))

    def run(self, point: Point | None) -> Outcome:
        """Run the command once, at a point or without a fault."""
        faults = Faults([point.built(pace=True)] if point else [])
        redactor = Redactor.for_project(self.project, {})
        where = origins(self.interactions)
        cassette = Tireless(self.path, redactor=redactor)
        with tempfile.TemporaryDirectory(prefix="replay-sweep-") as folder:
            writes = Path(folder) / "writes"
            with Server(faults(cassette.transport()), lambda path: where.get(path, _ELSEWHERE)) as server:
                known = environment(server.url, self.interactions, self.base_url_env) | {WRITES: str(writes)}
                ended = self._ended(known)
            written = writes.read_text("utf-8", "replace").splitlines() if writes.exists() else []
        return replace(
            ended,
            writes=Counter(written) + written_over_http(server.requests),
            asked=calls(server.requests),
            misses=tuple(map(str, cassette.misses)),
            problem=str(faults.problems[0]) if faults.problems else "",
            idle=bool(faults.idle),
        )

    def _ended(self, variables: dict[str, str]) -> Outcome:
        started = time.monotonic()
        process = self._started(variables)
        late = False
        try:
            said, told = process.communicate(timeout=self.limits.seconds)
        except subprocess.TimeoutExpired:
            late = True
            os.killpg(process.pid, signal.SIGKILL)
            said, told = process.communicate()
        seconds = time.monotonic() - started
        if late:
            return Outcome(error="it was ended", seconds=seconds)
        error, typed = _read(process.returncode, told.decode("utf-8", "replace"))
        return Outcome(said.decode("utf-8", "replace").strip(), error, typed, seconds=seconds)

    def _started(self, variables: dict[str, str]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 - it is what the user typed
                shlex.split(self.line),
                env=os.environ | variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError, IndexError) as problem:
            raise BadInput(f"the command cannot be run: {self.line} ({problem})") from None


_ELSEWHERE = "http://127.0.0.1"


def _read(code: int, told: str) -> tuple[str, bool]:
    """Return the error that a command ended with, empty for none, and whether it says what went wrong."""
    if code == 0:
        return "", True
    errors = list(_ERROR.finditer(told))
    last = errors[-1] if errors else None
    lines = [line for line in told.splitlines() if line.strip()]
    said = last[0] if last else lines[-1] if lines else ""
    return f"exit {code}: {said}", code > 0 and not (last and _STUMBLES.fullmatch(last[1]))
