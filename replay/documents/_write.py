"""Plain data as YAML that people like to read and every YAML reader, 1.1 or 1.2, reads back the same.

Text of several lines is a block scalar. A mapping or list is written on one line where it fits. The one thing
only Replay reads back is half a surrogate pair, which other readers refuse.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Iterator

from replay.conversation import Json
from replay.documents._scalars import resolve

_WIDTH = 110
_MAX_DEPTH = 100  # what the reader takes
_MAX_KEY = 500  # YAML looks for the colon of a key in 1,024 characters only

# Never written as they are: control characters, half pairs, line separators, what is read as a byte order
# mark, and the marks that turn the direction of the text around them.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
_PLAIN_START = re.compile(r"[^\W\d]")
_NOT_PLAIN = re.compile(r": |:$| #| $|[\n\t]")
_FLOW_ENDS = re.compile(r"[,?\[\]{}]|:$")
_BLANK_LINE = re.compile(r"^[ \t]+$", re.MULTILINE)
_WORDS_OF_YAML_1_1 = frozenset(("y", "n", "yes", "no", "on", "off"))


def dump(data: Json, *, open_lists: Collection[str] = ()) -> str:
    """Write JSON data. The items of the lists under the keys `open_lists` are never written on one line.

    Raises ValueError for data nested more than 100 deep.
    """
    lines = [_text(data)] if isinstance(data, str) else _entry("", data, -2, _Style(open_lists))
    return "\n".join(lines) + "\n"


class _Style:
    def __init__(self, open_lists: Collection[str], opened: bool = False, depth: int = 0) -> None:
        self.open_lists, self.opened, self.depth = open_lists, opened, depth
        if depth > _MAX_DEPTH:
            raise ValueError(f"data nested more than {_MAX_DEPTH} deep cannot be written")

    def below(self, key: str | None = None) -> _Style:
        """The style of an item under `key`, or of an item of a list."""
        opened = key in self.open_lists if key is not None else self.opened
        return _Style(self.open_lists, opened, self.depth + 1)


def _entry(head: str, value: Json, indent: int, style: _Style) -> Iterator[str]:
    """Yield the lines of `head` (a key with its colon, a dash, or nothing) and a value that belongs to it."""
    space = " " if head else ""
    line = _scalar_or_flow(value, _WIDTH - len(head) - 1, style)
    if line is not None:
        yield f"{head}{space}{line}"
    elif isinstance(value, str):
        yield f"{head}{space}{_block_header(value)}"
        yield from _block_lines(value, " " * (indent + 2))
    else:
        if head:
            yield head
        yield from _collection(value, indent + 2, style)


def _scalar_or_flow(value: Json, room: int, style: _Style) -> str | None:
    if isinstance(value, str):
        return None if _as_block(value) else _text(value)
    if isinstance(value, dict | list | tuple):
        return None if (value and style.opened) or _holds_mappings(value) else _flow(value, room)
    return _word(value)


def _holds_mappings(value: Json) -> bool:
    return not isinstance(value, dict) and any(isinstance(item, dict) and item for item in value)


def _collection(value: Json, indent: int, style: _Style) -> Iterator[str]:
    pad = " " * indent
    if not isinstance(value, dict):
        for item in value:
            yield from _item(pad, item, indent, style.below())
        return
    for key, item in value.items():
        text = _text(_checked(key))
        if len(text) > _MAX_KEY:
            yield f"{pad}? {text}"
            text = ""
        yield from _entry(f"{pad}{text}:", item, indent, style.below(key))


def _item(pad: str, item: Json, indent: int, style: _Style) -> Iterator[str]:
    closed = _Style(style.open_lists, False, style.depth)
    if isinstance(item, str) or _scalar_or_flow(item, _WIDTH - indent - 2, style) is not None:
        yield from _entry(f"{pad}-", item, indent, style)
        return
    lines = _collection(item, indent + 2, closed)
    yield f"{pad}- {next(lines)[indent + 2 :]}"
    yield from lines


def _flow(value: Json, room: int) -> str | None:
    """Return a collection on one line, None when it needs more than `room` characters or a block."""
    if room < 0 and value:  # found before the items are: what is nested deeply is not followed to its end
        return None
    mapping = isinstance(value, dict)
    parts = []
    for part in _flow_parts(value.items() if mapping else ((None, item) for item in value), room):
        if part is None or (room := room - len(part) - 2) < 0:
            return None
        parts.append(part)
    return ("{%s}" if mapping else "[%s]") % ", ".join(parts)


def _flow_parts(pairs: Iterable[tuple[str | None, Json]], room: int) -> Iterator[str | None]:
    for key, value in pairs:
        text: str | None
        if isinstance(value, dict | list | tuple):
            text = _flow(value, room - 2)
        elif isinstance(value, str):
            text = None if len(value) > room or _as_block(value) else _text(value, flow=True)
        else:
            text = _word(value)
        yield text if key is None or text is None else f"{_text(_checked(key), flow=True)}: {text}"


def _checked(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key must be text, not {key!r}")
    return key


def _word(value: Json) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    raise TypeError(f"{value!r} is not JSON")


def _float(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    text = repr(value)
    # YAML 1.1 wants a point in a float with an exponent.
    return text if "." in text else text.replace("e", ".0e")


def _as_block(text: str) -> bool:
    readable = not _UNSAFE.search(text) and not _BLANK_LINE.search(text)
    return "\n" in text and readable and bool(text.strip("\n"))


def _block_header(text: str) -> str:
    indicator = "2" if text[0] in " \t\n" else ""
    chomping = "-" if not text.endswith("\n") else "+" if text.endswith("\n\n") else ""
    return f"|{indicator}{chomping}"


def _block_lines(text: str, pad: str) -> Iterator[str]:
    for line in text.removesuffix("\n").split("\n"):
        yield pad + line if line else ""


def _text(text: str, *, flow: bool = False) -> str:
    """Return text on one line: plain where nobody can misread it, else in quotes."""
    if _plain(text) and not (flow and _FLOW_ENDS.search(text)):
        return text
    if _UNSAFE.search(text) or "\n" in text or "\t" in text:
        return _double(text)
    if ('"' in text or "\\" in text) and text.count("'") < text.count('"') + text.count("\\"):
        return "'" + text.replace("'", "''") + "'"
    return _double(text)


def _plain(text: str) -> bool:
    if not _PLAIN_START.match(text) or _NOT_PLAIN.search(text) or _UNSAFE.search(text):
        return False
    return isinstance(resolve(text), str) and text.lower() not in _WORDS_OF_YAML_1_1


def _double(text: str) -> str:
    return _UNSAFE.sub(_escape, json.dumps(text, ensure_ascii=False))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
