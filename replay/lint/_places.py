"""Where the keys of a conversation lead: to a line of a fixture, or to a path in the body that was sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from replay.conversation import Json, Object
from replay.documents import Document, Keys
from replay.errors import BadInput
from replay.jsontext import same
from replay.lint._recent import digest
from replay.lint.finding import dotted

_LINE = re.compile(r"line (\d+)")


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
        mark = self._document.mark(_unwrapped(self._document.data, keys))
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

    `told` is the request in the common words, `history` a hash for each of its messages and all before it.
    """

    path: str
    record: str
    body: Object
    told: Object = field(default_factory=dict)
    history: list[bytes] = field(default_factory=list)

    def of(self, keys: Keys) -> tuple[int, int, str]:
        """See Place."""
        line = _LINE.fullmatch(self.record)
        return int(line[1]) if line else 0, 0, dotted(_in_body(self.body, self.told, keys))

    def fingerprint(self, keys: Keys, reason: str) -> bytes:
        """See Place: a message is the same with the same before it, a full context in one conversation."""
        if keys == ("messages",):
            return self.history[1] if len(self.history) > 1 else b""
        index = keys[1] if keys[:1] == ("messages",) else None
        before = self.history[index] if isinstance(index, int) else b""
        return digest(before, [dotted(keys) if not before else "", reason])


def _unwrapped(data: Json, keys: Keys) -> Keys:
    """A tool of a fixture may stand in the wire's form, its function inside."""
    if keys[:1] == ("tools",) and len(keys) > 2 and "function" in _at(data, keys[:2], {}):
        return (*keys[:2], "function", *keys[2:])
    return keys


def _in_body(body: Object, told: Object, keys: Keys) -> Keys:
    """Return where the body of a wire says what the keys lead to: there, else where the same value stands."""
    if keys[:1] == ("params",):
        return _named(body, str(keys[1])) if len(keys) > 1 else ()
    keys = _unwrapped(body, keys)
    here, value = _at(body, keys, None), _at(told, keys, None)
    if here is not None and (value is None or same(here, value)):
        return keys
    if keys[:1] == ("tools",) and len(keys) > 1:
        return _of_tool(body, _at(told, (*keys[:2], "function", "name"), None), keys[2:])
    said = value.get("content") if isinstance(value, dict) else value
    if not said:
        return keys if here is not None else ()
    return next((path for path, one in _walk(body, ()) if same(one, said)), ())


def _of_tool(body: Object, name: Json, rest: Keys) -> Keys:
    """Return where a tool of this name stands in a body, and what the rest of its keys leads to in it."""
    named = ((path, one) for path, one in _walk(body.get("tools"), ("tools",)) if isinstance(one, dict))
    found = next((path for path, one in named if one.get("name") == name), ())
    for inside in (("parameters",), ("input_schema",), ("inputSchema", "json"), ("parametersJsonSchema",)):
        keys = (*found, *inside, *rest[1:])
        if found and rest[:1] == ("parameters",) and _at(body, keys, None) is not None:
            return keys
    return found


def _named(body: Object, name: str) -> Keys:
    plain = name.replace("_", "").lower()
    keys = (path for path, _ in _walk(body, ()) if isinstance(path[-1], str))
    return next((path for path in keys if str(path[-1]).replace("_", "").lower() == plain), ())


def _walk(value: Json, keys: Keys) -> Iterator[tuple[Keys, Json]]:
    held: Iterator[tuple[str | int, Json]] = iter(())
    if isinstance(value, dict):
        held = iter(value.items())
    elif isinstance(value, list):
        held = iter(enumerate(value))
    for key, item in held:
        yield (*keys, key), item
        yield from _walk(item, (*keys, key))


def _at(data: Json, keys: Keys, otherwise: Json) -> Json:
    for key in keys:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return otherwise
    return data
