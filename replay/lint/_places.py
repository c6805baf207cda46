"""Where the keys of a conversation lead: to a line of a fixture, or to a path in the body that was sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Protocol

from replay.conversation import Object
from replay.documents import Document, Keys
from replay.errors import BadInput
from replay.lint._bodies import unwrapped, where
from replay.lint._recent import digest
from replay.lint._shortest import Read, place
from replay.lint.finding import dotted

_LINE = re.compile(r"line (\d+)\b")


class Place(Protocol):
    """Where a subject stands, and what is in it."""

    path: str
    record: str

    def of(self, keys: Keys) -> tuple[int, int, str]:
        """Return line, column and JSON path; 0 and the empty string where there is none."""

    def fingerprint(self, keys: Keys, reason: str) -> bytes:
        """Return what is the same where the same thing is found again."""


@dataclass
class InFixture:
    """A conversation in a file, or on a line of one. It is parsed for its places when something is found."""

    path: str
    number: int  # of its first line
    read: Callable[[], Document]
    record: str = ""

    def of(self, keys: Keys) -> tuple[int, int, str]:
        """See Place."""
        if self._document is None:
            return 0, 0, dotted(keys)
        mark = self._document.mark(unwrapped(self._document.data, keys))
        return mark.line + self.number - 1, mark.column, dotted(keys)

    def fingerprint(self, keys: Keys, reason: str) -> bytes:
        """See Place: nothing is read twice."""
        return digest(b"", [self.number, dotted(keys), reason])

    @cached_property
    def _document(self) -> Document | None:
        try:
            return self.read()
        except BadInput:
            return None


@dataclass
class InConfig:
    """A target of the project."""

    path: str
    line: int
    column: int
    name: str
    record: str = ""

    def of(self, _keys: Keys) -> tuple[int, int, str]:
        """See Place."""
        return self.line, self.column, f"targets.{self.name}.model"

    def fingerprint(self, keys: Keys, reason: str) -> bytes:
        """See Place."""
        return digest(b"", [self.name, dotted(keys), reason])


@dataclass
class InBody:
    """An exchange of a log, or a request that was pasted.

    `told` is the request in the common words, as `read` makes it of the body; `history` is a hash for each of
    its messages and all before it.
    """

    path: str
    record: str
    body: Object
    told: Object = field(default_factory=dict)
    history: list[bytes] = field(default_factory=list)
    read: Read | None = None

    def of(self, keys: Keys) -> tuple[int, int, str]:
        """See Place."""
        line = _LINE.match(self.record)
        return int(line[1]) if line else 0, 0, dotted(where(self.body, self.told, keys, self._find))

    @cached_property
    def _find(self) -> Callable[[Keys], Keys]:
        """A tool may have many findings: it is looked for once."""
        return cache(lambda keys: place(self.body, keys, self.read) if self.read else ())

    def fingerprint(self, keys: Keys, reason: str) -> bytes:
        """See Place: a message is the same with the same before it, a full context in one conversation."""
        if keys == ("messages",):
            return self.history[1] if len(self.history) > 1 else b""
        index = keys[1] if keys[:1] == ("messages",) else None
        before = self.history[index] if isinstance(index, int) else b""
        return digest(before, [dotted(keys) if not before else "", reason])
