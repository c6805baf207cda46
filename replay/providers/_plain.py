"""One HTTP request as it stands, over the transport of a call: for wires that no SDK sends as we wrote it."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import httpx2

from replay.errors import BadInput
from replay.providers._call import Codec, through
from replay.providers._line import Line
from replay.providers._settings import SECONDS, adapt, headers, seconds
from replay.turn import Request, Target, Turn


def call(
    request: Request, target: Target, transport: Any, codec: Codec, url: str, key: str | None = None
) -> Turn:
    """Send one request, once, to a URL, with a key as the bearer's token. Raises SeamError and BadInput."""
    try:
        httpx2.URL(url)
    except httpx2.InvalidURL as problem:
        raise BadInput(f'target "{target.name}": {problem}') from None
    body = json.dumps(adapt(codec.encode(request), target.settings)).encode()
    sent = {"content-type": "application/json", "accept": "*/*"}
    sent |= {"authorization": f"Bearer {key}"} if key else {}
    sent |= {name.lower(): value for name, value in headers(target).items()}
    return through(request, target, transport, codec, lambda tap: post(url, body, sent, tap, seconds(target)))


def post(url: str, body: bytes, headers: Mapping[str, str], transport: Any, seconds: float) -> None:
    """Send a request and read the answer to its end. Raises what the transport does."""
    line = _line(threading.get_ident())
    with line.over(transport):
        line.http.post(url, content=body, headers={"user-agent": "replay", **headers}, timeout=seconds)


@lru_cache(maxsize=64)  # of threads; one that falls out is made again: it costs as much as half a call
def _line(_thread: int) -> Line:
    return Line(SECONDS)
