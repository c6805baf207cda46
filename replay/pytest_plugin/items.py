"""Collects a suite file into one pytest item for each case."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from replay import suites
from replay.config import Project
from replay.errors import BadInput, NothingToRun, ReplayError
from replay.pytest_plugin.carry import CaseFailed, carry, explain, properties
from replay.pytest_plugin.session import Session, session_of
from replay.runner import Planned, plan


def suite_file(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return the collector of a suite, or None for a YAML file that is not in a project's `suites/`."""
    project = session_of(parent.config).project(path)
    if project is None or project.suites not in path.parents:
        return None
    collector: pytest.Collector = SuiteFile.from_parent(parent, path=path, project=project)
    return collector


class SuiteFile(pytest.File):
    """One suite."""

    def __init__(self, *, project: Project, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.project = project

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the cases; what is wrong with the files is kept until all of them have been read."""
        session = session_of(self.config)
        try:
            suite = suites.load(self.path, self.project, warnings=session.warnings)
            targets = self.config.getoption("--replay-target")
            cases = plan(suite, self.project, targets, warnings=session.warnings)
        except BadInput as problem:
            session.faults.extend(problem.faults)
            return
        except NothingToRun as problem:
            session.empty.append(str(problem))
            return
        for planned in cases:
            name = planned.case.id
            # named in full: --lf compares what pytest reads back, where [...] is a parameter
            yield CaseItem.from_parent(self, name=name, nodeid=f"{self.nodeid}::{name}", planned=planned)


class CaseItem(pytest.Item):
    """One case."""

    def __init__(self, *, planned: Planned, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.planned = planned
        for tag in planned.case.tags:
            self.keywords[tag] = True
            self.own_markers.append(pytest.Mark(tag, (), {}, _ispytest=True))

    @property
    def project(self) -> Project:
        """The project of the suite that this case is from."""
        parent: Any = self.parent
        found: Project = parent.project
        return found

    def runtest(self) -> None:
        """Play the case (or take what was played ahead) and judge it."""
        session = session_of(self.config)
        result, line = session.runner(self.project).shown(self.planned, session.result(self))
        self.replay_carry = carry(result, line, self.project)
        if self.config.getoption("xmlpath", None):  # xdist would send each of them home three times
            self.user_properties.extend(properties(result))
        bad = [verdict for verdict in result.verdicts if verdict.bad]
        if bad:
            raise CaseFailed("\n".join(map(explain, bad)) + "\n" + reproduce(self, session))
        if not result.verdicts:
            raise CaseFailed("nothing was asserted\n" + reproduce(self, session))
        if result.outcome == "skipped":
            pytest.skip("; ".join(verdict.message for verdict in result.verdicts))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show verdicts, never a traceback of ours."""
        if isinstance(excinfo.value, CaseFailed | ReplayError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Say where the case is written: the suite's file and the entry's line."""
        return self.path, max(self.planned.entry.line - 1, 0), self.name


def reproduce(item: CaseItem, session: Session) -> str:
    """Return the command that runs this case alone."""
    mode = "" if session.mode == "none" else f" --record-mode={session.mode}"
    return f'reproduce: pytest "{item.nodeid}"{mode}'
