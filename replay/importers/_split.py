"""One value after the other out of JSON text that need not fit into memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

from replay.importers import _lines

_RUN = re.compile(
    rb'[^"{}\[\]]*+(?:"(?:[^"\\]++|\\.)*+"[^"{}\[\]]*+)*+', re.DOTALL
)  # no bracket, whole strings
_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)  # the rest of a string, up to its quote
_SPACE = re.compile(rb"[ \t\r\n]*+")
_SCALAR = re.compile(rb'[^,:{}\[\]" \t\r\n]*+')


class Broken(ValueError):
    """Text that is not JSON between the values, so that nothing after it can be told apart."""


class Cut(Broken):
    """Text that ends before a value does."""


class Splitter:
    """JSON text as it is read: holds the value at hand and no more.

    Every method raises Broken, and what reading a file raises.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._text = b""
        self._at = self._gone = 0
        self._more()
        if self._text.startswith(b"\xef\xbb\xbf"):
            self._at = 3

    def peek(self) -> bytes:
        """Return the first byte of what comes next, empty at the end of the text."""
        self._pass(_SPACE)
        return self._text[self._at : self._at + 1]

    @property
    def where(self) -> int:
        """How many bytes of the text have been passed."""
        return self._gone + self._at

    def elements(self) -> Iterator[None]:
        """Stop before each value of the list that comes next; the caller has to take it."""
        return self._members(b"[", b"]")

    def names(self) -> Iterator[bytes]:
        """Stop before each value of the object that comes next and yield its key, in its quotes."""
        for _ in self._members(b"{", b"}"):
            if self.peek() != b'"':
                raise Broken("a key of an object is no string")
            key = self.take() or b""
            self._expect(b":")
            yield key

    def take(self) -> bytes | None:
        """Return the text of the value that comes next; None, when it is longer than LONGEST."""
        first, start = self.peek(), self._at
        if first in (b"{", b"["):
            return self._bracketed(start)
        if first == b'"':
            self._at += 1
            return self._string(start)
        self._pass(_SCALAR)
        if self._at == start:
            raise (Broken if first else Cut)(f"no value at {first.decode('ascii', 'replace')!r}")
        return self._text[start : self._at]

    def _members(self, opening: bytes, closing: bytes) -> Iterator[None]:
        self._expect(opening)
        if self.peek() == closing:
            self._at += 1
            return
        while True:
            yield
            if self._at > 2**15:
                self._drop()
            following = self.peek()
            self._at += 1
            if following == closing:
                return
            if following != b",":
                raise (Broken if following else Cut)("a comma is missing")

    def _bracketed(self, start: int) -> bytes | None:
        """Find the end of a value by its brackets. What is too long is read without being held."""
        depth, inside, held = 0, False, True
        while depth or self._at == start:
            self._at = self._match(_STRING if inside else _RUN)
            sign = self._text[self._at : self._at + 1]
            if sign in (b"", b"\\"):
                held = held and len(self._text) - start <= _lines.LONGEST
                if not held:
                    start = self._drop()
                if not self._more():
                    raise Cut("the text ends inside a value")
                continue
            self._at += 1
            if sign == b'"':  # begins a string that is not whole yet, or ends it
                inside = not inside
            else:
                depth += 1 if sign in b"{[" else -1
        return self._text[start : self._at] if held and self._at - start <= _lines.LONGEST else None

    def _string(self, start: int) -> bytes:
        while True:
            self._at = self._match(_STRING)
            if self._text[self._at : self._at + 1] == b'"':
                self._at += 1
                return self._text[start : self._at]
            if len(self._text) - start > _lines.LONGEST:
                raise Broken(f"a string longer than {_lines.LONGEST // 2**20} MiB")
            if not self._more():
                raise Cut("the text ends inside a string")

    def _expect(self, sign: bytes) -> None:
        found = self.peek()
        if found != sign:
            raise (Broken if found else Cut)(f"{sign.decode()} is missing")
        self._at += 1

    def _pass(self, pattern: re.Pattern[bytes]) -> None:
        self._at = self._match(pattern)
        while self._at == len(self._text) and self._more():
            self._at = self._match(pattern)

    def _match(self, pattern: re.Pattern[bytes]) -> int:
        found = pattern.match(self._text, self._at)
        return found.end() if found else self._at

    def _drop(self) -> int:
        """Forget what has been read; return where the rest begins."""
        self._gone += self._at
        self._text, self._at = self._text[self._at :], 0
        return 0

    def _more(self) -> bool:
        """Read on, each time as much as is held: so what is held is looked at twice at most."""
        read = self._stream.read(max(2**16, len(self._text)))
        self._text += read
        return bool(read)
