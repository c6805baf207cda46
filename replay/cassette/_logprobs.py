"""The tokens of a reply as log probabilities repeat them: one by one, as text and bytes, with others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from replay.cassette import _stream
from replay.cassette._stream import Edit, Piece

_STRING = rb'"(?:[^"\\]|\\.)*"'
_TOKEN = re.compile(
    rb'"token"\s*:\s*"(?P<text>(?:[^"\\]|\\.)*)"\s*,\s*"logprob"\s*:\s*[^,"]+,'
    rb'\s*"bytes"\s*:\s*(?P<bytes>null|\[[\d,\s]*\])\s*,'
    rb'\s*"top_logprobs"\s*:\s*(?P<others>\[(?:%s|[^"\[\]]|\[[\d,\s]*\])*\])' % _STRING
)


def joined(body: bytes) -> Iterator[tuple[list[Piece], bytes]]:
    """Yield the tokens of a body that has any, streamed or not, and what they say together."""
    pieces = [_piece(token) for token in _tokens(body)]
    if pieces:
        yield pieces, b"".join(piece.text for piece in pieces)


def edits(body: bytes, found: Callable[[bytes], list[Edit]]) -> Iterator[Edit]:
    """Yield what to replace so that the tokens say together what the edits of `found` make of it.

    A token that changes loses its bytes and its alternatives, one of which is the token itself.
    """
    tokens = {token.start("text"): token for token in _tokens(body)}
    pieces = [_piece(token) for token in tokens.values()]
    for start, end, new in _stream.rewrite(body, pieces, found(b"".join(piece.text for piece in pieces))):
        token = tokens[start]
        yield start, end, new
        yield *token.span("bytes"), b"[]"
        yield *token.span("others"), b"[]"


def _tokens(body: bytes) -> Iterator[re.Match[bytes]]:
    return _TOKEN.finditer(body) if b'"top_logprobs"' in body else iter(())


def _piece(token: re.Match[bytes]) -> Piece:
    return _stream.piece(token.start("text"), token["text"])
