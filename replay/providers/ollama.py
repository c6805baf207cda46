"""Ollama's own chat.

Settings of a target: `base_url` or `base_url_env` (default http://localhost:11434), `api_key_env` (only if
the server wants a key, as ollama.com does), `headers`, `timeout` (seconds for a whole call), `params` (`add`,
`rename`, `drop`).

Sent by plain HTTP: Ollama's SDK builds a body of its own from typed arguments and cannot be given ours.
"""

from __future__ import annotations

from collections.abc import Iterator

from replay.providers import Place, _ollama
from replay.providers._endpoint import Endpoint
from replay.providers._ollama import (
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
_AT = Endpoint(_ollama, HOME, "/api/chat")
place, secrets, send = _AT.place, _AT.secrets, _AT.send


def encode_stream(reply: Reply, _: Place) -> Iterator[bytes]:
    """Yield the lines of a stream that says this: what `decode_stream` reads."""
    return lines(encode_reply(reply))
