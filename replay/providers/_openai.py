"""Calls through OpenAI's SDK.

Its client is made once for a target and a thread: making one costs as much as half a call.
"""

from __future__ import annotations

import json
import threading
from functools import lru_cache
from typing import Any

import httpx2
import openai

from replay.conversation import Object
from replay.errors import BadInput
from replay.providers._call import Codec, through
from replay.providers._line import Line
from replay.providers._settings import adapt, headers, seconds
from replay.turn import Request, Target, Turn

_Frozen = tuple[tuple[str, Any], ...]


def call(
    request: Request,
    target: Target,
    transport: Any,
    codec: Codec,
    client: str,
    options: Object,
    path: str = "/chat/completions",
) -> Turn:
    """Send one request, once, to `path` of the API.

    `client` is the name of the SDK's class, `options` what it is made with.
    Raises SeamError, and BadInput for the settings.
    """
    account = {name: target.settings.get(name) for name in ("organization", "project")}
    try:
        sdk = _client(client, options, account, headers(target), seconds(target))
    except httpx2.InvalidURL as problem:
        raise BadInput(f'target "{target.name}": {problem}') from None
    # ASCII JSON: the SDK's own writer cannot send half of a surrogate pair, which models do write.
    body = json.dumps(adapt(codec.encode(request), target.settings)).encode()
    return through(
        request, target, transport, codec, lambda tap: sdk.post(path, body, tap), (openai.OpenAIError,)
    )


class _Client:
    """One of the SDK's clients. Names of an account come from `account`, never from the environment."""

    def __init__(
        self, client: str, options: Object, account: Object, headers: Object, seconds: float
    ) -> None:
        self._line = Line(seconds)
        made = {"http_client": self._line.http, "timeout": seconds, "max_retries": 0}
        self._sdk = getattr(openai, client)(**options, **made, default_headers=headers)
        self._sdk.organization, self._sdk.project = account["organization"], account["project"]
        self._base = str(self._sdk.base_url).rstrip("/")

    def post(self, path: str, body: bytes, transport: Any) -> None:
        """Send one request. Raises what the SDK and the transport do."""
        with self._line.over(transport):
            # the URL whole, which spares the SDK joining it each time
            self._sdk.post(self._base + path, cast_to=httpx2.Response, content=body)


def _client(client: str, options: Object, account: Object, headers: Object, seconds: float) -> _Client:
    """Return this thread's client with these settings, `client` being the name of the SDK's class."""
    frozen = (tuple(part.items()) for part in (options, account, headers))
    return _made(threading.get_ident(), client, *frozen, seconds)


@lru_cache(maxsize=64)  # of threads and targets; one that falls out is made again
def _made(
    _thread: int, client: str, options: _Frozen, account: _Frozen, headers: _Frozen, seconds: float
) -> _Client:
    return _Client(client, dict(options), dict(account), dict(headers), seconds)
