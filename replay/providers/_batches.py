"""Batches: many requests handed over in one file, and answered within a day at half the price.

What is common to the providers that have them. A provider's `batches(target, transport)` gives a `Batches`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from replay.conversation import Object
from replay.errors import ProviderFailure
from replay.jsontext import parse
from replay.providers import _errors
from replay.turn import ApiError

PRICE = 0.5  # of what the same calls cost one by one, at OpenAI, Azure and Anthropic
NOT_SENT = ("stream", "stream_options")  # params that a batch does not take
FULL = "token_limit_exceeded"  # the code of a batch that is one too many for now


class Refused(ProviderFailure):
    """A call about batches went wrong. `unclear`: it may have been carried out all the same."""

    def __init__(self, error: ApiError, *, unclear: bool = False) -> None:
        super().__init__(error.message)
        self.error, self.unclear = error, unclear


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a whole batch was refused: the line of its file (from 1), None where it is about no line."""

    line: int | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class State:
    """How far a batch is; `status` is the provider's own word. Once `ended` its answers can be read."""

    status: str
    done: int = 0
    ended: bool = False
    complaints: tuple[Complaint, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request was answered; without a status it was not carried out, and `body` is empty."""

    status: int | None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    why: str = ""


class Batches(Protocol):
    """Batches of one target. All but `entry` and `answer` raise Refused."""

    most: int  # requests in a batch
    most_bytes: int
    head: bytes  # of a file of requests
    between: bytes
    tail: bytes

    def entry(self, name: str, body: Object) -> bytes:
        """Return what stands in the file for one request; its answer comes under the same name."""

    def create(self, tag: str, file: IO[bytes]) -> str:
        """Hand over a file of requests, and return the batch's id."""

    def find(self, tag: str, began: float, count: int) -> list[str]:
        """List the batches that may be the one of this tag, of `count` requests, made after `began`.

        `began` is in seconds since 1970. Where a provider keeps no tag there may be some of others.
        """

    def state(self, batch: str) -> State:
        """Tell how far a batch is."""

    def download(self, batch: str, file: IO[bytes]) -> None:
        """Write the answers of a batch that has ended to a file, one a line, in any order."""

    def answer(self, line: Object) -> Answer:
        """Read one line of the answers."""


def without_stream(body: bytes) -> tuple[Object, tuple[str, ...]]:
    """Return the body of a call as a batch takes it, and the names of the params that it loses."""
    asked: Object = parse(body)
    lost = tuple(name for name in NOT_SENT if asked.get(name))
    return {name: value for name, value in asked.items() if name not in NOT_SENT}, lost


def as_answer(status: int, body: Any, headers: dict[str, str] | None = None) -> Answer:
    """Return an answer that was given, as JSON."""
    return Answer(status, json.dumps(body).encode(), {"content-type": "application/json"} | (headers or {}))


def pieces(response: Any, file: IO[bytes]) -> None:
    """Write a body that is streamed to a file whose lines others are added to."""
    last = b"\n"
    for piece in response.iter_bytes():
        file.write(piece)
        last = piece[-1:] or last
    if last != b"\n":
        file.write(b"\n")


@contextmanager
def refusing(status_error: type[Exception], error: type[Exception]) -> Iterator[None]:
    """Turn the errors of an SDK into Refused: an answer that says no, and no answer at all."""
    import httpx2

    try:
        yield
    except status_error as problem:
        response: Any = problem.response  # type: ignore[attr-defined]
        headers = {name.lower(): value for name, value in response.headers.items()}
        said = _errors.refused(response.status_code, headers, _body(response))
        raise Refused(said, unclear=response.status_code >= 500) from None
    except (error, httpx2.HTTPError, OSError) as problem:
        raise Refused(_errors.failure(problem), unclear=True) from None


def _body(response: Any) -> bytes:
    import httpx2

    try:
        body: bytes = response.read()
    except (httpx2.HTTPError, httpx2.StreamError):
        return b""
    return body
