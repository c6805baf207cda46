"""Cases in threads of this process, at most `limits.concurrency` of a target at once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import count
from math import inf
from queue import PriorityQueue, SimpleQueue

from replay.limits import CONCURRENCY, priority_of
from replay.run import Result
from replay.runner import Planned, Runner

LOOK_AHEAD = 1_000  # cases that are taken and wait: so far one target may fall behind another
SPARE_FILES, FILES_PER_CASE = 32, 6  # what else is open; connection, journal, lock, cassette, folder

Played = tuple[Planned, Result]
Done = tuple[Planned, Result | BaseException]


def run(cases: Iterable[Planned], runner: Runner) -> Iterator[Played]:
    """Play cases and yield them as they come; see `replay.engines.Engine`.

    Cases of a target begin in the order of their priority (see `replay.limits.priority_of`). Who closes the
    iterator, or interrupts it, does not wait for calls in flight: the threads are daemons, and what was
    answered is in the cassettes or their journals. Without a network there is nothing to wait for, and no
    thread is started.
    """
    if not runner.live:
        yield from ((planned, runner.run(planned)) for planned in cases)
        return
    with closing(_Pools(runner)) as pools:
        for planned in cases:
            pools.put(planned)
            while pools.full or pools.has_done:
                yield pools.take()
        while pools.busy:
            yield pools.take()


class _Pools:
    """A pool of threads for each target, and what they have done."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._pools: dict[str, _Pool] = {}
        self._done: SimpleQueue[Done] = SimpleQueue()
        self._files = _files_allow()
        self._numbers = count()
        self.busy = 0  # cases that were put and not taken

    @property
    def full(self) -> bool:
        """Whether no more cases may wait."""
        return sum(pool.waiting.qsize() for pool in self._pools.values()) >= LOOK_AHEAD

    @property
    def has_done(self) -> bool:
        """Whether a case can be taken at once."""
        return not self._done.empty()

    def put(self, planned: Planned) -> None:
        """Let a case wait for its target."""
        self.busy += 1
        pool = self._pools.get(planned.case.target) or self._opened(planned.case.target)
        pool.put(-priority_of(planned.case), next(self._numbers), planned)

    def take(self) -> Played:
        """Wait for a case that is done. Raises what was raised while it was played."""
        planned, result = self._done.get()
        self.busy -= 1
        if isinstance(result, BaseException):
            raise result
        return planned, result

    def close(self) -> None:
        """Begin nothing new."""
        for pool in self._pools.values():
            pool.close()

    def _opened(self, target: str) -> _Pool:
        limits = self._runner.project.target(target).settings.get("limits") or {}
        most = max(min(limits.get("concurrency") or CONCURRENCY, self._files), 1)
        self._files -= most
        self._pools[target] = _Pool(self._runner, most, self._done)
        return self._pools[target]


class _Pool:
    """The threads of one target."""

    def __init__(self, runner: Runner, most: int, done: SimpleQueue[Done]) -> None:
        self._runner, self._left, self._done = runner, most, done
        self._closed = False
        self._threads = 0
        self.waiting: PriorityQueue[tuple[float, int, Planned | None]] = PriorityQueue()

    def put(self, place: int, number: int, planned: Planned) -> None:
        """Let a case wait; there are as many threads as there is use for."""
        self.waiting.put((place, number, planned))
        if self._left:
            self._left -= 1
            self._threads += 1
            threading.Thread(target=self._work, daemon=True).start()

    def close(self) -> None:
        """Let each thread end after the case it plays."""
        self._closed = True
        for number in range(self._threads):
            self.waiting.put((-inf, -number, None))

    def _work(self) -> None:
        while (planned := self.waiting.get()[-1]) is not None and not self._closed:
            try:
                self._done.put((planned, self._runner.run(planned)))
            except BaseException as problem:  # noqa: BLE001 - it is raised again where results are taken
                self._done.put((planned, problem))


def _files_allow() -> int:
    """How many cases may be in flight at once by the limit on open files: each takes a handful."""
    import resource

    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max((most - SPARE_FILES) // FILES_PER_CASE, 1) if most >= 0 else sys.maxsize
