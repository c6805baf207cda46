"""Anthropic's Messages: Claude at its own API, on Vertex AI and on Bedrock (InvokeModel).

Settings of a target: `api_key_env` (default `ANTHROPIC_API_KEY`), `base_url` or `base_url_env`, `headers`
(`anthropic-beta`), `beta` (asks at `?beta=true`, as the SDK's beta methods do), `timeout` (seconds for a
whole call), `params` (`add`, `rename`, `drop`). With `platform = "vertex"`: `project` and `region`; with
`platform = "bedrock"`: `region`; each also as `..._env`. Credentials of a platform are its SDK's affair
(Google's defaults, AWS's chain), unless `api_key_env` names a variable that holds a token.

A conversation that sets no limit is asked for 4096 tokens at most: this wire wants a limit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from replay.conversation import Object
from replay.errors import BadInput
from replay.providers import _anthropic_places, _anthropic_wire, _settings
from replay.providers._anthropic_places import place
from replay.providers._anthropic_streamed import encode_stream, encode_whole
from replay.providers._anthropic_wire import (
    claims,
    decode,
    decode_request,
    decode_stream,
    encode,
    encode_reply,
    is_end,
)
from replay.providers._batches import Batches
from replay.providers._refusals import ANTHROPIC as REFUSALS
from replay.turn import Request, Target, Turn

__all__ = [
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

HOME = _anthropic_places.API
_KEY = "ANTHROPIC_API_KEY"


def secrets(target: Target) -> dict[str, str | None]:
    """Return the API key by its environment variable; of a platform only where the target names one."""
    return _settings.secrets(target, None if target.settings.get("platform") else _KEY)


def send(request: Request, target: Target, transport: Any) -> Turn:
    """Send one request, once, through the official SDK. Raises SeamError, and BadInput for the settings."""
    try:
        from replay.providers._anthropic_sdk import call
    except ModuleNotFoundError as missing:
        raise _not_installed(missing) from None

    target = _as_recorded(target)
    platform = target.settings.get("platform")
    if platform not in _CLIENTS:
        raise BadInput(f'target "{target.name}": platform is {platform!r}; use vertex or bedrock')
    client, options = _CLIENTS[platform]
    return call(request, target, transport, _anthropic_wire, client, options(target))


def batches(target: Target, transport: Any) -> Batches:
    """Return the Message Batches, which answer within a day at half the price; a platform has none."""
    if platform := target.settings.get("platform"):
        raise BadInput(f'target "{target.name}": Message Batches are not at platform {platform}')
    try:
        from replay.providers._anthropic_batches import AnthropicBatches
    except ModuleNotFoundError as missing:
        raise _not_installed(missing) from None
    return AnthropicBatches(target, transport, _api(target))


def _not_installed(missing: ModuleNotFoundError) -> Exception:
    if missing.name != "anthropic":
        return missing
    return BadInput("provider anthropic needs: pip install 'conversation-replay[anthropic]'")


def _as_recorded(target: Target) -> Target:
    """On a replay, return the target as the recording's URL completes it."""
    uri = str(target.settings.get(_settings.RECORDED) or "")
    found = place("POST", uri) if uri else None
    if found is None:
        return target
    base = _anthropic_places.address(uri)
    known = found.settings | ({"base_url": base} if base else {})
    return replace(target, settings=known | target.settings)


def _api(target: Target) -> Object:
    elsewhere = {"base_url", "base_url_env"} & target.settings.keys()
    url = _settings.address(target, "base_url") if elsewhere else _anthropic_places.API
    return {"api_key": _settings.credential(target, _KEY), "base_url": url}


def _vertex(target: Target) -> Object:
    region, project = _needed(target, "region"), _needed(target, "project")
    url = _settings.setting(target, "base_url") or _anthropic_places.vertex(region)
    return {"region": region, "project_id": project, "access_token": _token(target), "base_url": url}


def _bedrock(target: Target) -> Object:
    region = _needed(target, "region")
    url = _settings.setting(target, "base_url") or _anthropic_places.bedrock(region)
    return {"aws_region": region, "api_key": _token(target), "base_url": url}


def _needed(target: Target, name: str) -> str:
    value = _settings.setting(target, name)
    if isinstance(value, str) and value:
        return value
    if _settings.RECORDED in target.settings:
        return "not-recorded"
    raise BadInput(f'target "{target.name}" names no {name}; add {name} = "..." or {name}_env')


def _token(target: Target) -> str | None:
    """Return the token of a platform, a stand-in on a replay; None lets the SDK find credentials."""
    if _settings.RECORDED in target.settings or target.settings.get("api_key_env"):
        return _settings.credential(target, None)
    return None


_CLIENTS: dict[str | None, tuple[str, Any]] = {
    None: ("Anthropic", _api),
    "vertex": ("AnthropicVertex", _vertex),
    "bedrock": ("AnthropicBedrock", _bedrock),
}
