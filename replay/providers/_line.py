"""The HTTP client of an SDK, made once, whose requests go over the transport that each call gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2


class Line(httpx2.BaseTransport):
    """A client (`http`) that keeps nothing between two calls and takes nothing from the environment."""

    def __init__(self, seconds: float) -> None:
        self._transport: Any = None
        encodings = {"accept-encoding": "gzip, deflate"}
        self.http = httpx2.Client(transport=self, trust_env=False, timeout=seconds, headers=encodings)

    @contextmanager
    def over(self, transport: Any) -> Iterator[None]:
        """Let the requests that are sent meanwhile go over a transport."""
        self._transport = transport
        try:
            yield
        finally:
            self._transport = None
            self.http.cookies.clear()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass a request to the transport of the call."""
        response: httpx2.Response = self._transport.handle_request(request)
        return response
