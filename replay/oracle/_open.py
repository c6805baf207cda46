"""From what a user orders to an oracle that may be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from replay.config import Project
from replay.errors import ReplayError
from replay.limits import Budget, gate
from replay.oracle._answer import Failure
from replay.oracle._decide import FIRST
from replay.oracle._find import found
from replay.oracle._function import Function, is_function
from replay.oracle._live import Live
from replay.oracle._probe import Probe
from replay.oracle._remembered import Remembered
from replay.oracle._store import Store
from replay.turn import Target


class NotFailing(ReplayError):
    """It does not fail, and there is nothing to look into."""


@dataclass(frozen=True)
class Order:
    """What verbs that look into a failure have in common; see their options.

    `keep` is the failure, or the function that finds it, `judges` assertions in place of the suite's. `once`
    takes one attempt for an answer, None where the oracle says whether it may. `most` caps the probes.
    """

    keep: str = ""
    suite: Path | None = None
    target: str = ""
    judges: Sequence[str] = ()
    once: bool | None = None
    offline: bool = False
    most: int | None = None
    budget: Budget = field(default_factory=Budget)

    @property
    def failure(self) -> Failure:
        """The failure that is meant. Raises BadInput."""
        return Failure.parse(self.keep) if self.keep and self.asks else Failure()

    @property
    def asks(self) -> bool:
        """Whether a target is asked, and not a function."""
        return not is_function(self.keep)


@dataclass(frozen=True)
class Opened:
    """An oracle and what is asked of it. `live` is None where that is a function."""

    oracle: Remembered
    live: Live | None
    failure: Failure

    def recording(self, probe: Probe, attempt: int | None) -> Path | None:
        """Return where an attempt is recorded, None where it is not."""
        return self.live.cassette(probe, attempt) if self.live and attempt else None


def probe_of(order: Order, project: Project, name: str) -> Probe:
    """Return the conversation of a project as it is asked, and judged by what the failure takes.

    Raises BadInput.
    """
    options: Any = {"suite": order.suite, "target": order.target, "judges": order.judges}
    probe = found(project, name, asks=order.asks, **options)
    kept = order.failure.assertion
    return probe.judging(kept) if kept else probe


def opened(order: Order, project: Project, probe: Probe, *others: Probe) -> Opened:
    """Return the oracle that an order asks. Without a `keep` the first failure of the probe is kept.

    `others` are those whose targets will be asked as well. Raises BadInput; NotFailing where nothing fails;
    Ended.
    """
    if not order.asks:
        function = Function(order.keep, project, once=order.once is not False)
        oracle = Remembered(function, Store(project.root), order.most)
        return _settled(oracle, None, Failure("python"), probe)
    targets = {one.target.name: one.target for one in (*others, probe)}
    found = _live(order, project, targets, order.failure)
    return _settled(found.oracle, found.live, order.failure, probe)


def open_for(order: Order, project: Project, probe: Probe, failure: Failure) -> Opened:
    """Return the oracle that tells how a target fails, whether or not it does. Raises BadInput."""
    return _live(order, project, {probe.target.name: probe.target}, failure)


def _live(order: Order, project: Project, targets: dict[str, Target], failure: Failure) -> Opened:
    order.budget.check(targets.values())
    project = replace(project, targets=project.targets | targets)
    store = Store(project.root)
    live = Live(project, store.folder, gate(project, order.budget), failure, offline=order.offline)
    live.once = bool(order.once)
    return Opened(Remembered(live, store, order.most), live, failure)


def _settled(oracle: Remembered, live: Live | None, failure: Failure, probe: Probe) -> Opened:
    """Settle which failure is meant, where only its assertion, or nothing, is said."""
    if not failure.kind:
        failure = _first(oracle, failure, probe)
    if live is not None:
        live.failure = failure
    return Opened(oracle, live, failure)


def _first(oracle: Remembered, failure: Failure, probe: Probe) -> Failure:
    times = 1 if oracle.once else FIRST
    for attempt in range(1, times + 1):
        if identity := failure.of(oracle.ask(probe, [attempt])[0]):
            return Failure(*identity)
    often = f"in {times} attempts" if times > 1 else "when it was asked"
    raise NotFailing(f"{probe.conversation.name} does not fail ({failure}) {often}")
