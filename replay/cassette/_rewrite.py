"""Bodies searched and rewritten in whatever wrapping: streams joined, base64 undone, frames opened.

What is found is replaced where it stands, and nothing else changes: numbers, structure, escapes, the number
and the order of events and chunks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from replay.cassette import _frames, _packed, _stream
from replay.cassette._flatten import Flat
from replay.cassette._search import Hit, Search
from replay.cassette._words import long_words

Chunks = tuple[tuple[float, int], ...]
Edit = tuple[int, int, bytes]  # start, end, what goes there
Found = tuple[str, int]  # kind, offset


class Rewriter:
    """Rewrites what `search` finds: `replacement` says what comes instead of a hit."""

    def __init__(self, search: Search, replacement: Callable[[Hit], bytes]) -> None:
        self._search, self._replacement = search, replacement

    def body(self, body: bytes, chunks: Chunks = ()) -> tuple[bytes, Chunks]:
        """Return a body and its chunks without what is found; the same object when there is nothing."""
        if _frames.is_framed(body):
            edits = _frames.edits(body, self.text)
            return _spliced(body, chunks, edits) if edits else (body, chunks)
        # Each round replaces something that no later round takes up again, so this ends, and what it returns
        # is a fixed point.
        while edits := self._joined_edits(body) or self._edits(body):
            body, chunks = _spliced(body, chunks, edits)
        return body, chunks

    def text(self, text: bytes) -> bytes:
        """Return a text without what is found; the same object when there is nothing."""
        return self.body(text)[0]

    def find(self, body: bytes) -> list[Found]:
        """List what would be replaced, by its place."""
        if _frames.is_framed(body):
            return _frames.find(body, self.find)
        found = set(self._found(body))
        for pieces, joined in _stream.joined(body):
            found |= {(kind, _stream.offset(pieces, start)) for kind, start in self._found(joined)}
        return sorted(found, key=lambda hit: hit[1])

    def _joined_edits(self, body: bytes) -> list[Edit]:
        joined = _stream.joined(body)
        return sorted(
            chain.from_iterable(_stream.rewrite(body, pieces, self._edits(text)) for pieces, text in joined)
        )

    def _edits(self, text: bytes) -> list[Edit]:
        words = long_words(text)
        unpacked = list(self._packed_edits(text, words))
        hits = [] if unpacked else self._search.hits(text, words)
        return unpacked or [(hit.start, hit.end, self._replacement(hit)) for hit in hits]

    def _packed_edits(self, text: bytes, words: list[bytes]) -> Iterator[Edit]:
        for start, end, inner, pack in _packed_texts(text, words):
            clean = self.text(inner)
            if clean is not inner:
                yield start, end, pack(clean)

    def _found(self, text: bytes) -> Iterator[Found]:
        words = long_words(text)
        yield from ((hit.kind, hit.start) for hit in self._search.hits(text, words))
        for start, _, inner, _ in _packed_texts(text, words):
            yield from ((f"{kind} in base64", start) for kind, _ in self.find(inner))


def _packed_texts(text: bytes, words: list[bytes]) -> Iterator[_packed.Packed]:
    if b"\0" in text or not _packed.hinted(words):
        return
    flat = Flat(text)
    for start, end, inner, pack in _packed.packed(flat.data):
        yield *flat.span(start, end), inner, pack


def _spliced(body: bytes, chunks: Chunks, edits: list[Edit]) -> tuple[bytes, Chunks]:
    """Carry out edits. A chunk that ends inside one takes all of it; the next begins after it."""
    parts: list[bytes] = []
    done = 0
    for start, end, new in edits:
        parts += (body[done:start], new)
        done = end
    return b"".join((*parts, body[done:])), tuple(_resized(chunks, edits))


def _resized(chunks: Chunks, edits: list[Edit]) -> Iterator[tuple[float, int]]:
    old = shift = written = place = 0
    for time, size in chunks:
        old += size
        while place < len(edits) and edits[place][0] < old:
            start, end, new = edits[place]
            shift += len(new) - (end - start)
            place += 1
        inside = max(old, edits[place - 1][1]) if place else old
        yield time, inside + shift - written
        written = inside + shift
