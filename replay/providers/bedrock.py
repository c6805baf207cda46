"""Amazon Bedrock's Converse and ConverseStream, sent through botocore (extra `bedrock`).

Settings of a target: `region` or `region_env`, `endpoint` or `endpoint_env` (another address than the
region's), `profile` (of the AWS configuration), `headers`, `timeout` (seconds for a whole call), `params`
(`add`, `rename`, `drop`). Which credentials a live call takes is botocore's business: its environment
variables, its files, the machine's role. A replay takes none.
"""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import unquote

from replay.conversation import Object
from replay.providers import Place, _converse, _settings, _url
from replay.providers._converse import (
    claims,
    decode,
    decode_request,
    decode_stream,
    encode,
    encode_reply,
    is_end,
)
from replay.turn import Request, Target, Turn

__all__ = [
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
_HOST = re.compile(r"https://bedrock-runtime(?:-fips)?\.(?P<region>[^/]+)\.amazonaws\.com(?:\.cn)?")
_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
)


def place(method: str, url: str) -> Place | None:
    """Read the URL of a call: the model's id or ARN, whether it is streamed, the region or the endpoint."""
    parts = _url.read(url)
    found = _PATH.fullmatch(parts.path) if method == "POST" else None
    if found is None:
        return None
    params = {"stream": True} if found["stream"] else {}
    return Place(unquote(found["model"]), params, _where(parts.origin, found["base"]))


def _where(origin: str, base: str) -> Object:
    """The settings that lead to an address; a region that was masked is none."""
    host = _HOST.fullmatch(origin)
    if host and not base:
        return {"region": host["region"]} if re.fullmatch(r"[a-z0-9-]+", host["region"]) else {}
    return {"endpoint": origin + base} if origin else {}


def secrets(_: Target) -> dict[str, str | None]:
    """Return the credentials that stand in the environment; those of files and roles are never seen here."""
    return {name: os.environ[name] for name in _VARIABLES if os.environ.get(name)}


def send(request: Request, target: Target, transport: Any) -> Turn:
    """Send one request, once, through botocore. Raises SeamError, and BadInput for the settings."""
    from replay.providers._botocore import call

    operation = "ConverseStream" if request.params.get("stream") else "Converse"
    region = _settings.setting(target, "region")
    elsewhere = {"endpoint", "endpoint_env"} & target.settings.keys()
    endpoint = _settings.address(target, "endpoint") if elsewhere else None
    return call(request, target, transport, _converse, operation, region, endpoint)
