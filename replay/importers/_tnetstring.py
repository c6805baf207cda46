"""Typed netstrings, as mitmproxy writes them: `<length>:<data><type>`, with text beside bytes.

https://tnetstrings.info and https://github.com/mitmproxy/mitmproxy/blob/main/mitmproxy/io/tnetstring.py
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import IO, Any

from replay.importers import _lines

_LENGTH = re.compile(rb"(\d{1,12}):")
_DEEPEST = 50


class Damaged(ValueError):
    """Data of which the rest cannot be told apart."""


def values(stream: IO[bytes]) -> Iterator[Any]:
    """Yield the values of a file one after the other; a ValueError for one that cannot be read.

    Raises Damaged, and what reading a file raises.
    """
    while prefix := stream.read(13):
        found = _LENGTH.match(prefix)
        if not found:
            raise Damaged("no length where a flow should begin")
        size = int(found[1]) + 1
        stream.seek(found.end() - len(prefix), 1)
        if size > _lines.LONGEST:
            stream.seek(size, 1)
            yield ValueError(_lines.too_long())
            continue
        data = stream.read(size)
        if len(data) < size:
            raise Damaged("cut: the file ends inside this flow")
        yield _attempt(data)


def _attempt(data: bytes) -> Any:
    try:
        return _value(data[:-1], data[-1:], 0)
    except ValueError as problem:
        return problem


_SCALARS: dict[bytes, Callable[[bytes], Any]] = {
    b",": bytes,
    b";": bytes.decode,
    b"#": int,
    b"^": float,
    b"!": b"true".__eq__,
    b"~": lambda _: None,
}


def _value(data: bytes, kind: bytes, depth: int) -> Any:
    """Return the value of a type's data. Raises ValueError."""
    if kind in _SCALARS:
        return _SCALARS[kind](data)
    if depth > _DEEPEST or kind not in (b"]", b"}"):
        raise ValueError(
            "nested too deeply" if kind in (b"]", b"}") else f"a value of the unknown type {kind!r}"
        )
    parts = list(_parts(data, depth))
    if kind == b"]":
        return parts
    return {_name(key): value for key, value in zip(parts[::2], parts[1::2], strict=True)}


def _parts(data: bytes, depth: int) -> Iterator[Any]:
    at = 0
    while at < len(data):
        found = _LENGTH.match(data, at)
        if not found:
            raise ValueError("a value without its length")
        end = found.end() + int(found[1])
        if end >= len(data):
            raise ValueError("a value that is longer than what holds it")
        yield _value(data[found.end() : end], data[end : end + 1], depth + 1)
        at = end + 1


def _name(key: Any) -> str:
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
