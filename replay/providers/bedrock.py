"""Amazon Bedrock's Converse and ConverseStream, sent through botocore (extra `bedrock`).

Settings of a target: `region` or `region_env`, `endpoint` or `endpoint_env` (another address than the
region's), `profile` (of the AWS configuration), `headers`, `timeout` (seconds for a whole call), `params`
(`add`, `rename`, `drop`). Which credentials a live call takes is botocore's business: its environment
variables, its files, the machine's role. A replay takes none.
"""

from __future__ import annotations

import re
from typing import Any

from replay.providers import Place, _bedrock, _converse
from replay.providers._converse import (
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

_PATH = re.compile(r"(?P<base>.*)/model/(?P<model>.+)/converse(?P<stream>-stream)?/?")


def place(method: str, url: str) -> Place | None:
    """Read the URL of a call: the model's id or ARN, whether it is streamed, the region or the endpoint."""
    return _bedrock.place(_PATH, method, url)


def secrets(_: Target) -> dict[str, str | None]:
    """Return the credentials that stand in the environment; those of files and roles are never seen here."""
    return _bedrock.secrets()


def send(request: Request, target: Target, transport: Any) -> Turn:
    """Send one request, once, through botocore. Raises SeamError, and BadInput for the settings."""
    operation = "ConverseStream" if request.params.get("stream") else "Converse"
    return _bedrock.send(request, target, transport, _converse, operation)
