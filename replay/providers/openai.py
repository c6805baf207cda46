"""OpenAI's Chat Completions.

Settings of a target: `api_key_env` (default `OPENAI_API_KEY`), `base_url` or `base_url_env`, `organization`,
`project`, `headers`, `timeout` (seconds for a whole call), `params` (`add`, `rename`, `drop`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from replay.conversation import Object
from replay.providers import Place, _chat, _embeddings, _settings, _url
from replay.providers._batches import Batches
from replay.providers._chat import (
    claims,
    decode,
    decode_request,
    decode_stream,
    encode,
    encode_reply,
    is_end,
)
from replay.providers._chat_streamed import encode_stream
from replay.turn import Request, Target, Turn

__all__ = [
    "batches",
    "claims",
    "decode",
    "decode_request",
    "decode_stream",
    "embed",
    "encode",
    "encode_reply",
    "encode_stream",
    "is_end",
    "place",
    "secrets",
    "send",
]

_KEY = "OPENAI_API_KEY"
HOME = "https://api.openai.com"
_URL = f"{HOME}/v1"


def place(method: str, url: str) -> Place | None:
    """Read the URL of a call to OpenAI itself."""
    base = _url.before(_url.read(url), "/chat/completions") if method == "POST" else None
    return Place() if base in ("", _URL) else None


def secrets(target: Target) -> dict[str, str | None]:
    """Return the API key by its environment variable."""
    return _settings.secrets(target, _KEY)


def send(request: Request, target: Target, transport: Any) -> Turn:
    """Send one request, once, through the official SDK. Raises SeamError, and BadInput for the settings."""
    from replay.providers._openai import call

    return call(request, target, transport, _chat, "OpenAI", _options(target))


def batches(target: Target, transport: Any) -> Batches:
    """Return the Batch API, which answers within a day at half the price."""
    from replay.providers._openai_batches import OpenAIBatches

    return OpenAIBatches(target, transport, "OpenAI", _options(target), "/v1/chat/completions")


def embed(texts: Iterable[str], target: Target, transport: Any) -> Turn:
    """Ask for the vectors of texts, once, through the official SDK; see `replay.providers._embeddings`."""
    return _embeddings.send(texts, target, transport, "OpenAI", _options(target))


def _options(target: Target) -> Object:
    elsewhere = {"base_url", "base_url_env"} & target.settings.keys()
    url = _settings.address(target, "base_url") if elsewhere else _URL
    return {"api_key": _settings.credential(target, _KEY), "base_url": url}
