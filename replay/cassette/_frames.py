"""A binary stream of frames, opened for a search: its payloads as text, and written back into sound frames.

The payloads are searched as one stream of events, so that what is spread over several frames is found as
well. Base64 inside a payload (`{"bytes": ...}`) is undone. Of a frame that is cut off, or of all that
follows a damaged one, what is there is searched.
"""

from __future__ import annotations

import base64
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate, chain
from typing import NamedTuple

from replay.providers import _aws_frames

Edit = tuple[int, int, bytes]
Found = tuple[str, int]

is_framed = _aws_frames.looks_like_frames

_PACKED = re.compile(rb'\{\s*"bytes"\s*:\s*"((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)')
_RUN = re.compile(rb'\{\s*"bytes"\s*:\s*"[A-Za-z0-9+/=]*|(?:(?!\{\s*"bytes")[^\0]){8,}')
_EVENT = b"data: "
_END = b"\n\n"


class Piece(NamedTuple):
    """A text and where it stands: between `start` and `end` of the body, in the payload of a frame.

    `before` and `after` are the rest of the payload. A frame that is not whole lacks `missing` bytes, and
    has no `headers` where it is none.
    """

    start: int
    end: int
    text: bytes
    before: bytes = b""
    after: bytes = b""
    packed: bool = False
    headers: bytes | None = None
    missing: int = 0

    def holding(self, text: bytes) -> bytes:
        """Return the bytes that stand there when it says this text."""
        payload = self.before + (base64.b64encode(text) if self.packed else text) + self.after
        if self.headers is None:
            return payload
        if self.missing:
            return _aws_frames.begun(self.headers, len(payload) + self.missing - 4) + payload
        return _aws_frames.written(_aws_frames.Frame(self.headers, payload))


def edits(body: bytes, clean: Callable[[bytes], bytes]) -> list[Edit]:
    """Return what to replace in a body so that its payloads say what `clean` makes of them."""
    pieces = list(_pieces(body))
    binary = [piece for piece in pieces if b"\0" in piece.text]
    plain = [piece for piece in pieces if b"\0" not in piece.text]
    texts = chain(_together(plain, clean), (clean(piece.text) for piece in binary))
    pairs = zip(plain + binary, texts, strict=True)
    changed = ((piece, text) for piece, text in pairs if text != piece.text)
    return sorted((piece.start, piece.end, piece.holding(text)) for piece, text in changed)


def _together(pieces: list[Piece], clean: Callable[[bytes], bytes]) -> list[bytes]:
    """Clean texts as one stream; one by one where that did not leave as many as there were."""
    cleaned = clean(b"".join(map(_event, pieces)))
    texts = cleaned.removeprefix(_EVENT).removesuffix(_END).split(_END + _EVENT) if pieces else []
    return texts if len(texts) == len(pieces) else [clean(piece.text) for piece in pieces]


def _event(piece: Piece) -> bytes:
    return _EVENT + piece.text + _END


def find(body: bytes, search: Callable[[bytes], list[Found]]) -> list[Found]:
    """Return what `search` finds in the payloads, each with the offset of its frame."""
    pieces = [piece for piece in _pieces(body) if b"\0" not in piece.text]
    starts = list(accumulate((len(_event(piece)) for piece in pieces), initial=0))
    found = search(b"".join(map(_event, pieces)))
    return [(kind, pieces[bisect_right(starts, at, hi=len(pieces)) - 1].start) for kind, at in found]


def _pieces(body: bytes) -> Iterator[Piece]:
    start = 0
    whole, odd = _aws_frames.frames(body)
    for frame in whole:
        end = start + len(_aws_frames.begun(frame.headers, 0)) + len(frame.payload) + 4
        yield _piece(start, end, frame.payload)._replace(headers=frame.headers)
        start = end
    if "cut" in odd and len(body) - start >= _aws_frames.BEFORE:
        yield from _cut(body, start)
    for run in _RUN.finditer(body, start) if "damaged" in odd else ():
        yield _piece(*run.span(), run[0])


def _cut(body: bytes, start: int) -> Iterator[Piece]:
    length, headers = _aws_frames.lengths(body, start)
    payload = start + _aws_frames.BEFORE + headers
    end = min(len(body), start + length - 4)
    if end > payload:
        there = _piece(start, end, body[payload:end])
        yield there._replace(headers=body[start + _aws_frames.BEFORE : payload], missing=start + length - end)


def _piece(start: int, end: int, payload: bytes) -> Piece:
    packed = _PACKED.match(payload)
    if packed is None:
        return Piece(start, end, payload)
    begin, stop = packed.span(1)
    return Piece(start, end, base64.b64decode(packed[1]), payload[:begin], payload[stop:], packed=True)
