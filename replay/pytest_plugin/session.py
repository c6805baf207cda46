"""What a pytest session knows about its cases: faults of files, results, the run on disk and its report."""

from __future__ import annotations

import gc
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from replay.config import Project
from replay.errors import BadInput, Fault, NothingToRun, ReplayError
from replay.pytest_plugin.cases import CaseLike, cases_of
from replay.pytest_plugin.options import in_ci, mode_of
from replay.pytest_plugin.summary import Summary
from replay.run import Result
from replay.runner import Runner
from replay.runs import RunWriter

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
        self.empty: list[str] = []
        self.refused: tuple[int, str] | None = None
        self.summary = Summary()
        self._projects: dict[Path, Project | None] = {}
        self._runners: dict[Path, Runner] = {}
        self._ahead: dict[str, Result] = {}
        self._writer: RunWriter | None = None

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
        except BadInput as problem:
            self.faults.extend(problem.faults)
            return None
        return project if project.file else None

    # hooks

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Refuse the session when any file was wrong, before anything is played."""
        self._check(cases_of(items))
        if self.refused is None:
            return
        if self.worker:  # told to the controller when this worker is done
            items.clear()
        elif self.refused[0] == pytest.ExitCode.USAGE_ERROR:
            raise pytest.UsageError(self.refused[1])
        else:
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
            self.config.workeroutput["replay_refused"] = self.refused
        elif self.refused is not None:
            session.exitstatus = self.refused[0]
        if self._writer is None:
            return
        from replay.report.render import render

        self._writer.close()
        self.summary.page = self._writer.path.with_name("index.html")
        render(self._writer.path, self.summary.page)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show what a person wants to know first."""
        if self.refused is not None:
            terminalreporter.write_line(self.refused[1], red=True)
        self.summary.show(terminalreporter, self.mode)

    # cases

    def runner(self, project: Project) -> Runner:
        """Return the project's runner."""
        if project.root not in self._runners:
            option = self.config.getoption
            self._runners[project.root] = Runner(
                project, self.mode, strict=option("--replay-strict"), pace=option("--replay-pace")
            )
        return self._runners[project.root]

    def result(self, item: CaseLike) -> Result:
        """Return the result of a case: the one that was played ahead, or played now."""
        return self._ahead.pop(item.nodeid, None) or self.runner(item.project).run(item.planned)

    def add(self, carried: dict[str, Any], nodeid: str) -> None:
        """Take home what an item carried: its line goes to disk, the rest to the summary."""
        self.summary.add(carried, nodeid)
        if self._writer is None and not self.config.getoption("--no-replay-report"):
            self._writer = RunWriter(self._folder(Path(carried["root"])), self._header())
        if self._writer is not None:
            self._writer.add(tuple(carried["key"]), carried["line"])

    def _check(self, cases: list[CaseLike]) -> None:
        """Find out why nothing may be played: `refused` becomes the exit code and what to say."""
        try:
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
            self.refused = (problem.exit_code, str(problem))

    def _check_credentials(self, cases: list[CaseLike]) -> None:
        for item in {(item.project.root, item.planned.case.target): item for item in cases}.values():
            self.runner(item.project).ready([item.planned.case.target])

    def _folder(self, root: Path) -> Path:
        asked = self.config.getoption("--replay-report")
        if asked:
            return Path(asked)
        return root / "reports" / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")[:-3]

    def _header(self) -> dict[str, Any]:
        return {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "mode": self.mode,
            "command": ["pytest", *map(str, self.config.invocation_params.args)],
            "versions": {"replay": version("conversation-replay"), "python": sys.version.split()[0]},
        }
