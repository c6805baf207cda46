"""A stream that is one JSON array: each item is an event, whatever of it has arrived."""

from __future__ import annotations

import json
import re

from replay.providers._sse import Event

_BETWEEN = re.compile(r"[\s,]*")
_DECODER = json.JSONDecoder()


def items(text: str) -> list[Event] | None:
    """Return the objects of an array as events, what is cut off as the last; None for any other text."""
    text = text.lstrip("\ufeff \t\r\n")
    if not re.match(r"\[\s*\{", text):
        return None
    found: list[Event] = []
    place = 1
    while True:
        place = _end(_BETWEEN.match(text, place))
        if place >= len(text) or text[place] == "]":
            return found
        try:
            _, end = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = len(text)
        found.append({"event": "", "data": text[place:end]})
        place = end


def _end(match: re.Match[str] | None) -> int:
    return match.end() if match else 0
