"""Where Bedrock's runtime is, and who may ask it: what is common to its operations."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import unquote

from replay.conversation import Object
from replay.providers import Place, _settings, _url
from replay.providers._call import Codec
from replay.turn import Request, Target, Turn

_HOST = re.compile(r"https://bedrock-runtime(?:-fips)?\.(?P<region>[^/]+)\.amazonaws\.com(?:\.cn)?")
_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
)


def place(path: re.Pattern[str], method: str, url: str) -> Place | None:
    """Read the URL of a call whose path is `path` (with groups base, model, stream). Raises ValueError."""
    parts = _url.read(url)
    found = path.fullmatch(parts.path) if method == "POST" else None
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


def secrets() -> dict[str, str | None]:
    """Return the credentials that stand in the environment."""
    return {name: os.environ[name] for name in _VARIABLES if os.environ.get(name)}


def send(request: Request, target: Target, transport: Any, codec: Codec, operation: str) -> Turn:
    """Send one request, once, through botocore. Raises SeamError, and BadInput for the settings."""
    from replay.providers._botocore import call

    region = _settings.setting(target, "region")
    endpoint = _settings.address_or(target, "endpoint", "") or None
    return call(request, target, transport, codec, operation, region, endpoint)
