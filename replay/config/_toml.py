"""Where a key stands in a TOML file: tomllib gives values without places."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from replay.errors import Fault

_HEADER = re.compile(r"\s*\[\[?(?P<keys>[^\[\]]*)\]\]?\s*(?:#.*)?")
_PAIR = re.compile(r"""\s*(?P<keys>(?:[A-Za-z0-9_.\s-]|"[^"\n]*"|'[^'\n]*')+?)\s*=""")
_LONG_TEXT = re.compile(r"(\"{3}|'{3}).*?\1", re.DOTALL)
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)")

Path = tuple[str, ...]


def place(text: str, path: Path) -> tuple[int, int]:
    """Return line and column of the key `path`, or of the innermost table around it; (0, 0) if there is none.

    A key inside an inline table has the place of that table.
    """
    best, where = 0, (0, 0)
    for found, line, column in _keys(text):
        length = min(len(found), len(path))  # a longer key makes the tables above it, too
        if best < length and found[:length] == path[:length]:
            best, where = length, (line, column)
    return where


def _keys(text: str) -> Iterator[tuple[Path, int, int]]:
    table: Path = ()
    outside = _LONG_TEXT.sub(lambda match: "\n" * match[0].count("\n"), text)
    for number, line in enumerate(outside.splitlines(), 1):
        header, pair = _HEADER.fullmatch(line), _PAIR.match(line)
        if header:
            table = _dotted(header["keys"])
            yield table, number, header.start("keys") + 1
        elif pair:
            yield (*table, *_dotted(pair["keys"])), number, pair.start("keys") + 1


def _dotted(keys: str) -> Path:
    try:
        data: Any = tomllib.loads(f"{keys} = 0")
    except tomllib.TOMLDecodeError:  # a line that only looks like a key
        return ()
    path: list[str] = []
    while isinstance(data, dict):
        key, data = next(iter(data.items()))
        path.append(key)
    return tuple(path)


def syntax_fault(problem: tomllib.TOMLDecodeError, path: str, text: str) -> Fault:
    """Turn what tomllib says into a fault with its place."""
    message = str(problem)
    at = _AT.search(message)
    line, column = (int(at[1]), int(at[2])) if at and at[1] else (text.count("\n") + 1, 0)
    return Fault(path, line, column, f"this is not TOML: {_AT.sub('', message)}")
