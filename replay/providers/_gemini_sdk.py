"""Calls through Google's SDK.

Its client is made once for a target and a thread: making one costs more than a call.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

import httpx2
from google import genai
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.genai import errors, types
from google.oauth2.credentials import Credentials

from replay.conversation import Object
from replay.errors import BadInput
from replay.providers import _wire
from replay.providers._call import through
from replay.providers._line import Line
from replay.providers._settings import headers, seconds
from replay.providers._tap import Tap
from replay.turn import Request, Target, Turn

_Frozen = tuple[tuple[str, Any], ...]
_RAISES = (errors.APIError, errors.UnknownApiResponseError, GoogleAuthError)


def call(
    request: Request,
    target: Target,
    transport: Any,
    codec: _wire.Codec,
    options: Object,
    path: str,
    body: Object,
) -> Turn:
    """Send `body`, once, to `path` of the API. Raises SeamError, and BadInput for the settings."""
    try:
        frozen = tuple(options.items()), tuple(headers(target).items()), seconds(target)
        client = _client(threading.get_ident(), *frozen)
    except (ValueError, GoogleAuthError) as problem:
        raise BadInput(f'target "{target.name}": {problem}') from None

    def post(tap: Tap) -> None:
        try:
            client.post(path, body, tap)
        except (httpx2.InvalidURL, DefaultCredentialsError) as problem:
            raise BadInput(f'target "{target.name}": {problem}') from None

    return through(request, target, transport, codec, post, _RAISES)


class _Client:
    """The SDK's client.

    Without a key and without a `token` the SDK looks for Google's credentials, over the network if need be.
    """

    def __init__(self, options: Object, extra: Object, wait: float) -> None:
        self._line = Line(wait)
        token = options.get("token")
        self._sdk = genai.Client(
            vertexai=options["vertexai"],
            api_key=options.get("api_key"),
            project=options.get("project"),
            location=options.get("location"),
            credentials=Credentials(token) if token else None,  # type: ignore[no-untyped-call]
            http_options=types.HttpOptions(
                httpx_client=self._line.http,
                # never used; without one the SDK makes its own, which reads the certificates of the machine
                httpx_async_client=httpx2.AsyncClient(
                    transport=httpx2.MockTransport(_nothing), trust_env=False
                ),
                base_url=options["base_url"],
                api_version=options["api_version"],
                headers=extra,
                timeout=int(wait * 1000),
            ),
        )

    def post(self, path: str, body: Object, tap: Tap) -> None:
        """Send one request. Raises what the SDK and the transport do.

        Its typed methods rewrite a body, and refuse fields that they do not know; `request` of its API
        client, which all of them call in the end, sends it as it is, with the SDK's own address and
        credentials. It reads streams as well: their chunks are seen by the tap.
        """
        with self._line.over(tap):
            self._sdk._api_client.request("post", path, dict(body))


def _nothing(_: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(501)


@lru_cache(maxsize=64)  # of threads and targets; one that falls out is made again
def _client(_thread: int, options: _Frozen, extra: _Frozen, wait: float) -> _Client:
    return _Client(dict(options), dict(extra), wait)
