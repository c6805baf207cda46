"""The records of a log: the lines of JSON Lines, or the items of a list in a JSON document.

Memory does not grow with the file: a list is read item by item, wherever in its document it stands.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

from replay.conversation import Json, Object
from replay.importers import _lines
from replay.importers._split import Broken, Cut, Splitter
from replay.jsontext import parse

_HEAD = 2**16  # what a file's form is told by
_FIRST = 20  # how many records tell its format
_LAID_OUT = re.compile(rb'[^\n]*(?:[{,]\s*\n\s*["}]|\[\s*\n)')
_MARKS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\],]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Item:
    """One record of a file and where it stands (`line 17`, `item 3`), or what is `wrong` there.

    `at` and `size` are the place of its text in bytes, of the unpacked file.
    """

    place: str
    value: Json = None
    wrong: str = ""
    at: int = 0
    size: int = 0


def items(path: Path, *keys: str) -> Iterator[Item]:
    """Yield the records of a file, gzipped or not; never raises.

    They are the lines of JSON Lines (from `line 1`), or the items of every list that stands at the top of a
    JSON document or under one of `keys` in it (from `item 0`); a key in a deeper object is written
    `log.entries`. A document without such a list is one item itself.
    """
    try:
        with _lines.opened(path) as stream:
            yield from _read(stream, keys)
    except _lines.DAMAGE as problem:
        yield Item("", wrong=f"the file cannot be read to its end: {problem}")


def frame(path: Path, *keys: str) -> Object:
    """Return a JSON document without the lists that `items` reads; empty where that cannot be read."""
    walk = _Walk(keys)
    try:
        with _lines.opened(path) as stream:
            for _ in walk.document(Splitter(stream)):
                pass
    except (*_lines.DAMAGE, Broken):
        pass
    return walk.beside


def again(stream: IO[bytes], at: int, size: int) -> Json:
    """Read a record once more, out of the file it was read from. Raises ValueError and OSError."""
    stream.seek(at)
    return parse(stream.read(size))


def beginnings(head: bytes, *keys: str) -> list[Object]:
    """Return the objects among the first records of a file: of a cut one what there is of it.

    `head` is the beginning of a file, unpacked.
    """
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:1] not in (b"{", b"["):
        return []
    if not _is_document(head, keys):
        *whole, last = head.split(b"\n")
        found = [_parsed(line) for line in (*whole, last if _parsed(last) else mended(last))]
    else:
        found = [item.value for item in _Walk(keys).documents(Splitter(BytesIO(mended(head))))]
    return [value for value in found if isinstance(value, dict)][:_FIRST]


def mended(text: bytes) -> bytes:
    """Return the longest beginning of JSON text that can be closed, closed."""
    unclosed, end = bytearray(), 0
    for mark in _MARKS.finditer(text):
        sign = mark[0]
        if sign in (b"{", b"["):
            unclosed += b"}" if sign == b"{" else b"]"
            end = mark.end()
        elif sign in (b"}", b"]") and unclosed:
            unclosed.pop()
            end = mark.end()
        elif sign == b",":
            end = mark.start()
        elif len(sign) == 1:  # the quote of a string that is cut, or a bracket too many
            break
    return text[:end] + unclosed[::-1]


def _read(stream: IO[bytes], keys: tuple[str, ...]) -> Iterator[Item]:
    head = stream.read(_HEAD)
    stream.seek(0)
    if _is_document(head.removeprefix(b"\xef\xbb\xbf").lstrip(), keys):
        yield from _Walk(keys).documents(Splitter(stream))
        return
    for number, line in enumerate(_lines.lines(stream), 1):
        value, wrong = _lines.record(line)
        yield Item(f"line {number}", value, wrong, stream.tell() - len(line), len(line))


def _is_document(head: bytes, keys: tuple[str, ...]) -> bool:
    """Tell a document from JSON Lines by what its first line is."""
    first, _, rest = head.partition(b"\n")
    if head[:1] == b"[":
        return not (rest.strip() and isinstance(_parsed(first), list))
    if head[:1] != b"{":
        return False
    walk = _Walk(keys)
    for _ in walk.documents(Splitter(BytesIO(first))):
        pass
    return walk.listed or _LAID_OUT.match(head) is not None


def _parsed(text: bytes) -> Json:
    try:
        return parse(text)
    except ValueError:
        return None


class _Walk:
    """The way through a document: down to its lists, with what is beside them collected."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._paths = [key.split(".") for key in keys]
        self._count = 0
        self.listed = False
        self.beside: Object = {}

    def documents(self, text: Splitter) -> Iterator[Item]:
        """Yield the items of all documents that stand one after the other."""
        try:
            while text.peek():
                yield from self.document(text)
        except Cut:
            yield Item(self._place(), wrong="cut: the file ends inside this item")
        except Broken as problem:
            yield Item(self._place(), wrong=f"not JSON: {problem}; what follows cannot be read")

    def document(self, text: Splitter) -> Iterator[Item]:
        """Yield the items of one document. Raises Broken."""
        if text.peek() == b"[":
            yield from self._list(text)
        elif text.peek() != b"{":
            yield self._item(text)
        else:
            self.beside, at = {}, text.where
            used = yield from self._object(text, self._paths, self.beside)
            if not used:
                yield Item(self._next(), self.beside, "", at, text.where - at)

    def _list(self, text: Splitter) -> Iterator[Item]:
        for _ in text.elements():
            yield self._item(text)

    def _object(self, text: Splitter, paths: list[list[str]], beside: Object) -> Generator[Item, None, bool]:
        """Yield the items below an object; return whether there is a list of them, or a fault."""
        used = False
        for key in text.names():
            name = str(_parsed(key))
            below = [path[1:] for path in paths if path[0] == name]
            if [] in below and text.peek() == b"[":
                self.listed = used = True
                beside[name] = []
                yield from self._list(text)
            elif any(below) and text.peek() == b"{":
                beside[name] = {}
                used |= yield from self._object(text, [path for path in below if path], beside[name])
            else:
                value, wrong = _value(text.take())
                if wrong:
                    used = True
                    yield Item(self._place(), wrong=f"{name} beside it: {wrong}")
                else:
                    beside[name] = value
        return used

    def _item(self, text: Splitter) -> Item:
        text.peek()
        at, taken = text.where, text.take()
        value, wrong = (None, _lines.too_long()) if taken is None else _lines.record(taken + b"\n")
        return Item(self._next(), value, wrong, at, text.where - at)

    def _place(self) -> str:
        return f"item {self._count}"

    def _next(self) -> str:
        self._count += 1
        return f"item {self._count - 1}"


def _value(taken: bytes | None) -> tuple[Json, str]:
    if taken is None:
        return None, _lines.too_long()
    try:
        return parse(taken), ""
    except ValueError as problem:
        return None, f"not JSON: {problem}"
