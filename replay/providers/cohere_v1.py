"""Cohere's Chat, version 1, which older SDKs speak. Its settings are those of `cohere`."""

from __future__ import annotations

from replay.providers import Place, _cohere_v1, _url
from replay.providers._cohere_v1 import (
    claims,
    decode,
    decode_request,
    decode_stream,
    encode,
    encode_reply,
    is_end,
)
from replay.providers._endpoint import Endpoint
from replay.providers._refusals import COHERE_V1 as REFUSALS

__all__ = [
    "REFUSALS",
    "claims",
    "decode",
    "decode_request",
    "decode_stream",
    "encode",
    "encode_reply",
    "is_end",
    "place",
    "secrets",
    "send",
]

HOME = "https://api.cohere.com"
_AT = Endpoint(_cohere_v1, HOME, "/v1/chat", "CO_API_KEY")
secrets, send = _AT.secrets, _AT.send


def place(method: str, url: str) -> Place | None:
    """Read the URL of a call to Cohere itself: the path alone says too little."""
    origin = _url.read(url).origin
    return None if origin and "cohere" not in origin else _AT.place(method, url)
