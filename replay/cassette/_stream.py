"""Text that a streamed body carries in pieces: joined for a search, and written back piece by piece.

Works line by line on server-sent events and on newline-delimited JSON of any provider: the pieces of one
text stand in the same field, under the same indexes, in successive events.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

Edit = tuple[int, int, bytes]

_BEGINS = re.compile(rb'\s*(?:data:|event:|id:|retry:|:|\{[^\n]*\}\r?\n\{|\[\s*\{\s*"candidates")')
_EVENT = re.compile(rb"\n[ \t]*data:")
_ARRAY = re.compile(rb'\s*\[\s*\{\s*"candidates"')
_ITEM = re.compile(rb'(?=\{\s*"candidates")')
_PIECE = re.compile(
    rb'"(content|text|arguments|partial_json|delta|refusal|reasoning_content|reasoning|thinking'
    rb'|transcript|response|input|output|output_text)"\s*:\s*"((?:[^"\\\r\n]|\\.)*)"'
)
_PLACE = re.compile(
    rb'"(?:(?:output_|content_|summary_)?index|contentBlockIndex|item_id)"\s*:\s*(?:\d+|"[^"]*")|"type"\s*:\s*"[\w.]*delta"'
)


class Piece(NamedTuple):
    """One piece of a text: where its JSON string stands in the body (without quotes), and what it says."""

    start: int
    end: int
    text: bytes


def is_stream(body: bytes) -> bool:
    """Tell from the first 4 KiB whether a body is a stream of events; headers are not to be trusted."""
    return bool(_BEGINS.match(body, 0, 4096) or _EVENT.search(body, 0, 4096))


def texts(body: bytes) -> Iterator[list[Piece]]:
    """Yield the pieces of each text that the stream carries, in order; one-piece texts are left out."""
    groups: dict[object, list[Piece]] = {}
    start = 0
    for line in _events(body):
        pieces = list(_PIECE.finditer(line))
        place = tuple(_PLACE.findall(line)) if pieces else ()
        for order, piece in enumerate(pieces):
            whole = Piece(start + piece.start(2), start + piece.end(2), _decoded(piece[2]))
            groups.setdefault((place, piece[1], order), []).append(whole)
        start += len(line)
    return (pieces for pieces in groups.values() if len(pieces) > 1)


def joined(body: bytes) -> Iterator[tuple[list[Piece], bytes]]:
    """Yield the texts that a stream carries in pieces: these, and what they say together."""
    for pieces in texts(body) if is_stream(body) else ():
        yield pieces, b"".join(piece.text for piece in pieces)


def offset(pieces: list[Piece], at: int) -> int:
    """Return where in the body offset `at` of the joined text stands, short by the escapes before it."""
    for piece in pieces:
        if at < len(piece.text):
            break
        at -= len(piece.text)
    return piece.start + at


def _events(body: bytes) -> list[bytes]:
    """Split a stream into its events, or finer. Gemini streams a JSON array unless asked for events."""
    return _ITEM.split(body) if _ARRAY.match(body) else body.splitlines(keepends=True)


def rewrite(body: bytes, pieces: list[Piece], edits: list[Edit]) -> Iterator[Edit]:
    """Carry edits of the joined text to the body: the new goes where the old starts, the rest is emptied."""
    begin = first = 0
    for piece in pieces:
        new: list[bytes] = []
        end, done = begin + len(piece.text), begin
        while first < len(edits) and edits[first][0] < end:
            start, stop, replacement = edits[first]
            new += (
                piece.text[done - begin : max(start, begin) - begin],
                replacement if start >= begin else b"",
            )
            done = min(stop, end)
            if stop > end:
                break
            first += 1
        if new:
            new.append(piece.text[done - begin :])
            yield piece.start, piece.end, _encoded(b"".join(new), body[piece.start : piece.end])
        begin = end


def _decoded(literal: bytes) -> bytes:
    if b"\\" not in literal:
        return literal
    try:
        text: str = json.loads(b'"' + literal + b'"')
    except ValueError:
        return literal
    return text.encode("utf-8", "surrogatepass")


def _encoded(text: bytes, like: bytes) -> bytes:
    if b"\\" not in like:
        return text
    try:
        plain = text.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:  # it could not be decoded either
        return text
    return json.dumps(plain, ensure_ascii=b"\\u" in like)[1:-1].encode()
