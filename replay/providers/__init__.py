"""Providers: one file for each wire format, both directions of it.

A provider is a module (or any object) with the functions of `Provider`. `encode`, `decode`, `decode_stream`
and `decode_request` are pure; `send` goes through the official SDK over the transport it is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from replay.conversation import Json, Object
from replay.registry import Registry
from replay.turn import ApiError, Reply, Request, Target, Turn


class Unreadable(Exception):
    """A body or a stream that is not a whole reply: what is wrong, and the part that could be read."""

    def __init__(self, error: ApiError, partial: Reply | None = None) -> None:
        super().__init__(error.message)
        self.error, self.partial = error, partial


class Provider(Protocol):
    """The contract of one wire format."""

    def encode(self, request: Request) -> Object:
        """Return the JSON body that asks for this."""

    def decode(self, body: Json) -> Reply:
        """Read a response body that came with a success status. Raises Unreadable."""

    def decode_stream(self, events: Iterable[Mapping[str, str]]) -> Reply:
        """Read server-sent events (`{"event", "data"}`). Raises Unreadable with the partial reply."""

    def decode_request(self, body: Object) -> Request:
        """Read a request body: the inverse of `encode`."""

    def secrets(self, target: Target) -> dict[str, str | None]:
        """Return the credentials a live call needs by environment variable, None where it is not set."""

    def send(self, request: Request, target: Target, transport: Any) -> Turn:
        """Send one request, once, over `transport` (`handle_request(request) -> response`).

        What a provider or the network did is the turn's `error`, never an exception; SeamError goes through.
        """


registry: Registry[Provider] = Registry(__name__)
