"""Plays live cases concurrently before pytest comes to their items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing

import pytest

from replay.config import Project
from replay.engines import threads
from replay.limits import Admission
from replay.progress import Progress
from replay.pytest_plugin.cases import CaseLike
from replay.run import Result
from replay.runner import Planned, Runner


def play_ahead(
    items: list[CaseLike], runner: Callable[[Project], Runner], config: pytest.Config
) -> dict[str, Result]:
    """Play the cases in threads and return results by node id.

    With `-x` or `--maxfail` nothing new is begun after so many failures.
    """
    names = {id(item.planned): item.nodeid for item in items}
    results: dict[str, Result] = {}
    failed, limit = 0, config.getoption("maxfail") or len(items) + 1
    with closing(_played(items, runner, config)) as played:
        for planned, result in played:
            results[names[id(planned)]] = result
            failed += result.outcome in ("failed", "error")
            if failed >= limit:
                break
    return results


def _played(
    items: list[CaseLike], runner: Callable[[Project], Runner], config: pytest.Config
) -> Generator[tuple[Planned, Result]]:
    for root, project in {item.project.root: item.project for item in items}.items():
        cases = [item.planned for item in items if item.project.root == root]
        asked = runner(project)
        results = threads.run(cases, asked)
        if config.get_verbosity() >= 0:
            gate = asked.gate if isinstance(asked.gate, Admission) else None
            results = Progress(Counter(one.case.target for one in cases), gate).over(results)
        yield from results
