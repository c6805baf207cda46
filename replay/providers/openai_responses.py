"""OpenAI's Responses, there or at any server that speaks this wire: Azure, gateways, local servers.

Settings of a target: those of `replay.providers._servers`. Azure's newer address is a base address,
`https://<resource>.openai.azure.com/openai/v1`; its dated versions are asked at an endpoint.

Reasoning and the items of built-in tools are kept in their place and go back unchanged; `instructions` is a
system message.
"""

from __future__ import annotations

from typing import Any

from replay.providers import Place, _responses, _servers
from replay.providers._batches import Batches
from replay.providers._refusals import OPENAI_RESPONSES as REFUSALS
from replay.providers._responses import (
    FIRST_TOKEN,
    claims,
    decode,
    decode_request,
    decode_stream,
    encode,
    encode_reply,
    is_end,
)
from replay.providers._responses_streamed import encode_stream, encode_whole
from replay.turn import Request, Target, Turn

__all__ = [
    "FIRST_TOKEN",
    "REFUSALS",
    "batches",
    "claims",
    "decode",
    "decode_request",
    "decode_stream",
    "encode",
    "encode_reply",
    "encode_stream",
    "encode_whole",
    "is_end",
    "place",
    "secrets",
    "send",
]


_PATH = "/responses"
HOME = "https://api.openai.com"


def place(method: str, url: str) -> Place | None:
    """Read the URL of a call to any server."""
    return _servers.place(method, url, _PATH)


def secrets(target: Target) -> dict[str, str | None]:
    """Return the API key by its environment variable."""
    return _servers.secrets(target)


def batches(target: Target, transport: Any) -> Batches:
    """Return the Batch API, which answers within a day at half the price."""
    from replay.providers._openai_batches import OpenAIBatches

    return OpenAIBatches(target, transport, *_servers.client(target), f"/v1{_PATH}")


def send(request: Request, target: Target, transport: Any) -> Turn:
    """Send one request, once, through the official SDK. Raises SeamError, and BadInput for the settings."""
    from replay.providers._openai import call

    path = _servers.path(target, _PATH)
    return call(request, target, transport, _responses, *_servers.client(target), path)
