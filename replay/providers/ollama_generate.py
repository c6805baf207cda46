"""Ollama's completion of one prompt. Its settings are those of `ollama`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from replay.providers import Place, _ollama_generate, _settings, _url
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
from replay.turn import Reply, Request, Target, Turn

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


def place(method: str, url: str) -> Place | None:
    """Read the URL of a call to a server of Ollama's."""
    base = _url.before(_url.read(url), "/api/generate") if method == "POST" else None
    if base is None:
        return None
    return Place(settings={} if base in ("", HOME) else {"base_url": base})


def encode_stream(reply: Reply, _: Place) -> Iterator[bytes]:
    """Yield the lines of a stream that says this: what `decode_stream` reads."""
    return lines(encode_reply(reply))


def secrets(target: Target) -> dict[str, str | None]:
    """Return the API key by its environment variable; nothing when the target names none."""
    return _settings.secrets(target, None)


def send(request: Request, target: Target, transport: Any) -> Turn:
    """Send one request, once. Raises SeamError, and BadInput for the settings."""
    from replay.providers._plain import call

    base = _settings.address_or(target, "base_url", HOME)
    key = _settings.credential(target, None) if "api_key_env" in target.settings else None
    return call(request, target, transport, _ollama_generate, f"{base.rstrip('/')}/api/generate", key)
