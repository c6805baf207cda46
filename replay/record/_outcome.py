"""What became of each exchange that was read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from replay.conversation import Object
from replay.errors import Fault


@dataclass(frozen=True, slots=True)
class Outcome:
    """One exchange, or one file that could not be read: imported as a conversation, or refused and why.

    `notes` say what is different from the log, or what is missing in it.
    """

    file: str
    place: str
    conversation: str = ""
    target: str = ""
    refused: str = ""
    notes: tuple[str, ...] = ()

    def to_json(self) -> Object:
        """Return only what is known."""
        data: Object = {name: getattr(self, name) for name in self.__slots__}
        data["notes"] = list(self.notes)
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


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an import did: the outcome of everything that was read, in order, and the targets it added."""

    suite: str
    files: int
    outcomes: tuple[Outcome, ...]
    targets: tuple[str, ...] = ()

    @property
    def imported(self) -> int:
        """How many exchanges became conversations."""
        return sum(not outcome.refused for outcome in self.outcomes)

    @property
    def refused(self) -> int:
        """How many did not."""
        return len(self.outcomes) - self.imported

    @property
    def reasons(self) -> dict[str, int]:
        """Why exchanges were refused, and how many, the most frequent first; names are left out."""
        kinds = Counter(_kind(outcome.refused) for outcome in self.outcomes if outcome.refused)
        return dict(kinds.most_common())

    @property
    def text(self) -> str:
        """What a person is told."""
        counts = f"{self.imported} imported into suite {self.suite}, {self.refused} refused"
        lines = [f"{self.files} files, {len(self.outcomes)} exchanges: {counts}"]
        lines += [f"{count:6}  {reason}" for reason, count in self.reasons.items()]
        lines += _some("refused", [str(outcome) for outcome in self.outcomes if outcome.refused])
        lines += _some("note", [f"{outcome}: {note}" for outcome in self.outcomes for note in outcome.notes])
        lines += [f"new targets: {', '.join(self.targets)}"] if self.targets else []
        lines += [f"play them: pytest suites/{self.suite}.yaml"] if self.imported else []
        return "\n".join(lines)

    def to_json(self) -> Object:
        """Return what a machine is told."""
        return {
            "suite": self.suite,
            "files": self.files,
            "read": len(self.outcomes),
            "imported": self.imported,
            "refused": self.refused,
            "reasons": self.reasons,
            "targets": list(self.targets),
            "outcomes": [outcome.to_json() for outcome in self.outcomes],
        }


def _some(word: str, lines: list[str], most: int = 20) -> Iterator[str]:
    yield from (f"{word}: {line}" for line in lines[:most])
    if len(lines) > most:
        yield f"{word}: and {len(lines) - most} more (--json lists them)"


def _kind(reason: str) -> str:
    """Return a reason without what differs from one exchange to the next."""
    reason = re.sub(r"^([A-Z]+) \S+ is not", r"\1 … is not", reason)
    reason = re.sub(r"(\d+ chunks) of the stream .*", "chunks of a stream", reason)
    return re.sub(r"\s*\([^()]*\)$", "", re.sub(r"\b\d+\b", "…", reason))
