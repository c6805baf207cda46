"""The same cases through batch APIs, at half the price and within a day: OpenAI's, Azure's, Anthropic's.

Cases are played until they ask something that has no answer yet. What they ask is collected into one batch a
target; when that has ended its answers go into the cassettes of their cases, which are played on, and what
they then ask makes the next batch. A run that is interrupted, however it is, finds its batches again.

What assertions ask is asked at once, at its full price. Answers of a batch have no times and no stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from replay.engines._desk import Clerk, Desk
from replay.engines._ledger import opened
from replay.engines._office import Office, batches_of
from replay.engines._ways import Ways
from replay.errors import BadInput, Fault
from replay.run import Result
from replay.runner import Planned, Runner

Played = Iterator[tuple[Planned, Result]]


def run(cases: Iterable[Planned], runner: Runner) -> Played:
    """See `replay.engines.Engine`.

    Raises BadInput for a target that has no batches, and ProviderFailure where it cannot be known what
    became of a batch that was being made when the run was interrupted.
    """
    return Engine().run(cases, runner)


def ready(runner: Runner, targets: Iterable[str]) -> None:
    """Check, before anything is sent, that these targets have batches. Raises BadInput."""
    faults: list[Fault] = []
    for name in sorted(set(targets)):
        try:
            batches_of(runner, name)
        except BadInput as problem:
            faults += problem.faults
    if faults:
        raise BadInput(faults)


class Engine(Ways):
    """The engine, with its own ways of waiting."""

    def run(self, cases: Iterable[Planned], runner: Runner) -> Played:
        """See the function `run`."""
        if not runner.live:
            yield from ((planned, runner.run(planned)) for planned in cases)
            return
        if runner.mode != "new_episodes":
            raise BadInput(f"batches are recorded in mode new_episodes, not in {runner.mode}")
        with opened((runner.folder or runner.project.cassettes).parent / "batches") as ledger:
            office = Office(self, runner, ledger)
            try:
                office.recover()
                yield from _results(iter(cases), office, Clerk.of(runner, Desk(office, ledger.salt)))
            finally:
                if left := office.awaited:
                    which = ", ".join(batch.ids[0] for batch in left[:3])
                    self.tell(f"batches go on at the provider ({which}): resume this run to fetch them")


def _results(cases: Iterator[Planned], office: Office, clerk: Clerk) -> Played:
    while True:
        while (planned := _next(cases, office)) is not None:
            yield from _played(planned, office, clerk)
        office.post_all()
        if not (office.awaited or office.again):
            return
        for batch in office.ended() if office.awaited else ():
            with office.read(batch) as waiting:
                for planned in waiting:
                    yield from _played(planned, office, clerk)


def _next(cases: Iterator[Planned], office: Office) -> Planned | None:
    if office.again:
        return office.again.popleft()
    return next(cases, None) if office.has_room else None


def _played(planned: Planned, office: Office, clerk: Clerk) -> Played:
    target = planned.case.target
    office.api(target)
    result, stopped = clerk.played(planned)
    if stopped:
        office.stopped.setdefault(target, stopped)
    if result is not None:
        yield planned, result
    office.post_full()
