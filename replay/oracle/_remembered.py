"""An oracle that asks nothing twice, and no more than it may."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from replay.oracle._answer import Answer, Oracle
from replay.oracle._probe import Probe


class Ended(Exception):
    """No more may be asked, or nothing is answered; says why. What was answered until then is kept."""


class Answers(Protocol):
    """Where answers are kept; see `Store`."""

    def get(self, probe: str, attempt: int) -> Answer | None:
        """Return an answer."""

    def put(self, probe: str, attempt: int, answer: Answer) -> None:
        """Keep an answer."""


class Remembered:
    """An oracle before which stands what it answered before; at most `most` attempts are asked of it.

    `asked` counts the attempts that were made now, `known` those of other runs that were asked for again.
    """

    def __init__(self, oracle: Oracle, store: Answers, most: int | None = None) -> None:
        self._oracle, self._store, self._most = oracle, store, most
        self.once = oracle.once
        self.asked = self.known = 0
        self._mine: set[tuple[str, int]] = set()  # what was answered in this run

    def key(self, probe: Probe) -> str:
        """Return what two probes share that have the same answers."""
        return self._oracle.key(probe)

    def ask(self, probe: Probe, attempts: Sequence[int]) -> list[Answer]:
        """Answer attempts; each new answer is kept before the next is looked at. Raises Ended."""
        key = self.key(probe)
        kept = {attempt: self._store.get(key, attempt) for attempt in attempts}
        new = [attempt for attempt, answer in kept.items() if answer is None]
        self.known += sum((key, attempt) not in self._mine for attempt in kept if attempt not in new)
        self._mine |= {(key, attempt) for attempt in attempts}
        for part in self._allowed(new):
            for attempt, answer in zip(part, self._oracle.ask(probe, part), strict=True):
                self._store.put(key, attempt, answer)
                kept[attempt] = answer
        return [answer for answer in kept.values() if answer is not None]

    def _allowed(self, attempts: list[int]) -> Iterator[list[int]]:
        """Yield what may be asked together, if anything. Raises Ended once that was done."""
        room = len(attempts) if self._most is None else max(self._most - self.asked, 0)
        if part := attempts[:room]:
            self.asked += len(part)
            yield part
        if len(attempts) > room:
            raise Ended(f"all {self._most} probes are asked; raise --max-probes")
