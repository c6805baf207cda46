"""A file that was read, and where everything stands in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from replay.conversation import Json
from replay.documents._parser import events
from replay.documents._scalars import resolve
from replay.errors import Fault

Keys = tuple[str | int, ...]
_STARTS = (MappingStartEvent, SequenceStartEvent)
_ENDS = (MappingEndEvent, SequenceEndEvent)
_NODES = (ScalarEvent, *_STARTS, AliasEvent)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a node stands, from 1. `plain` is the text of an unquoted scalar, None for anything else."""

    line: int
    column: int
    plain: str | None = None


class Marks:
    """The places of all values and keys of a text, and what is wrong with its keys.

    Nodes are known by the keys and indices that lead to them. What an alias stands for has the alias's place.
    """

    def __init__(self, text: str) -> None:
        self._values: dict[Keys, Any] = {}  # parser events
        self._keys: dict[Keys, Any] = {}
        self.wrong: list[tuple[Mark, str]] = []
        self._read(events(text))

    def value(self, keys: Keys) -> Mark | None:
        """The place of the value that keys and indices lead to."""
        return _mark(self._values.get(keys))

    def key(self, keys: Keys) -> Mark | None:
        """The place of the last of these keys."""
        return _mark(self._keys.get(keys))

    def _read(self, stream: Iterator[Any]) -> None:
        stack: list[_Frame] = []
        for event in stream:
            kind = type(event)
            if kind in _ENDS:
                stack.pop()
            elif kind in _NODES:
                path = self._place(stack[-1], event) if stack else ()
                if not stack:
                    self._values[path] = event
                if kind in _STARTS:
                    stack.append(_Frame(path, kind is MappingStartEvent))

    def _place(self, frame: _Frame, event: Any) -> Keys:
        if frame.at_key:
            return self._key(frame, event)
        path = frame.step()
        self._values.setdefault(path, event)
        return path

    def _key(self, frame: _Frame, event: Any) -> Keys:
        scalar = type(event) is ScalarEvent
        path = frame.enter(event.value if scalar else f"*{event.anchor}")
        fault = (
            self._key_fault(path, event) if path in self._keys or not scalar or event.implicit[0] else None
        )
        if fault:
            self.wrong.append((cast(Mark, _mark(event)), fault))
        self._keys.setdefault(path, event)
        return path

    def _key_fault(self, path: Keys, event: Any) -> str | None:
        if path in self._keys:
            first = self._keys[path].start_mark.line + 1
            return f'key "{path[-1]}" is given twice, here and on line {first}; keep one'
        if type(event) in _STARTS:
            return "a key must be text, not a mapping or a list"
        plain = event.value if type(event) is ScalarEvent else ""
        if plain == "<<":
            return "merge keys (<<) are not read; write the keys out"
        if type(event) is ScalarEvent and not isinstance(resolve(plain), str):
            return f'key {plain or "null"} is not text; write "{plain}"'
        return None


class _Frame:
    """A collection that is being read: its path, and the key or index it stands at."""

    def __init__(self, path: Keys, mapping: bool) -> None:
        self.path, self.at_key = path, mapping
        self._mapping, self._key, self._index = mapping, "", -1

    def enter(self, key: str) -> Keys:
        self._key, self.at_key = key, False
        return (*self.path, key)

    def step(self) -> Keys:
        if self._mapping:
            self.at_key = True
            return (*self.path, self._key)
        self._index += 1
        return (*self.path, self._index)


def _mark(event: Any) -> Mark | None:
    if event is None:
        return None
    plain = event.value if isinstance(event, ScalarEvent) and event.implicit[0] else None
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1, plain)


@dataclass(frozen=True)
class Document:
    """A file as plain data. Places are found only when someone asks, by reading the text once more.

    `line` is where the text begins: its document may be one of many in the file.
    """

    path: str
    data: Json
    text: str
    line: int = 1

    @cached_property
    def marks(self) -> Marks:
        """The places of all values and keys."""
        return Marks(self.text)

    def mark(self, keys: Keys = (), *, key: bool = False) -> Mark:
        """Return the place of the value (or the key) at `keys`, or of the nearest node around it."""
        find = self.marks.key if key else self.marks.value
        around = (find(keys[:length]) for length in range(len(keys), -1, -1))
        return next(filter(None, around), None) or self.marks.value(()) or Mark(1, 1)

    def fault(self, keys: Keys, message: str, warning: bool = False, *, key: bool = False) -> Fault:
        """Make a fault at a value, or with `key` at the key itself."""
        mark = self.mark(keys, key=key)
        return Fault(self.path, mark.line + self.line - 1, mark.column, message, warning)

    def plain(self, keys: Keys) -> str | None:
        """Return an unquoted scalar as it was written (`3.10`), None where there is something else."""
        mark = self.marks.value(keys)
        return mark.plain if mark else None
