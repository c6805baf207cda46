"""What a rule found, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from replay.conversation import Object
from replay.documents import Keys

SEVERITIES = ("error", "warning", "note", "off")  # the worst first


class Found(NamedTuple):
    """What a rule yields: the keys that lead to it in a fixture's shape, what is wrong, and what to do.

    The keys are those of a conversation: `("messages", 3, "content")`, `("tools", 0)`, `("params", "seed")`;
    `("reply",)` is what was answered, and `()` all of it. `line` and `column` are given where a file is not
    read so far that keys lead anywhere.
    """

    keys: Keys
    reason: str
    mend: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `rule` is its stable id, `severity` one of SEVERITIES.

    `line` and `column` count from 1, 0 where there are none. `record` is the place in a log (`line 3`).
    `at` is a JSON path: in a fixture from the top of the file, else from the top of the body that was sent,
    empty where that has no such place.
    """

    rule: str
    severity: str
    path: str
    line: int
    column: int
    record: str
    at: str
    reason: str
    mend: str

    @property
    def place(self) -> str:
        """File, line and column, or the place in a log."""
        where = ":".join(str(part) for part in (self.path, self.line, self.column) if part)
        return where if self.line or not self.record else f"{where} ({self.record})"

    def to_json(self) -> Object:
        """Return a JSON object; what is not known is left out."""
        names: tuple[str, ...] = self.__slots__
        return {name: value for name in names if (value := getattr(self, name))}


def dotted(keys: Keys) -> str:
    """Write keys as a path: `messages[3].content`."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return text.removeprefix(".")
