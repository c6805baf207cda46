"""One comparison from its order to its end: begun or resumed, asked, and told."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from replay import suites
from replay.compare._ask import Asked, Watcher, ask, asked, asked_before
from replay.compare._forecast import Forecast, forecast
from replay.compare._question import MARGIN, Question, margins
from replay.comparison import OVERALL
from replay.config import Project
from replay.engines import registry as engines
from replay.errors import BadInput, NothingToRun, nearest
from replay.limits import Admission, Budget, Gate, gate
from replay.runner import Runner
from replay.runs import RunWriter
from replay.suites import Suite

RETRIES = 4  # of a call, where a target does not say


@dataclass(frozen=True, slots=True)
class Order:
    """What a user orders: see the options of `replay compare`."""

    targets: tuple[str, ...] = ()
    suites: tuple[Path, ...] = (Path("suites"),)
    repeats: int = 1
    margin: tuple[str, ...] = ()
    alpha: float = 0.05
    power: float = 0.8
    seed: int = 0
    until: bool = False
    offline: bool = False
    engine: str = "threads"
    shard: str = ""
    tenant: str = ""
    out: Path | None = None
    resume: Path | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A comparison that is ready to be asked. `folder` is its run's, `runner` plays its cases."""

    whole: Asked
    folder: Path
    order: Order
    command: tuple[str, ...]

    def runner(self, gate: Gate) -> Runner:
        """Return what plays the cases: into the run's own cassettes, or out of the project's."""
        project = self.whole.project
        if self.order.offline:
            return Runner(project)
        folder = self.folder / "cassettes"
        return Runner(project, "new_episodes", folder=folder, failures=False, gate=gate, retries=RETRIES)

    def gate(self, budget: Budget) -> Admission:
        """Return what every call passes. Raises BadInput where the budget needs a price that is missing."""
        return gate(self.whole.project, budget, self.whole.asked)

    def ask(self, gate: Gate, watcher: Watcher) -> str:
        """Ask; return why it ended early, "" where it did not. An interrupt leaves a run to be resumed.

        Raises BadInput, before anything is sent, where a key is not set.
        """
        runner, engine = self.runner(gate), engines.get(self.order.engine)
        if runner.live:
            runner.ready(self.whole.asked)
            if ready := getattr(engine, "ready", None):
                ready(runner, self.whole.question.targets)
        writer = self._writer()
        try:
            with _terminable():
                return ask(self.whole, runner, engine, writer, watcher)
        finally:
            writer.close()

    def forecast(self) -> Forecast:
        """Estimate what is still to be asked."""
        found = forecast(self.whole, self.order.resume and self.folder)
        found.offline = self.order.offline
        return found

    def resume(self, budget: Budget) -> str:
        """What to type to go on in the same way; the budget is of the whole run."""
        said = {"max-cost": budget.max_cost, "max-tokens": budget.max_tokens, "tenant": self.order.tenant}
        said["engine"] = "" if self.order.engine == "threads" else self.order.engine
        options = [f"--{name} {shlex.quote(str(value))}" for name, value in said.items() if value]
        return " ".join(["replay compare --resume", shlex.quote(str(self.folder)), *options])

    def _writer(self) -> RunWriter:
        if self.order.resume:
            return RunWriter.resume(self.folder, durable=True)
        _check_free(self.folder)
        mode = "none" if self.order.offline else "new_episodes"
        return RunWriter(self.folder, self.whole.header(self.command, mode), durable=True)


def opened(order: Order, start: Path, command: Sequence[str]) -> Session:
    """Read and check everything that an order takes, in the project around `start`.

    Raises BadInput and NothingToRun.
    """
    if find_spec("scipy") is None:
        raise BadInput("comparing needs scipy; type: pip install 'conversation-replay[compare]'")
    project = Project.find(start).for_tenant(order.tenant or None)
    if order.until and order.engine == "batch":
        raise BadInput("--until-decided looks after each answer, a batch has all at once; use threads")
    if order.resume:
        folder = order.resume.parent if order.resume.suffix == ".jsonl" else order.resume
        whole, mode = asked_before(project, folder)
        order = replace(order, offline=order.offline or mode == "none")
        return Session(whole, folder, order, tuple(command))
    if len(order.targets) < 2:
        known = ", ".join(project.targets) or "none are configured"
        raise BadInput(f"name a baseline and at least one candidate; targets: {known}")
    whole = asked(project, order.targets, _question(order), _files(order.suites), order.shard)
    whole = replace(whole, question=_with_margins(whole.question, whole.suites, order.margin))
    folder = order.out or project.reports / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")[:-3]
    return Session(whole, folder, order, tuple(command))


def _check_free(folder: Path) -> None:
    """Raise BadInput where a run's folder holds anything else: its cassettes would be taken for that."""
    if (folder / "run.jsonl").exists():
        raise BadInput(f"{folder} holds a run already; type --resume {folder}, or another --out")
    if folder.is_dir() and any(folder.iterdir()):
        raise BadInput(f"{folder} is not empty, and a run takes a folder of its own; type another --out")


def _question(order: Order) -> Question:
    terms: dict[str, Any] = {"alpha": order.alpha, "power": order.power, "seed": order.seed}
    return Question("", (), order.repeats, until=order.until, **terms)


def _with_margins(question: Question, suites: Iterable[Suite], given: tuple[str, ...]) -> Question:
    """Margins are those of the command line, then the strictest that a suite says. Raises BadInput."""
    said: dict[str, float] = {}
    for suite in suites:
        for name, margin in suite.margins.items():
            said[name] = min(margin, said.get(name, margin))
    typed = margins(given)
    for name in typed.keys() - set(question.family):
        close = nearest(name, question.family)
        raise BadInput(f"--margin {name}={typed[name]:g}: nothing in the suites asserts {name}; {close}")
    said |= typed
    overall = said.pop(OVERALL, MARGIN)
    return replace(question, margin=overall, margins=said)


def _files(paths: Iterable[Path]) -> list[Path]:
    """The suites that are named: files, and those in folders."""
    found: list[Path] = []
    for path in paths:
        inside = suites.files(path)
        if not inside:
            raise NothingToRun(f"{path} holds no suite (*.yaml)")
        found += inside
    return list(dict.fromkeys(found))


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does: the run is closed, and can be resumed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
