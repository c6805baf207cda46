"""Calls through botocore: it finds the address and the credentials, and signs what we send.

Its client is made once for a target and a thread: reading the service's description takes a while.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import botocore  # type: ignore[import-untyped]
import botocore.exceptions  # type: ignore[import-untyped]
import botocore.session  # type: ignore[import-untyped]
from botocore.awsrequest import AWSPreparedRequest, AWSResponse  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]

from replay.errors import BadInput
from replay.providers._call import Codec, through
from replay.providers._plain import post
from replay.providers._settings import RECORDED, adapt, headers, seconds
from replay.turn import Request, Target, Turn

# A replay is the same on every machine, whatever its AWS configuration says.
_NO_FILES = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
_ANYWHERE = "us-east-1"  # on a replay: a recording is not looked up by its host


def call(
    request: Request,
    target: Target,
    transport: Any,
    codec: Codec,
    operation: str,
    region: str | None,
    endpoint: str | None,
) -> Turn:
    """Send one request, once, by an operation of the Bedrock runtime. Raises SeamError and BadInput."""
    replayed = RECORDED in target.settings
    where = (region or (_ANYWHERE if replayed else None), endpoint, target.settings.get("profile"))
    try:
        client = _client(threading.get_ident(), *where, offline=replayed)
    except (botocore.exceptions.BotoCoreError, ValueError) as problem:
        raise BadInput(f'target "{target.name}": {problem}; give region = "...", or AWS_REGION') from None
    body = json.dumps(adapt(codec.encode(request), target.settings)).encode()

    def post(tap: Any) -> None:
        client.invoke(operation, request.model, body, headers(target), tap, seconds(target))

    return through(request, target, transport, codec, post, (botocore.exceptions.BotoCoreError,))


class _Client:
    """A client of botocore whose requests carry our bodies and go over the transport that each call gives."""

    def __init__(self, region: str | None, endpoint: str | None, profile: str | None, *, offline: bool):
        variables = _NO_FILES if offline else None
        session = botocore.session.Session(session_vars=variables, profile=None if offline else profile)
        alone = {"signature_version": botocore.UNSIGNED, "ignore_configured_endpoint_urls": True}
        config = Config(
            retries={"total_max_attempts": 1}, parameter_validation=False, **(alone if offline else {})
        )
        region = region or session.get_config_variable("region") or os.environ.get("AWS_REGION")
        self._sdk = session.create_client("bedrock-runtime", region, endpoint_url=endpoint, config=config)
        self._sdk.meta.events.register("before-call.bedrock-runtime", self._fill)
        self._sdk.meta.events.register("before-send.bedrock-runtime", self._send)
        self._call: Any = None

    def invoke(
        self, operation: str, model: str, body: bytes, headers: dict[str, str], tap: Any, seconds: float
    ) -> None:
        """Send one request. Raises what botocore and the transport do."""
        self._call = (body, headers, tap, seconds)
        try:
            self._sdk._make_api_call(operation, {"modelId": model})
        finally:
            self._call = None

    def _fill(self, params: dict[str, Any], **_: object) -> None:
        """Put our body into the request before it is signed."""
        body, headers, _, _ = self._call
        params["body"] = body
        params["headers"] |= {"Content-Type": "application/json"} | headers

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """Send in botocore's place. The answer is read by the codec, so botocore is told an empty one."""
        _, _, tap, seconds = self._call
        sent = {name: _text(value) for name, value in request.headers.items()}
        post(request.url, request.body, sent, tap, seconds)
        return AWSResponse(request.url, 200, {}, _Nothing())


class _Nothing:
    """The body of an empty answer."""

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        """Yield nothing but an object without fields."""
        yield b"{}"


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


@lru_cache(maxsize=64)  # of threads and targets; one that falls out is made again
def _client(
    _thread: int, region: str | None, endpoint: str | None, profile: str | None, *, offline: bool
) -> _Client:
    return _Client(region, endpoint, profile, offline=offline)
