"""What the records of logs have in common: fields that may hold anything, and reading them one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from replay.conversation import Json, Object
from replay.importers import Logged
from replay.importers._items import items
from replay.jsontext import parse

# What code that takes a record apart may run into; a record is whatever somebody wrote.
ODD = (ValueError, TypeError, AttributeError, LookupError, RecursionError)


def each(path: Path, read: Callable[[str, str, Object], Logged], *keys: str) -> Iterator[Logged]:
    """Yield what `read(path, place, record)` makes of every record of a file (see `_items.items`).

    What it raises is why that record is refused.
    """
    for item in items(path, *keys):
        if item.wrong:
            yield Logged(str(path), item.place, refused=item.wrong)
        else:
            yield attempt(read, str(path), item.place, item.value)


def attempt(read: Callable[..., Logged], path: str, place: str, *records: Any) -> Logged:
    """Return `read(path, place, *records)`; what it raises is why there is nothing."""
    try:
        return read(path, place, *records)
    except ODD as problem:
        return Logged(path, place, refused=f"it cannot be read: {problem}")


def mapping(value: Json) -> Object:
    """Return an object, empty for anything else; JSON in a string is read."""
    value = tree(value)
    return value if isinstance(value, dict) else {}


def mappings(value: Json) -> list[Object]:
    """Return the objects of a list, none for anything else; JSON in a string is read."""
    value = tree(value)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Json) -> str:
    """Return text, empty for anything else."""
    return value if isinstance(value, str) else ""


def tree(value: Json) -> Json:
    """Read JSON in a string; other text stays text."""
    if isinstance(value, str):
        try:
            return parse(value)
        except ValueError:
            return value
    return value


def as_bytes(value: Json) -> bytes:
    """Return a body as it goes over the wire; text is one already."""
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return written.encode("utf-8", "surrogatepass")


def some(**fields: Json) -> Object:
    """Return the fields that hold something: neither null nor empty."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def given(record: Object, *but: str) -> Object:
    """Return the fields of a record that say something, without those named."""
    return {key: value for key, value in record.items() if value is not None and key not in but}
