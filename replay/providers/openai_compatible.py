"""Any server that speaks Chat Completions: vLLM, Ollama, LiteLLM, llama.cpp, gateways.

Settings of a target: `base_url` or `base_url_env` (one is needed), `api_key_env` (only if the server wants a
key), `headers`, `timeout` (seconds for a whole call), `params` (`add`, `rename`, `drop`).
"""

from __future__ import annotations

from typing import Any

from replay.conversation import Object
from replay.providers import _settings
from replay.providers._chat import decode, decode_request, decode_stream, encode
from replay.turn import Request, Target, Turn

__all__ = ["decode", "decode_request", "decode_stream", "encode", "secrets", "send"]


def secrets(target: Target) -> dict[str, str | None]:
    """Return the API key by its environment variable; nothing when the target names none."""
    return _settings.secrets(target, None)


def send(request: Request, target: Target, transport: Any) -> Turn:
    """Send one request, once, through the official SDK. Raises SeamError, and BadInput for the settings."""
    from replay.providers._call import call

    return call(request, target, transport, "OpenAI", _options)


def _options(target: Target) -> Object:
    url = _settings.address(target, "base_url")
    return {"api_key": _settings.credential(target, None), "base_url": url}
