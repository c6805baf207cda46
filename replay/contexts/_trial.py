"""One conversation under several policies: each is a target of its own, so that it has its own cassette."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from replay import fixtures
from replay.config import Project
from replay.contexts._entry import Found, found_in
from replay.contexts._policies import Named, named
from replay.contexts._report import Report, report
from replay.errors import BadInput
from replay.limits import Budget, gate
from replay.report.render import render
from replay.run import Case, Result
from replay.runner import Planned, Runner
from replay.runs import RunWriter
from replay.turn import Target

FULL = "full"


@dataclass(frozen=True, slots=True)
class Order:
    """What a user orders: see the options of `replay contexts`."""

    conversation: str
    policies: tuple[str, ...]
    target: str = ""
    suite: Path | None = None
    mode: str = "none"
    max_cost: float | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """What is played: the conversation once for each policy, `full` first. `project` has their targets."""

    project: Project
    order: Order
    found: Found
    policies: tuple[Named, ...]
    targets: tuple[Target, ...]

    def play(self, folder: Path, command: Sequence[str]) -> Report:
        """Play all of it into a run in a folder, and draw its page.

        Raises BadInput where a key is not set, before anything is sent, and StorageError.
        """
        names = [target.name for target in self.targets]
        allowed = gate(self.project, Budget(self.order.max_cost), names)
        runner = Runner(self.project, self.order.mode, gate=allowed, command=self._command)
        if runner.live:
            runner.ready(names)
        writer = RunWriter(folder, self._header(command))
        results = [self._played(runner, writer, target) for target in self.targets]
        writer.close()
        page = writer.path.with_name("index.html")
        render(writer.path, page)
        about = (self.order.conversation, self.order.target, self.found.suite, str(page))
        return report(self.policies, results, about)

    def _played(self, runner: Runner, writer: RunWriter, target: Target) -> Result:
        entry = self.found.entry
        case = Case(entry.conversation, target.name, 1, self.found.name, entry.tags)
        planned = Planned(case, entry, self.found.suite, self.found.fixture)
        result, line = runner.shown(planned, runner.run(planned))
        writer.add((case.suite, case.id), line, result.outcome)
        return result

    @property
    def _command(self) -> str:
        policies = ",".join(one.spec for one in self.policies)
        words = ["replay", "contexts", self.order.conversation, "--policies", policies]
        suite = ["--suite", str(self.order.suite)] if self.order.suite else []
        return shlex.join([*words, "--target", self.order.target, *suite])

    def _header(self, command: Sequence[str]) -> dict[str, object]:
        versions = {"replay": version("conversation-replay"), "python": sys.version.split()[0]}
        started = datetime.now(UTC).isoformat(timespec="seconds")
        return {"started": started, "mode": self.order.mode, "command": list(command), "versions": versions}


def opened(order: Order, start: Path) -> Trial:
    """Read and check what an order takes, in the project around `start`.

    Raises BadInput: no such conversation, suite, target or policy. NothingToRun for an empty suite.
    """
    project = Project.find(start)
    fixture = fixtures.find(order.conversation, project)
    conversation = fixtures.load(fixture, project)
    found = found_in(project, conversation, fixture, order.suite)
    order = replace(order, target=order.target or _target(project, found))
    policies = tuple(dict.fromkeys(named(spec, project) for spec in (FULL, *order.policies)))
    base = project.target(order.target)
    targets = tuple(_under(base, policy, own=found.own) for policy in policies)
    known = project.targets | {target.name: target for target in targets}
    if len({target.name for target in targets}) < len(targets):
        raise BadInput("two policies have one name; rename the file")
    entry = replace(found.entry, targets=tuple(target.name for target in targets))
    return Trial(replace(project, targets=known), order, replace(found, entry=entry), policies, targets)


def _target(project: Project, found: Found) -> str:
    """The target that nobody named: the suite's, or the only one there is."""
    names = found.entry.targets or tuple(project.targets)
    if len(names) != 1:
        raise BadInput(
            f"name one target, --target NAME; targets: {', '.join(names) or 'none are configured'}"
        )
    return names[0]


def _under(base: Target, policy: Named, *, own: bool) -> Target:
    """A target under a policy. In full, it plays what a suite has recorded, where that is played alike."""
    settings = {name: value for name, value in base.settings.items() if name != "context"}
    if policy.spec == FULL:
        return replace(base, name=base.name if own else f"{base.name}+{FULL}", settings=settings)
    return replace(base, name=f"{base.name}+{policy.label}", settings=settings | {"context": policy.known})
