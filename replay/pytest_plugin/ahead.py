"""Plays live cases concurrently before pytest comes to their items."""

from __future__ import annotations

import sys
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from queue import SimpleQueue

import pytest

from replay.config import Project
from replay.pytest_plugin.cases import CaseLike
from replay.run import Result
from replay.runner import Runner

CONCURRENCY = 8
SPARE_FILES, FILES_PER_CASE = 32, 6  # what pytest has open; connection, journal, lock, cassette, folder

Done = tuple[str, Result | BaseException]


def play_ahead(
    items: list[CaseLike], runner: Callable[[Project], Runner], config: pytest.Config
) -> dict[str, Result]:
    """Play the cases, at most `limits.concurrency` of a target at once, and return results by node id.

    With `-x` or `--maxfail` nothing new is begun after so many failures. An interrupt does not wait for calls
    in flight: the threads are daemons, and what was answered is in the cassettes or their journals.
    """
    waiting: dict[str, deque[CaseLike]] = defaultdict(deque)
    for item in items:
        waiting[item.planned.case.target].append(item)
    done: SimpleQueue[Done] = SimpleQueue()
    for target, queue in waiting.items():
        limits = queue[0].project.targets[target].settings.get("limits") or {}
        for _ in range(min(limits.get("concurrency") or CONCURRENCY, len(queue), _files_allow())):
            threading.Thread(target=_work, args=(queue, done, runner), daemon=True).start()
    results: dict[str, Result] = {}
    failed, limit = 0, config.getoption("maxfail") or len(items) + 1
    for nodeid, result in _progress(done, len(items), config):
        if isinstance(result, BaseException):
            raise result
        results[nodeid] = result
        failed += result.outcome in ("failed", "error")
        if failed >= limit:
            for queue in waiting.values():
                queue.clear()
            break
    return results


def _files_allow() -> int:
    """How many cases may be in flight at once by the limit on open files: each takes a handful."""
    import resource

    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max((most - SPARE_FILES) // FILES_PER_CASE, 1) if most >= 0 else sys.maxsize


def _work(queue: deque[CaseLike], done: SimpleQueue[Done], runner: Callable[[Project], Runner]) -> None:
    while True:
        try:
            item = queue.popleft()
        except IndexError:
            return
        try:
            done.put((item.nodeid, runner(item.project).run(item.planned)))
        except BaseException as problem:  # noqa: BLE001 - it is raised again where the results are taken
            done.put((item.nodeid, problem))


def _progress(done: SimpleQueue[Done], total: int, config: pytest.Config) -> Iterator[Done]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("playing live"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), disable=config.get_verbosity() < 0) as progress:
        for _ in progress.track(range(total)):
            yield done.get()
