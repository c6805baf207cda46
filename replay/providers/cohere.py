"""Cohere's Chat, version 2.

Settings of a target: `api_key_env` (default `CO_API_KEY`), `base_url` or `base_url_env`, `headers`, `timeout`
(seconds for a whole call), `params` (`add`, `rename`, `drop`).

Sent by plain HTTP: Cohere's SDK builds a body of its own from typed arguments and cannot be given ours.
"""

from __future__ import annotations

from typing import Any

from replay.providers import Place, _cohere, _settings, _url
from replay.providers._cohere import (
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
    """Read the URL of a call to Cohere itself, or to a server that speaks its wire."""
    base = _url.before(_url.read(url), "/v2/chat") if method == "POST" else None
    if base is None:
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
    return call(request, target, transport, _cohere, f"{base.rstrip('/')}/v2/chat", key)
