"""Cohere's Chat, version 1, which older SDKs speak. Its settings are those of `cohere`."""

from __future__ import annotations

from typing import Any

from replay.providers import Place, _cohere_v1, _settings, _url
from replay.providers._cohere_v1 import (
    claims,
    decode,
    decode_request,
    decode_stream,
    encode,
    encode_reply,
    is_end,
)
from replay.providers._refusals import COHERE as REFUSALS
from replay.turn import Request, Target, Turn

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

_KEY = "CO_API_KEY"
HOME = "https://api.cohere.com"


def place(method: str, url: str) -> Place | None:
    """Read the URL of a call to Cohere itself: the path alone says too little."""
    parts = _url.read(url)
    base = _url.before(parts, "/v1/chat") if method == "POST" else None
    if base is None or (parts.origin and "cohere" not in parts.origin):
        return None
    return Place(settings={} if base in ("", HOME) else {"base_url": base})


def secrets(target: Target) -> dict[str, str | None]:
    """Return the API key by its environment variable."""
    return _settings.secrets(target, _KEY)


def send(request: Request, target: Target, transport: Any) -> Turn:
    """Send one request, once. Raises SeamError, and BadInput for the settings."""
    from replay.providers._plain import call

    base = _settings.address_or(target, "base_url", HOME)
    key = _settings.credential(target, _KEY)
    return call(request, target, transport, _cohere_v1, f"{base.rstrip('/')}/v1/chat", key)
