"""All the cases of a run: taken as there is room, sent, brought home, and sent again when a worker dies."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from replay.cassette.interaction import Interaction
from replay.engines._ray import cluster
from replay.engines._ray.crew import Crew, Member, first
from replay.engines._ray.flight import Flight
from replay.errors import BadInput, ReplayError
from replay.limits import CONCURRENCY, priority_of
from replay.run import Result
from replay.runner import Planned, Runner

Played = tuple[Planned, Result]

DEATHS = 3  # of workers, after which a case is taken for their cause
LOOK_AHEAD = 256  # cases that are taken and wait for their target


class Flights:
    """Plays cases through a crew. Iterate once, close in any case."""

    def __init__(self, cases: Iterable[Planned], runner: Runner) -> None:
        self._runner, self._ahead = runner, Ahead(cases)
        self._crew = Crew(runner, self._heard)
        self._flying: dict[Any, tuple[Member, Flight]] = {}
        self._by_id: dict[str, tuple[Member, Flight]] = {}
        self._again: deque[Flight] = deque()
        self._busy: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Played]:
        while self._ahead.fill() or self._again or self._flying:
            self._crew.staff(self._wanted(), len(self._again))
            yield from self._begin()
            if waited_for := [*self._flying, *self._crew.starting]:
                yield from self._come(first(waited_for))

    def close(self) -> None:
        """End it; what has been answered is kept."""
        self._crew.close()
        for _, flight in self._flying.values():
            flight.close()

    def _wanted(self) -> int:
        """How many cases may be under way at once."""
        cases = self._ahead.count + len(self._flying)
        if not self._runner.live:
            return min(cases, 2 * self._crew.processors)
        return min(cases, sum(map(self._limit, self._ahead.targets)))

    def _limit(self, target: str) -> int:
        limits = self._runner.project.target(target).settings.get("limits") or {}
        return limits.get("concurrency") or CONCURRENCY

    def _may_begin(self, planned: Planned) -> bool:
        """Whether its target has room, and no case under way has its cassette."""
        target = planned.case.target
        room = not self._runner.live or self._busy[target] < self._limit(target)
        return room and planned.case.id not in self._by_id

    def _begin(self) -> Iterator[Played]:
        while self._again and (member := self._crew.free(alone=True)):
            yield from self._send(self._again.popleft(), member)
        while (member := self._crew.free(alone=False)) and (planned := self._ahead.take(self._may_begin)):
            try:
                flight = Flight(planned, self._runner, self._crew.places)
            except (ReplayError, OSError) as problem:
                yield planned, self._runner.unplayed(planned, self._runner.could_not_run(problem))
            else:
                yield from self._send(flight, member)

    def _send(self, flight: Flight, member: Member) -> Iterator[Played]:
        try:
            ref = self._crew.send(flight, member)
        except ReplayError as problem:
            yield flight.planned, flight.failed("bad_input", str(problem))
            return
        self._flying[ref] = self._by_id[flight.planned.case.id] = member, flight
        self._busy[flight.planned.case.target] += 1

    def _come(self, refs: list[Any]) -> Iterator[Played]:
        for ref in refs:
            if ref in self._crew.starting:
                self._crew.welcome(ref)
        landed = [ref for ref in refs if ref in self._flying]
        if landed:
            self._crew.flush()
        for ref in landed:
            yield from self._landed(ref)

    def _landed(self, ref: Any) -> Iterator[Played]:
        member, flight = self._flying.pop(ref)
        member.flights -= 1
        del self._by_id[flight.planned.case.id]
        self._busy[flight.planned.case.target] -= 1
        try:
            landed = ray.get(ref)
        except RayTaskError as problem:
            kind = "bad_input" if isinstance(problem.cause, BadInput) else "crashed"
            yield flight.planned, flight.failed(kind, str(problem.cause))
        except RayError as problem:
            self._crew.bury(member)
            yield from self._died(flight, problem)
        else:
            yield flight.planned, flight.landed(landed)

    def _died(self, flight: Flight, problem: RayError) -> Iterator[Played]:
        """Send a case again, alone: what killed its worker may have been another one beside it."""
        flight.deaths += 1
        if flight.deaths == DEATHS:
            why = f"the worker that played this case died {DEATHS} times ({cluster.told(problem)})"
            yield flight.planned, flight.failed("crashed", why)
            return
        try:
            flight.close()
        except ReplayError as wrong:
            yield flight.planned, flight.failed("storage", str(wrong))
        else:
            self._again.append(flight)

    def _heard(self, worker: str, case: str, interaction: Interaction) -> None:
        """Keep what was recorded; the word of a worker that is taken for dead counts no more."""
        member, flight = self._by_id.get(case, (None, None))
        if member is not None and flight is not None and member.name == worker:
            flight.hear(interaction)


class Ahead:
    """Cases by their priority, then in the order in which they come; none waits for another target's."""

    def __init__(self, cases: Iterable[Planned]) -> None:
        self._cases = iter(cases)
        self._numbers = count()
        self._waiting: dict[str, list[tuple[int, int, Planned]]] = {}  # heaps
        self.count = 0

    @property
    def targets(self) -> Iterable[str]:
        """The targets that have been seen."""
        return self._waiting.keys()

    def fill(self) -> int:
        """Take cases until LOOK_AHEAD of them wait; return how many do."""
        while self.count < LOOK_AHEAD and (planned := next(self._cases, None)) is not None:
            heap = self._waiting.setdefault(planned.case.target, [])
            heappush(heap, (-priority_of(planned.case), next(self._numbers), planned))
            self.count += 1
        return self.count

    def take(self, may_begin: Callable[[Planned], bool]) -> Planned | None:
        """Return the next case that may begin, None where none may."""
        self.fill()
        for heap in self._waiting.values():
            if heap and may_begin(heap[0][-1]):
                self.count -= 1
                return heappop(heap)[-1]
        return None
