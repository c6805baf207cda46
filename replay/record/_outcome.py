"""What became of each exchange that was read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from replay.conversation import Object
from replay.errors import Fault


@dataclass(frozen=True, slots=True)
class Outcome:
    """One exchange, or one file that could not be read.

    It is imported into a conversation (as its turn `turn`, and as the `attempt`-th try of it), or `refused`
    and why, or `skipped` and why: it is already there, or left out by a filter or the sample. `notes` say
    what is different from the log, or what is missing in it. `number` is its place among all that was read.
    """

    file: str
    place: str
    conversation: str = ""
    target: str = ""
    turn: int = 0
    attempt: int = 1
    refused: str = ""
    skipped: str = ""
    notes: tuple[str, ...] = ()
    number: int = 0

    @property
    def imported(self) -> bool:
        """Whether something was written of it."""
        return not (self.refused or self.skipped)

    @property
    def word(self) -> str:
        """What became of it, in a word."""
        return "refused" if self.refused else "skipped" if self.skipped else "imported"

    def to_json(self) -> Object:
        """Return only what is known."""
        data: Object = {name: getattr(self, name) for name in self.__slots__ if name != "number"}
        data |= {"notes": list(self.notes), "attempt": self.attempt if self.attempt > 1 else 0}
        return {key: value for key, value in data.items() if value}

    def faults(self) -> Iterator[Fault]:
        """Yield why it is refused, or what is odd about it."""
        line = re.fullmatch(r"lines? (\d+).*", self.place)
        for message in filter(None, (self.refused, *self.notes)):
            place = "" if line or not self.place else f"{self.place}: "
            yield Fault(self.file, int(line[1]) if line else 0, 0, f"{place}{message}")

    def __str__(self) -> str:
        place = re.sub(r"^lines? ", "", self.place)
        where = f"{self.file}:{place}" if place != self.place else ": ".join(filter(None, (self.file, place)))
        return f"{where}: {self.refused or self.conversation}"
