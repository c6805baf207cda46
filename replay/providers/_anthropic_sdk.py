"""Calls through Anthropic's SDK, and its clients for Vertex AI and Bedrock.

A client is made once for a target and a thread. What its credentials need (Google's or AWS's libraries,
files, a metadata server) is its own affair, and happens only in a live call.
"""

from __future__ import annotations

import json
import threading
from functools import lru_cache
from typing import Any

import anthropic
import httpx2

from replay.conversation import Object
from replay.errors import BadInput
from replay.providers._call import Codec, through
from replay.providers._line import Line
from replay.providers._settings import adapt, headers, seconds
from replay.turn import Request, Target, Turn

_Frozen = tuple[tuple[str, Any], ...]
_PLATFORMS = ("bedrock-", "vertex-")  # how an `anthropic_version` in a body begins


def call(
    request: Request, target: Target, transport: Any, codec: Codec, client: str, options: Object
) -> Turn:
    """Send one request, once.

    `client` is the name of the SDK's class, `options` what it is made with.
    Raises SeamError, and BadInput for the settings and for credentials that are not there.
    """
    frozen = (tuple(options.items()), tuple(headers(target).items()))
    try:
        sdk = _client(threading.get_ident(), client, *frozen, seconds(target))
    except (httpx2.InvalidURL, ValueError) as problem:
        raise BadInput(f'target "{target.name}": {problem}') from None
    body = _fitted(adapt(codec.encode(request), target.settings), target.settings.get("platform"))
    path = "/v1/messages?beta=true" if target.settings.get("beta") else "/v1/messages"

    def post(tap: Any) -> None:
        try:
            sdk.post(path, body, tap)
        except (anthropic.AnthropicError, httpx2.HTTPError, OSError):
            raise
        except ModuleNotFoundError as missing:
            platform = target.settings.get("platform")
            raise BadInput(
                f'target "{target.name}": live calls need {missing.name}: pip install "anthropic[{platform}]"'
            ) from None
        except Exception as problem:
            if tap.status is not None:
                raise
            raise BadInput(f'target "{target.name}": {problem}') from problem

    return through(request, target, transport, codec, post, (anthropic.AnthropicError,))


def _fitted(body: Object, platform: str | None) -> Object:
    """Return the body without the version of another platform."""
    version = str(body.get("anthropic_version"))
    kept = not version.startswith(_PLATFORMS) or (platform and version.startswith(platform))
    return body if kept else {key: value for key, value in body.items() if key != "anthropic_version"}


class _Client:
    """One of the SDK's clients."""

    def __init__(self, client: str, options: Object, headers: Object, seconds: float) -> None:
        self._plain = client == "Anthropic"
        self._line = Line(seconds)
        made = {"http_client": self._line.http, "timeout": seconds, "max_retries": 0}
        self._sdk = getattr(anthropic, client)(**options, **made)
        self._sdk._custom_headers = headers  # and not those of ANTHROPIC_CUSTOM_HEADERS

    def post(self, path: str, body: Object, transport: Any) -> None:
        """Send one request. Raises what the SDK and the transport do."""
        # ASCII JSON: the SDK's own writer cannot send half of a surrogate pair, which models do write. Those
        # for other platforms want the body itself: they take the model out of it.
        sent: Object = {"content": json.dumps(body).encode()} if self._plain else {"body": body}
        with self._line.over(transport):
            self._sdk.post(path, cast_to=httpx2.Response, **sent)


@lru_cache(maxsize=64)  # of threads and targets; one that falls out is made again
def _client(_thread: int, client: str, options: _Frozen, headers: _Frozen, seconds: float) -> _Client:
    return _Client(client, dict(options), dict(headers), seconds)
