"""What a pytest session knows about its cases: faults of files, results, the run on disk and its report."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from replay.config import Project
from replay.conversation import Object
from replay.errors import BadInput, Fault, NothingToRun, ProviderFailure, ReplayError, StorageError
from replay.pytest_plugin.carry import crashed
from replay.pytest_plugin.cases import CaseLike, cases_of
from replay.pytest_plugin.options import in_ci, mode_of
from replay.pytest_plugin.shards import part_of
from replay.pytest_plugin.summary import Summary, name_in_full
from replay.run import Result
from replay.runner import Runner, clashes, targets_of
from replay.runs import RunWriter, Shard

if TYPE_CHECKING:
    from replay.limits import Gate

KEY: pytest.StashKey[Session] = pytest.StashKey()


def session_of(config: pytest.Config) -> Session:
    """Return the session's one Session, made and registered with pytest when first asked for."""
    if KEY not in config.stash:
        config.stash[KEY] = Session(config)
        config.pluginmanager.register(config.stash[KEY], "replay-session")
    return config.stash[KEY]


class Session:
    """One pytest session: in the one process, or in each worker and the controller of xdist."""

    def __init__(self, config: pytest.Config) -> None:
        self.config: Any = config
        self.mode = mode_of(config)
        self.worker = hasattr(config, "workerinput")
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []
        self.empty: list[str] = []
        self.refused: tuple[int, str] | None = None
        self._told = False  # whether pytest itself says why it refused
        self.summary = Summary()
        self._projects: dict[Path, Project | None] = {}
        self._runners: dict[Path, Runner] = {}
        self._ahead: dict[str, Result] = {}
        self._writer: RunWriter | None = None
        shard = config.getoption("--replay-shard")
        self._shard = Shard.parse(shard) if shard else None
        self.part: Object = {"shard": shard} if shard else {}  # what the run's header says of a shard
        self._left: Path | None = None  # the project whose cases are all in other shards
        self._writes = not config.getoption("--no-replay-report")

    # files

    def project(self, path: Path) -> Project | None:
        """Return the project that a path is in, None when no folder above it has a `[tool.replay]`."""
        folder = path.parent
        if folder not in self._projects:
            self._projects[folder] = self._found(folder)
        return self._projects[folder]

    def _found(self, folder: Path) -> Project | None:
        try:
            project = Project.find(folder)
            if project.file is None:
                return None
            self.warnings.extend(project.warnings)
            return project.for_tenant()
        except BadInput as problem:
            self.faults.extend(problem.faults)
            return None

    # hooks

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Refuse the session when any file was wrong, before anything is played."""
        self._check(cases_of(items))
        if self.refused is None:
            self._keep_shard(items)
            return
        if self.worker:  # told to the controller when this worker is done
            items.clear()
            return
        self._told = True
        if self.refused[0] == pytest.ExitCode.USAGE_ERROR:
            raise pytest.UsageError(self.refused[1])
        pytest.exit(self.refused[1], returncode=self.refused[0])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Play live cases concurrently ahead of their items; each item then only reports."""
        gc.collect()
        gc.freeze()  # thousands of items that stay to the end need not be looked at in every collection
        if self.mode == "none" or self.worker or self.config.option.collectonly:
            return
        from replay.pytest_plugin.ahead import play_ahead

        self._ahead = play_ahead(cases_of(session.items), self.runner, self.config)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Close the run and draw its report; in a worker, send home why it ran nothing."""
        gc.unfreeze()
        if self.worker:
            home = {
                "refused": self.refused,
                "warnings": sorted(set(map(str, self.warnings))),
                "left": self._left and str(self._left),
                "part": self.part,
            }
            self.config.workeroutput["replay"] = home
            return
        self.summary.warn(map(str, self.warnings))
        with self._storing():
            self._draw()
        session.exitstatus = self._exit_code(session)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show what a person wants to know first."""
        name_in_full(chain.from_iterable(terminalreporter.stats.values()))
        if self.refused is not None and not self._told:
            terminalreporter.write_line(self.refused[1], red=True)
        self.summary.show(terminalreporter, self.mode)

    def take_home(self, home: dict[str, Any]) -> None:
        """Take what a worker of xdist has sent: why it ran nothing, and what it was warned of."""
        if home["refused"]:
            self.refused = tuple(home["refused"])
        self.summary.warn(home["warnings"])
        self._left, self.part = home["left"] and Path(home["left"]), home["part"]

    def _draw(self) -> None:
        if self._writer is None and self._left and self._writes:  # an empty shard is no missing one
            self._writer = self._run_in(self._left)
        if self._writer is None:
            return
        from replay.report.render import render

        self._writer.close()
        page = self._writer.path.with_name("index.html")
        render(self._writer.path, page)
        self.summary.page = page

    @contextmanager
    def _storing(self) -> Iterator[None]:
        """A run that cannot be written ends with exit code 6, after its cases have been told."""
        try:
            yield
        except StorageError as problem:
            self.summary.storage.append(str(problem))
            self._writer, self._writes = None, False

    def _exit_code(self, session: pytest.Session) -> int:
        if self.refused is not None:
            return self.refused[0]
        if self.summary.storage:
            return StorageError.exit_code
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self._left:
            return int(pytest.ExitCode.OK)
        failed = session.exitstatus == pytest.ExitCode.TESTS_FAILED
        if failed and session.testsfailed == self.summary.unanswered:
            return ProviderFailure.exit_code
        return int(session.exitstatus)

    # cases

    def runner(self, project: Project) -> Runner:
        """Return the project's runner."""
        if project.root not in self._runners:
            option = self.config.getoption
            self._runners[project.root] = Runner(
                project,
                self.mode,
                strict=option("--replay-strict"),
                pace=option("--replay-pace"),
                gate=None if self.mode == "none" else self._gate(project),
            )
        return self._runners[project.root]

    def _gate(self, project: Project) -> Gate:
        from replay.limits import gate

        return gate(project, share=self._workers)

    @property
    def _workers(self) -> int:
        """How many processes of xdist play cases at the same time."""
        return int(self.config.workerinput["workercount"]) if self.worker else 1

    def result(self, item: CaseLike) -> Result:
        """Return the result of a case: the one that was played ahead, or played now."""
        return self._ahead.pop(item.nodeid, None) or self.runner(item.project).run(item.planned)

    def add(self, carried: dict[str, Any], nodeid: str) -> None:
        """Take home what an item carried: its line goes to disk, the rest to the summary."""
        self.summary.add(carried, nodeid)
        if not self._writes:
            return
        with self._storing():
            if self._writer is None:
                self.part = carried.get("part", self.part)
                self._writer = self._run_in(Path(carried["root"]))
            self._writer.add(tuple(carried["key"]), carried["line"], carried["outcome"])

    def add_crashed(self, report: Any) -> None:
        """Take note of a case whose worker was killed: the run is to be whole."""
        project = self.project(self.config.rootpath / report.fspath)
        carried = project and crashed(report.nodeid, str(report.longrepr), project)
        if carried:
            self.add(carried, report.nodeid)

    def _check(self, cases: list[CaseLike]) -> None:
        """Find out why nothing may be played: `refused` becomes the exit code and what to say."""
        try:
            self.faults.extend(clashes(case.planned for case in cases))
            if self.config.getoption("--replay-strict"):
                self.faults.extend(replace(warning, warning=False) for warning in self.warnings)
            if self.faults:
                raise BadInput(self.faults)
            if self.empty:
                raise NothingToRun("\n".join(self.empty))
            if cases and self.mode not in ("none", "verify") and in_ci():
                raise BadInput(
                    f"--record-mode={self.mode} writes recordings, and CI is set: record on your own machine"
                )
            if self.mode != "none":
                self._check_credentials(cases)
        except ReplayError as problem:
            count = str(problem).count("\n") + 1
            head = f"{count} faults, nothing was run\n" if count > 1 and self.faults else ""
            self.refused = (problem.exit_code, f"{head}{problem}")

    def _keep_shard(self, items: list[pytest.Item]) -> None:
        """Leave each test to one shard: a case by its conversation, any other by its name."""
        shard = self._shard
        if shard is None:
            return
        cases = {id(case): case for case in cases_of(items)}
        self.part = part_of(shard, cases.values())
        kept, left = list[pytest.Item](), list[pytest.Item]()
        for item in items:
            case = cases.get(id(item))
            own = case.planned.case in shard if case else shard.holds(item.nodeid)
            (kept if own else left).append(item)
        if cases and not kept:
            self._left = next(iter(cases.values())).project.root
        self.config.hook.pytest_deselected(items=left)
        items[:] = kept

    def _check_credentials(self, cases: list[CaseLike]) -> None:
        asked = {(item.project.root, targets_of(item.planned)): item.project for item in cases}
        for (_, targets), project in asked.items():
            self.runner(project).ready(targets)

    def _run_in(self, root: Path) -> RunWriter:
        return RunWriter(self._folder(root), self._header())

    def _folder(self, root: Path) -> Path:
        asked = self.config.getoption("--replay-report")
        if asked:
            return Path(asked)
        return root / "reports" / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")[:-3]

    def _header(self) -> dict[str, Any]:
        return {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "mode": self.mode,
            **self.part,
            "command": ["pytest", *map(str, self.config.invocation_params.args)],
            "versions": {"replay": version("conversation-replay"), "python": sys.version.split()[0]},
        }
