"""A file that was read, and where everything stands in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    MappingStartEvent,
    ScalarEvent,
)

from replay.conversation import Json
from replay.documents._parser import events
from replay.documents._scalars import resolve
from replay.errors import Fault

Keys = tuple[str | int, ...]


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
        self.values: dict[Keys, Mark] = {}
        self.keys: dict[Keys, Mark] = {}
        self.wrong: list[tuple[Mark, str]] = []
        self._nodes(iter(events(text)))

    def _nodes(self, stream: Iterator[Any]) -> None:
        stack: list[_Frame] = []
        for event in stream:
            if isinstance(event, CollectionEndEvent):
                stack.pop()
            elif isinstance(event, ScalarEvent | CollectionStartEvent | AliasEvent):
                path = self._place(stack[-1] if stack else None, event)
                if isinstance(event, CollectionStartEvent):
                    stack.append(_Frame(path, isinstance(event, MappingStartEvent)))

    def _place(self, frame: _Frame | None, event: Any) -> Keys:
        mark = _mark(event)
        if frame is None:
            path: Keys = ()
        elif frame.at_key:
            return self._key(frame, event, mark)
        else:
            path = frame.step()
        self.values.setdefault(path, mark)
        return path

    def _key(self, frame: _Frame, event: Any, mark: Mark) -> Keys:
        key = event.value if isinstance(event, ScalarEvent) else f"({type(event).__name__})"
        path = frame.enter(key)
        if path in self.keys:
            first = self.keys[path].line
            self.wrong.append((mark, f'key "{key}" is given twice, here and on line {first}; keep one'))
        elif mark.plain == "<<":
            self.wrong.append((mark, "merge keys (<<) are not read; write the keys out"))
        elif not isinstance(event, ScalarEvent | AliasEvent):
            self.wrong.append((mark, "a key must be text, not a mapping or a list"))
        elif mark.plain is not None and not isinstance(resolve(mark.plain), str):
            self.wrong.append((mark, f'key {mark.plain or "null"} is not text; write "{mark.plain}"'))
        self.keys.setdefault(path, mark)
        return path


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


def _mark(event: Any) -> Mark:
    plain = event.value if isinstance(event, ScalarEvent) and event.implicit[0] else None
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1, plain)


@dataclass(frozen=True)
class Document:
    """A file as plain data. Places are found only when someone asks, by reading the text once more."""

    path: str
    data: Json
    text: str

    @cached_property
    def marks(self) -> Marks:
        """The places of all values and keys."""
        return Marks(self.text)

    def mark(self, keys: Keys = (), *, key: bool = False) -> Mark:
        """Return the place of the value (or the key) at `keys`, or of the nearest node around it."""
        known = self.marks.keys if key else self.marks.values
        for length in range(len(keys), -1, -1):
            if keys[:length] in known:
                return known[keys[:length]]
        return self.marks.values.get((), Mark(1, 1))

    def fault(self, keys: Keys, message: str, warning: bool = False, *, key: bool = False) -> Fault:
        """Make a fault at a value, or with `key` at the key itself."""
        mark = self.mark(keys, key=key)
        return Fault(self.path, mark.line, mark.column, message, warning)

    def plain(self, keys: Keys) -> str | None:
        """Return an unquoted scalar as it was written (`3.10`), None where there is something else."""
        mark = self.marks.values.get(keys)
        return mark.plain if mark else None
