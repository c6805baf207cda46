"""The crew: the workers on the cluster, begun as they are needed and replaced when they die."""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayError

from replay.engines._ray import cargo, cluster
from replay.engines._ray.flight import Flight
from replay.engines._ray.mailbox import MOST, Heard, Mailbox, Post
from replay.engines._ray.worker import Worker, job, secrets
from replay.errors import BadInput, ReplayError
from replay.limits import Open
from replay.runner import Runner

THREADS = 64  # cases at once in one worker: they wait for answers
FRESH = 20.0  # seconds within which a worker that was asked for is expected
TICK = 5.0  # seconds between two looks at the size of the cluster
GRACE = 2.0  # seconds that workers have to leave
STARTS = 3  # workers that fail to start, one after the other, before no more are tried


@dataclass(eq=False)
class Member:
    """A worker as the driver knows it. One that is `alone` plays one case at a time."""

    name: str
    actor: Any
    alone: bool
    since: float = field(default_factory=time.monotonic)
    ready: bool = False
    flights: int = 0

    @property
    def counts(self) -> bool:
        """Whether it plays, or soon will."""
        return not self.alone and (self.ready or time.monotonic() - self.since < FRESH)


class Crew:
    """One worker for each processor of the cluster, as long as there are cases for it.

    `starting` are those that are on their way, by what says that they have come. Raises BadInput where no
    node can play, ReplayError where the cluster is lost.
    """

    def __init__(self, runner: Runner, heard: Heard) -> None:
        self._runner = runner
        self.places = {"root": runner.project.root, "folder": runner.folder or runner.project.cassettes}
        self._kit = cluster.versions(), job(runner, self.places), ray.put(cargo.snapshot(runner.project.root))
        self._box = _actor(Mailbox, num_cpus=0, max_concurrency=MOST, scheduling_strategy=cluster.home())
        self._post = Post(self._box, runner.gate or Open(), heard)
        self._numbers = itertools.count(1)
        self._members: set[Member] = set()
        self.starting: dict[Any, Member] = {}
        self._failed, self._why = 0, ""
        self._room, self._looked = 1, -TICK
        self.processors = 1

    def staff(self, wanted: int, alone: int) -> None:
        """Begin workers for so many cases at once, and for so many that are to be played alone."""
        if time.monotonic() - self._looked > TICK:
            self.processors, self._looked = cluster.processors(), time.monotonic()
        for apart, count in ((False, wanted), (True, alone)):
            there = sum(member.alone is apart for member in self._members)
            for _ in range(there, min(count, self.processors) if self._failed < STARTS else 0):
                self._begin(apart)
        if not self._members and self._failed >= STARTS:
            raise BadInput(self._why)
        share = math.ceil(wanted / max(sum(member.counts for member in self._members), 1))
        self._room = min(share, THREADS)

    def free(self, *, alone: bool) -> Member | None:
        """Return the worker with the most room, None where there is none."""
        room = 1 if alone else self._room
        able = (one for one in self._members if one.ready and one.alone is alone and one.flights < room)
        return min(able, key=lambda member: member.flights, default=None)

    def send(self, flight: Flight, member: Member) -> Any:
        """Send a case to a worker; returns what its result comes in. Raises what `Flight.packed` raises."""
        known = secrets(self._runner, flight.planned)
        ref = member.actor.play.remote(flight.packed(), known, dict(self._runner.stopped))
        member.flights += 1
        return ref

    def welcome(self, ref: Any) -> None:
        """Take in a worker that has come, or give up one that cannot play."""
        member = self.starting.pop(ref)
        try:
            why = ray.get(ref)
        except RayError as problem:
            why = (
                f"no worker could be started on the cluster: {cluster.told(problem)}\n"
                "install conversation-replay and what your assertions need on every node"
            )
        if why:
            self._failed, self._why = self._failed + 1, why
            self.bury(member)
        else:
            self._failed, member.ready = 0, True

    def bury(self, member: Member) -> None:
        """Take a worker for dead, and see to it that it is: a case may be played by another one then."""
        self._post.gone(member.name)
        if member in self._members:
            self._members.remove(member)
            _kill(member.actor)
            member.actor = None

    def flush(self) -> None:
        """Wait until all is heard that workers have told before."""
        try:
            self._post.flush()
        except RayError as problem:
            raise ReplayError(
                f"the Ray cluster is lost: {cluster.told(problem)}\nwhat was answered is kept; start again"
            ) from None

    def close(self) -> None:
        """Hear what is told yet, and let all workers go.

        No handle is kept: a new cluster numbers its actors as this one did, and Ray would mistake them.
        """
        with contextlib.suppress(RayError):
            self._post.close()
            leaving = [member.actor.leave.remote() for member in self._members if member.ready]
            ray.wait(leaving, num_returns=len(leaving), timeout=GRACE) if leaving else None
        for member in list(self._members):
            self.bury(member)
        _kill(self._box)
        self._box = None

    def _begin(self, alone: bool) -> None:
        name = f"worker-{next(self._numbers)}"
        actor = _actor(
            Worker,
            name,
            self._box,
            num_cpus=0 if alone else 1,
            max_concurrency=2 if alone else THREADS,
            scheduling_strategy="SPREAD",
        )
        member = Member(name, actor, alone)
        self._members.add(member)
        self.starting[actor.ready.remote(*self._kit)] = member


def first(refs: Iterable[Any]) -> list[Any]:
    """Wait for the first of these to come; return all that have come by then, none after a while."""
    refs = list(refs)
    come, _ = ray.wait(refs, num_returns=1, timeout=TICK)
    return ray.wait(refs, num_returns=len(refs), timeout=0)[0] if come else []


def _kill(actor: Any) -> None:
    with contextlib.suppress(RayError):
        ray.kill(actor)


def _actor(kind: type, *arguments: Any, **options: Any) -> Any:
    return ray.remote(kind).options(**options).remote(*arguments)
