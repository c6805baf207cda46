"""Ollama's completion of one prompt. Its settings are those of `ollama`."""

from __future__ import annotations

from collections.abc import Iterator

from replay.providers import Place, _ollama_generate
from replay.providers._endpoint import Endpoint
from replay.providers._ollama_generate import (
    claims,
    decode,
    decode_request,
    decode_stream,
    encode,
    encode_reply,
    is_end,
)
from replay.providers._ollama_streamed import lines
from replay.providers._refusals import OLLAMA as REFUSALS
from replay.turn import Reply

__all__ = [
    "REFUSALS",
    "claims",
    "decode",
    "decode_request",
    "decode_stream",
    "encode",
    "encode_reply",
    "encode_stream",
    "is_end",
    "place",
    "secrets",
    "send",
]

HOME = "http://localhost:11434"
_AT = Endpoint(_ollama_generate, HOME, "/api/generate")
place, secrets, send = _AT.place, _AT.secrets, _AT.send


def encode_stream(reply: Reply, _: Place) -> Iterator[bytes]:
    """Yield the lines of a stream that says this: what `decode_stream` reads."""
    return lines(encode_reply(reply))
