"""Any server that speaks Chat Completions: vLLM, Ollama, LiteLLM, llama.cpp, gateways.

Settings of a target: `base_url` or `base_url_env` (one is needed), `api_key_env` (only if the server wants a
key), `headers`, `timeout` (seconds for a whole call), `params` (`add`, `rename`, `drop`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from replay.conversation import Object
from replay.providers import Place, _chat, _embeddings, _settings, _url
from replay.providers._chat import decode, decode_request, decode_stream, encode, encode_reply, is_end
from replay.providers._chat_streamed import encode_stream
from replay.turn import Request, Target, Turn

__all__ = [
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


def place(method: str, url: str) -> Place | None:
    """Read the URL of a call to any server but OpenAI's own and Azure's deployments."""
    base = _url.before(_url.read(url), "/chat/completions") if method == "POST" else None
    if not base or base == "https://api.openai.com/v1" or "/openai/deployments/" in base:
        return None
    return Place(settings={"base_url": base.rstrip("/")})


def claims(*_: object) -> bool:
    """Claim nothing: without its URL it is `openai`'s wire."""
    return False


def secrets(target: Target) -> dict[str, str | None]:
    """Return the API key by its environment variable; nothing when the target names none."""
    return _settings.secrets(target, None)


def send(request: Request, target: Target, transport: Any) -> Turn:
    """Send one request, once, through the official SDK. Raises SeamError, and BadInput for the settings."""
    from replay.providers._openai import call

    return call(request, target, transport, _chat, "OpenAI", _options(target))


def embed(texts: Iterable[str], target: Target, transport: Any) -> Turn:
    """Ask for the vectors of texts, once, through the official SDK; see `replay.providers._embeddings`."""
    return _embeddings.send(texts, target, transport, "OpenAI", _options(target))


def _options(target: Target) -> Object:
    url = _settings.address(target, "base_url")
    return {"api_key": _settings.credential(target, None), "base_url": url}
