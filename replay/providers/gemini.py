"""Google's Gemini: generateContent and streamGenerateContent, of the Gemini API and of Vertex AI.

Settings of a target: `api_key_env` (default `GEMINI_API_KEY`, else `GOOGLE_API_KEY`), `base_url` or
`base_url_env`, `api_version`, `alt` (`json` for streams that come as one JSON array), `headers`, `timeout`
(seconds for a whole call), `params` (`add`, `rename`, `drop`). With `platform = "vertex"` also `project` and
`region`, each also as `..._env` (default: what the SDK finds). Credentials are then Google's defaults; where
`api_key_env` is given, it names a token, or without a project a key (express mode). `model` is a name, or the
path of a tuned model (`tunedModels/...`, `endpoints/...`). A prompt that was blocked is an error of kind
`content_filter`.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any

from replay.conversation import Json, Object
from replay.errors import BadInput
from replay.providers import (
    Place,
    _gemini_reply,
    _gemini_request,
    _gemini_stream,
    _reading,
    _settings,
    _url,
)
from replay.providers._gemini_stream import decode, decode_stream, is_end
from replay.providers._gemini_streamed import encode_stream
from replay.providers._refusals import GEMINI as REFUSALS
from replay.turn import Reply, Request, Target, Turn

__all__ = [
    "REFUSALS",
    "claims",
    "decode",
    "decode_request",
    "decode_stream",
    "encode",
    "encode_reply",
    "encode_stream",
    "is_end",
    "place",
    "secrets",
    "send",
]

_ELSEWHERE = {"base_url", "base_url_env"}
_KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
HOME = "https://generativelanguage.googleapis.com"
_VERSION = ("v1beta", "v1beta1")  # of the two APIs; these have every model and field
_FOLDERS = ("models", "publishers/google/models")
_PATH = re.compile(
    r"(?P<base>.*?)(?:/(?P<version>v\d\w*))?(?:/projects/(?P<project>[^/]+)/locations/(?P<region>[^/]+))?"
    r"/(?P<kind>publishers/google/models|models|tunedModels|endpoints)/(?P<model>[^/]+)"
    r":(?P<method>generateContent|streamGenerateContent)/?"
)
_ANSWER = re.compile(rb'"(?:candidates|promptFeedback|usageMetadata|error)"\s*:')


def place(method: str, url: str) -> Place | None:
    """Read the URL of a call to the Gemini API or Vertex AI, or through a proxy of either."""
    parts = _url.read(url)
    call = _PATH.fullmatch(parts.path) if method == "POST" else None
    if call is None:
        return None
    vertex = bool(call["project"] or call["kind"] in (_FOLDERS[1], "endpoints"))
    base = parts.origin + call["base"]
    settings: Object = {"base_url": base} if parts.origin and base != _host(call["region"], vertex) else {}
    if call["version"] not in (None, _VERSION[vertex]):
        settings["api_version"] = call["version"]
    settings |= _account(call) if vertex else {}
    stream = call["method"] == "streamGenerateContent"
    settings |= {"alt": "json"} if stream and parts.query.get("alt") != "sse" else {}
    model = call["model"] if call["kind"] in _FOLDERS else f"{call['kind']}/{call['model']}"
    return Place(model, {"stream": True} if stream else {}, settings)


def _host(region: str | None, vertex: bool) -> str:
    """Where the SDK asks when it is told no address."""
    if not vertex:
        return HOME
    return f"https://{'' if region in (None, 'global') else f'{region}-'}aiplatform.googleapis.com"


def _account(call: re.Match[str]) -> Object:
    """Whose Vertex AI: a project's, or (express mode) the key's."""
    if call["project"]:
        return {"platform": "vertex", "project": call["project"], "region": call["region"]}
    return {"platform": "vertex", "api_key_env": "GOOGLE_API_KEY"}


def claims(asked: Json, answered: bytes | None) -> bool:
    """Tell whether this was asked and answered as Gemini is."""
    if not isinstance(asked, dict) or not isinstance(asked.get("contents"), list):
        return False
    return answered is None or bool(_ANSWER.search(answered))


def encode(request: Request) -> Object:
    """Return the JSON body that asks for this."""
    return _gemini_request.write(request)


def decode_request(body: Object) -> Request:
    """Read a request body: the inverse of `encode`. Raises Unreadable (`invalid_request`)."""
    return _reading.request(body, _gemini_request.read)


def encode_reply(reply: Reply) -> Object:
    """Return the body of a response that says this: the inverse of `decode`."""
    return _gemini_reply.write(reply)


def secrets(target: Target) -> dict[str, str | None]:
    """Return the API key by its environment variable; nothing where Google's own credentials are used."""
    return _settings.secrets(target, _variable(target))


def _variable(target: Target) -> str | None:
    if _is_vertex(target):
        return None
    return next((name for name in _KEYS if os.environ.get(name)), _KEYS[0])


def _is_vertex(target: Target) -> bool:
    platform = target.settings.get("platform")
    if platform not in (None, "vertex"):
        raise BadInput(f'target "{target.name}": platform is {platform!r}; use vertex, or none')
    return platform is not None


def send(request: Request, target: Target, transport: Any) -> Turn:
    """Send one request, once, through the official SDK. Raises SeamError, and BadInput for the settings."""
    try:
        from replay.providers import _gemini_sdk
    except ImportError as missing:
        raise BadInput(
            f'target "{target.name}" needs Google\'s SDK ({missing}): '
            "pip install 'conversation-replay[gemini]'"
        ) from None
    stream = bool(request.params.get("stream"))
    query = "?alt=sse" if stream and target.settings.get("alt") != "json" else ""
    path = f"{_model(target)}:{'streamGenerateContent' if stream else 'generateContent'}{query}"
    body = _settings.adapt(encode(request), target.settings)
    return _gemini_sdk.call(request, target, transport, _gemini_stream, _options(target), path, body)


def _model(target: Target) -> str:
    name = target.model.removeprefix("models/")
    folder = _FOLDERS[_is_vertex(target)]
    return name if "/" in name else f"{folder}/{name}"


def _options(target: Target) -> Object:
    """What the SDK's client is made with. What a target leaves open, a recording's URL says on a replay."""
    target = replace(target, settings=_recorded(target) | target.settings)
    elsewhere = _ELSEWHERE & target.settings.keys()
    return (_vertex(target) if _is_vertex(target) else _api(target)) | {
        "base_url": _settings.address(target, "base_url") if elsewhere else None,
        "api_version": target.settings.get("api_version") or _VERSION[_is_vertex(target)],
    }


def _recorded(target: Target) -> Object:
    try:
        found = place("POST", str(target.settings.get(_settings.RECORDED) or ""))
    except ValueError:
        found = None
    said = found.settings if found else {}
    return {name: said[name] for name in ("base_url", "project", "region") if name in said}


def _api(target: Target) -> Object:
    return {"vertexai": False, "api_key": _settings.credential(target, _variable(target))}


def _vertex(target: Target) -> Object:
    """A project's, whose token the SDK finds unless one is given, or that of a key."""
    replayed, keyed = _settings.RECORDED in target.settings, "api_key_env" in target.settings
    project, region = _settings.setting(target, "project"), _settings.setting(target, "region")
    key = _settings.credential(target, None) if keyed or replayed else None
    if keyed and not project:
        return {"vertexai": True, "api_key": key}
    project = project or ("not-recorded" if replayed else None)
    return {"vertexai": True, "token": key, "project": project, "location": region}
