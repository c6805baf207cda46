"""Cohere's Chat, version 2.

Settings of a target: `api_key_env` (default `CO_API_KEY`), `base_url` or `base_url_env`, `headers`, `timeout`
(seconds for a whole call), `params` (`add`, `rename`, `drop`).

Sent by plain HTTP: Cohere's SDK builds a body of its own from typed arguments and cannot be given ours.
"""

from __future__ import annotations

from replay.providers import _cohere
from replay.providers._cohere import (
    claims,
    decode,
    decode_request,
    decode_stream,
    encode,
    encode_reply,
    is_end,
)
from replay.providers._endpoint import Endpoint
from replay.providers._refusals import COHERE as REFUSALS

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
_AT = Endpoint(_cohere, HOME, "/v2/chat", "CO_API_KEY")
place, secrets, send = _AT.place, _AT.secrets, _AT.send
