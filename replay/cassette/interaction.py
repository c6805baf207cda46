"""One recorded HTTP exchange, free of any HTTP library."""

from __future__ import annotations

from dataclasses import dataclass, field

from replay.conversation import Object


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as it was sent: `body` is decoded bytes; header names are lower case, one value each."""

    method: str
    uri: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Failure:
    """A transport error: the exception's class name as in httpx (`ReadError`, `ReadTimeout`, ...)."""

    exception: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """What came back. `body` is decoded (never compressed) and holds what arrived before a failure.

    `chunks` are `(milliseconds since the request was sent, bytes)`, their sizes add up to `len(body)`; empty
    when the recording does not say. `status` is None when the failure came before the response. `attempt`
    counts the tries of one call from 1. `source` says where and when the recording was made.
    """

    status: int | None
    reason: str = ""
    headers: dict[str, list[str]] = field(default_factory=dict)
    body: bytes = b""
    chunks: tuple[tuple[float, int], ...] = ()
    failure: Failure | None = None
    attempt: int = 1
    source: Object = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether this is an answer, and all of it."""
        return self.failure is None and self.status is not None and self.status < 400


@dataclass(frozen=True, slots=True)
class Interaction:
    """A request and what came back."""

    request: RecordedRequest
    response: RecordedResponse
