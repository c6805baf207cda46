"""Providers: one file for each wire format, both directions of it.

A provider is a module (or any object) with the functions of `Provider`. All but `send` are pure; `send` goes
through the official SDK over the transport it is given.

What a wire says that Chat Completions has no word for stands under `native`, by the provider's name, where it
was said: in a message's, a call's or a reply's `extra`, in a content part and in `params` as
`{"native": {"anthropic": {...}}}`, in content as a part `{"type": "native", "anthropic": {...}}`, in a tool's
`outer` likewise. A wire sends its own back unchanged and leaves out the others' (see
`replay.providers._native`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from replay.conversation import Json, Object
from replay.registry import Registry
from replay.turn import ApiError, Reply, Request, Target, Turn


class Unreadable(Exception):
    """A body or a stream that is not a whole reply: what is wrong, and the part that could be read."""

    def __init__(self, error: ApiError, partial: Reply | None = None) -> None:
        super().__init__(error.message)
        self.error, self.partial = error, partial


@dataclass(frozen=True, slots=True)
class Place:
    """What the URL of a request says beside its body: the model, params (`stream`), a target's settings."""

    model: str | None = None
    params: Object = field(default_factory=dict)
    settings: Object = field(default_factory=dict)


class Provider(Protocol):
    """The contract of one wire format.

    A provider may also have `embed(texts, target, transport) -> Turn`, as `send` for embeddings: the reply's
    `extra["embeddings"]` holds one vector (a list of floats) for each text; and `batches(target, transport)`,
    which gives a `replay.providers._batches.Batches` or raises BadInput where this target has none; and
    `REFUSALS`, a `replay.providers._refusals.Refusals`, where its servers refuse otherwise than OpenAI's.

    What plays the server's part may use: `HOME`, where the provider's own API is (`https://host`);
    `encode_stream(reply, place) -> Iterator[bytes]`, the pieces of a streamed response that says this, asked
    for at that place; `encode_whole(reply)`, a body like `encode_reply`'s with what SDKs miss in it where
    another wire said this first.
    """

    def place(self, method: str, url: str) -> Place | None:
        """Read the URL of a request that speaks this wire, None for any other. Raises ValueError."""

    def claims(self, asked: Json, answered: bytes | None) -> bool:
        """Tell by its body, and its answer's if there is one, that a request without a URL speaks this wire.

        At most one provider may claim a request.
        """

    def encode(self, request: Request) -> Object:
        """Return the JSON body that asks for this."""

    def decode(self, body: Json) -> Reply:
        """Read a response body that came with a success status. Raises Unreadable."""

    def decode_stream(self, events: Iterable[Mapping[str, str]]) -> Reply:
        """Read server-sent events (`{"event", "data"}`). Raises Unreadable with the partial reply."""

    def encode_reply(self, reply: Reply) -> Json:
        """Return the body of a response, not streamed, that says this: the inverse of `decode`."""

    def decode_request(self, body: Object) -> Request:
        """Read a request body: the inverse of `encode`. Raises Unreadable (`invalid_request`)."""

    def is_end(self, event: Mapping[str, str]) -> bool:
        """Tell whether a stream ends with this event."""

    def secrets(self, target: Target) -> dict[str, str | None]:
        """Return the credentials a live call needs by environment variable, None where it is not set."""

    def send(self, request: Request, target: Target, transport: Any) -> Turn:
        """Send one request, once, over `transport` (`handle_request(request) -> response`).

        What a provider or the network did is the turn's `error`, never an exception; SeamError goes through.
        """


registry: Registry[Provider] = Registry(__name__)


def placed(method: str, url: str) -> tuple[str, Place] | None:
    """Return the provider whose wire is spoken at a URL, None where none knows it. Raises ValueError."""
    places = ((name, registry.get(name).place(method, url)) for name in registry.names())
    return next(((name, place) for name, place in places if place is not None), None)
