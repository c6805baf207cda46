"""A stream that is one JSON array: each item is an event, whatever of it has arrived."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from replay.providers._sse import Event

_BETWEEN = re.compile(r"[\s,]*")
_DECODER = json.JSONDecoder()


def items(text: str) -> list[Event] | None:
    """Return the objects of an array as events, what is cut off as the last; None for any other text."""
    text = text.lstrip("\ufeff \t\r\n")
    if not re.match(r"\[\s*\{", text):
        return None
    return [{"event": "", "data": text[start:end]} for start, end in places(text)]


def places(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the items of an array begin and end; what is cut off ends with the text."""
    place = text.index("[") + 1
    while True:
        place = _end(_BETWEEN.match(text, place))
        if place >= len(text) or text[place] == "]":
            return
        try:
            _, end = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = len(text)
        yield place, end
        place = end


def _end(match: re.Match[str] | None) -> int:
    return match.end() if match else 0
