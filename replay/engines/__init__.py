"""Engines: how planned cases are played. One file each: in threads here, on a cluster, through batch APIs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from replay.registry import Registry
from replay.run import Result
from replay.runner import Planned, Runner


class Engine(Protocol):
    """The contract: a module (or any object) with this function.

    An engine that not every target can be played by may also have `ready(runner, targets)`, which raises
    BadInput before anything is sent.
    """

    def run(self, cases: Iterable[Planned], runner: Runner) -> Iterator[tuple[Planned, Result]]:
        """Play cases and yield each with its result as it comes, in any order.

        Cases are taken from the iterable as there is room for them, never all at once. When the iterator is
        closed nothing new is begun. Results are not yet fit to be told: see `Runner.shown`.
        """


registry: Registry[Engine] = Registry(__name__)
