"""Azure OpenAI's Chat Completions: the same wire, asked by deployment.

Settings of a target: `deployment` or `deployment_env` (one is needed; `model` says which model it serves),
`endpoint` or `endpoint_env` (one is needed), `api_version`, `api_key_env` (default `AZURE_OPENAI_API_KEY`),
`headers`, `timeout` (seconds for a whole call), `params` (`add`, `rename`, `drop`). What the content filter
found is kept in a reply's `extra`: `prompt_filter_results` for the prompt,
`choice.content_filter_results` for the answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from replay.conversation import Object
from replay.errors import BadInput
from replay.providers import Place, _chat, _embeddings, _settings, _url
from replay.providers._batches import Batches
from replay.providers._chat import decode, decode_request, decode_stream, encode, encode_reply, is_end
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

_KEY = "AZURE_OPENAI_API_KEY"
_VERSION = "2024-10-21"  # the last dated version that is generally available


def place(method: str, url: str) -> Place | None:
    """Read the URL of a call to a deployment."""
    parts = _url.read(url)
    base = _url.before(parts, "/chat/completions") if method == "POST" else None
    endpoint, found, deployment = (base or "").rpartition("/openai/deployments/")
    if not found or "/" in deployment:
        return None
    version = {"api_version": parts.query["api-version"]} if "api-version" in parts.query else {}
    return Place(deployment, settings={"endpoint": endpoint.rstrip("/"), "deployment": deployment} | version)


def claims(*_: object) -> bool:
    """Claim nothing: without its URL it is `openai`'s wire."""
    return False


def secrets(target: Target) -> dict[str, str | None]:
    """Return the API key by its environment variable."""
    return _settings.secrets(target, _KEY)


def send(request: Request, target: Target, transport: Any) -> Turn:
    """Send one request, once, through the official SDK. Raises SeamError, and BadInput for the settings."""
    from replay.providers._openai import call

    return call(request, target, transport, _chat, "AzureOpenAI", _options(target))


def batches(target: Target, transport: Any) -> Batches:
    """Return the Batch API: its requests name as their model a deployment of the type Global-Batch."""
    from replay.providers._openai_batches import OpenAIBatches

    options = _options(target)
    deployment = str(options["azure_deployment"])
    return OpenAIBatches(target, transport, "AzureOpenAI", options, "/chat/completions", deployment)


def embed(texts: Iterable[str], target: Target, transport: Any) -> Turn:
    """Ask for the vectors of texts, once, through the official SDK; see `replay.providers._embeddings`."""
    return _embeddings.send(texts, target, transport, "AzureOpenAI", _options(target))


def _options(target: Target) -> Object:
    deployment = _settings.setting(target, "deployment") or target.settings.get("deployment_env")
    if not deployment:
        raise BadInput(
            f'target "{target.name}" names no deployment; add deployment = "..." (it serves {target.model})'
        )
    return {
        "api_key": _settings.credential(target, _KEY),
        "azure_endpoint": _settings.address(target, "endpoint"),
        "azure_deployment": deployment,
        "api_version": _settings.setting(target, "api_version") or _VERSION,
    }
