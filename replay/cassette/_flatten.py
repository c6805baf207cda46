r"""A view of text in which every escape is undone, at whatever depth, and every offset can be traced back.

JSON inside a string inside JSON writes one quote as `"`, `\"`, `\\\"`: a run of backslashes that grows with
the depth. The flat view has one byte for each: `"` at depth 0, then bytes 1 to 7. So a rule that says "the
same quote again" finds the end of a value at every depth, and a key after an escaped newline starts at a
boundary. Percent escapes of ASCII punctuation are undone as well. Nothing here has to be valid JSON: cut
bodies work too.
"""

from __future__ import annotations

import re
from bisect import bisect_right

DEPTHS = b'"\x01\x02\x03\x04\x05\x06\x07'
_ESCAPE = re.compile(
    rb"\\+(?:u(?P<code>[0-9a-fA-F]{4})|(?P<char>[\"/nrtbf]))"
    rb"|%(?P<percent>0[9AaDd]|2[0-9A-Fa-f]|3[A-Fa-f]|40|5[BDbd]|7[BDbd])"
)


class Flat:
    """The flat view of `raw`: its text is `data`; `span` traces a part of it back."""

    def __init__(self, raw: bytes) -> None:
        self._flat, self._raw = [0], [0]
        parts: list[bytes] = []
        done = length = 0
        for escape in _ESCAPE.finditer(raw):
            parts += (raw[done : escape.start()], char := _undone(escape))
            length += escape.start() - done + len(char)
            done = escape.end()
            self._flat.append(length)
            self._raw.append(done)
        self.data = b"".join((*parts, raw[done:])) if parts else raw

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where the part from `start` to `end` of the flat view stands in the raw text."""
        return self._offset(start), self._offset(end)

    def _offset(self, flat: int) -> int:
        before = bisect_right(self._flat, flat) - 1
        return self._raw[before] + flat - self._flat[before]


def _undone(escape: re.Match[bytes]) -> bytes:
    if escape["percent"]:
        return bytes.fromhex(escape["percent"].decode())
    if escape["code"]:
        char = chr(int(escape["code"], 16))
        return b"'" if char == '"' else char.encode("utf-8", "surrogatepass")
    if escape["char"] == b'"':
        return _quote(escape.end() - escape.start() - 1)
    return b"/" if escape["char"] == b"/" else b"\n"


def _quote(backslashes: int) -> bytes:
    # Depth d takes 2**d - 1 backslashes; more of them are escaped backslashes of the value itself.
    depth = ((backslashes + 1) & -(backslashes + 1)).bit_length() - 1
    return DEPTHS[depth : depth + 1] or DEPTHS[-1:]
