"""OpenAI's Chat Completions.

Settings of a target: `api_key_env` (default `OPENAI_API_KEY`), `base_url` or `base_url_env`, `organization`,
`project`, `headers`, `timeout` (seconds for a whole call), `params` (`add`, `rename`, `drop`).
"""

from __future__ import annotations

from typing import Any

from replay.conversation import Object
from replay.providers import _settings
from replay.providers._chat import decode, decode_request, decode_stream, encode
from replay.turn import Request, Target, Turn

__all__ = ["decode", "decode_request", "decode_stream", "encode", "secrets", "send"]

_KEY = "OPENAI_API_KEY"
_URL = "https://api.openai.com/v1"


def secrets(target: Target) -> dict[str, str | None]:
    """Return the API key by its environment variable."""
    return _settings.secrets(target, _KEY)


def send(request: Request, target: Target, transport: Any) -> Turn:
    """Send one request, once, through the official SDK. Raises SeamError, and BadInput for the settings."""
    from replay.providers._call import call

    return call(request, target, transport, "OpenAI", _options)


def _options(target: Target) -> Object:
    elsewhere = {"base_url", "base_url_env"} & target.settings.keys()
    url = _settings.address(target, "base_url") if elsewhere else _URL
    return {"api_key": _settings.credential(target, _KEY), "base_url": url}
