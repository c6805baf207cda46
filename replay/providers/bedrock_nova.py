"""Amazon's Nova models by Bedrock's InvokeModel. Its settings are those of `bedrock`."""

from __future__ import annotations

import re
from typing import Any

from replay.providers import Place, _bedrock, _nova
from replay.providers._nova import (
    claims,
    decode,
    decode_request,
    decode_stream,
    encode,
    encode_reply,
    is_end,
)
from replay.providers._refusals import AWS as REFUSALS
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

_PATH = re.compile(
    r"(?P<base>.*)/model/(?P<model>[^/]*amazon\.nova-[^/]+)/invoke(?P<stream>-with-response-stream)?/?"
)


def place(method: str, url: str) -> Place | None:
    """Read the URL of a call: the model's id or ARN, whether it is streamed, the region or the endpoint."""
    return _bedrock.place(_PATH, method, url)


def secrets(_: Target) -> dict[str, str | None]:
    """Return the credentials that stand in the environment; those of files and roles are never seen here."""
    return _bedrock.secrets()


def send(request: Request, target: Target, transport: Any) -> Turn:
    """Send one request, once, through botocore. Raises SeamError, and BadInput for the settings."""
    streamed = request.params.get("stream")
    operation = "InvokeModelWithResponseStream" if streamed else "InvokeModel"
    return _bedrock.send(request, target, transport, _nova, operation)
