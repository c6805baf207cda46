"""Answers built from the library that the request came from: httpx2 or httpx, sync and async alike."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any, Self

from replay.cassette.encoding import request_body
from replay.cassette.interaction import Failure, RecordedRequest, RecordedResponse

# Bodies are stored and played decoded and whole: what said otherwise must not reach the client again.
_OF_THE_WIRE = frozenset(("content-length", "transfer-encoding"))
_READ_BY_US = frozenset(("gzip", "x-gzip", "deflate", "identity"))

Ended = Callable[[], Exception | None]


class Transport:
    """What a client asks of a transport beside sending, in either colour."""

    def close(self) -> None:
        """Let go of what was opened."""

    async def aclose(self) -> None:
        """As `close`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def asked(request: Any, body: bytes) -> RecordedRequest:
    """Return a request of either library as it is looked up."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return RecordedRequest(request.method, str(request.url), headers, request_body(body, headers))


def library(request: Any) -> Any:
    """Return the module `httpx2` or `httpx`, of which a request is."""
    return sys.modules[type(request).__module__.partition(".")[0]]


def respond(
    request: Any,
    played: RecordedResponse,
    waits: Sequence[float] = (),
    ended: Ended | None = None,
    **more: Any,
) -> Any:
    """Return a response in the pieces of a recording, which fails where the recording does.

    `waits` are seconds before each piece; `ended` gives the error at the end where that is not the
    recording's own; `more` are extensions of the response. Raises the library's error where no response
    had come.
    """
    if played.status is None:
        raise error(request, played.failure)
    times = {"replay_times": tuple(at for at, _ in played.chunks)} if played.chunks else {}
    reason = {"reason_phrase": played.reason.encode("ascii", "replace")} if played.reason else {}
    return built(
        request,
        played.status,
        _headers(played),
        stream(request, _Body)(played, waits, ended or partial(_failed, request, played)),
        {"replay_played": True, **times, **reason, **more},
    )


def built(
    request: Any, status: int, headers: dict[str, list[str]], body: Any, extensions: dict[str, Any]
) -> Any:
    """Return a response with a body that `stream` made."""
    # headers as bytes: as text the libraries take ASCII only, and servers send more
    pairs = ((name, value) for name, values in headers.items() for value in values)
    raw = [(name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in pairs]
    return library(request).Response(status, headers=raw, stream=body, extensions=extensions)


def stream(request: Any, body: type) -> Any:
    """Return the class of a body for the request's library, which insists on its own base classes.

    `body` has `__iter__` and `__aiter__`, and `close` and `aclose` if it wants.
    """
    return _stream(library(request), body)


def error(request: Any, failure: Failure | None) -> Exception:
    """Return a recorded failure as the exception that the request's own library raises."""
    name, message = (failure.exception, failure.message) if failure else ("ConnectError", "")
    kind = getattr(library(request), name, None)
    if not (isinstance(kind, type) and issubclass(kind, library(request).RequestError)):
        kind, message = library(request).NetworkError, f"{name}: {message}"
    found: Exception = kind(message, request=request)
    return found


class _Body:
    """The body of a recording, in the pieces it came in, up to where it failed."""

    def __init__(self, played: RecordedResponse, waits: Sequence[float], ended: Ended) -> None:
        self._played, self._waits, self._ended = played, waits, ended

    def __iter__(self) -> Iterator[bytes]:
        for wait, piece in self._pieces():
            if wait:
                time.sleep(wait)
            if piece:
                yield piece
        self._end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for wait, piece in self._pieces():
            if wait:
                import anyio

                await anyio.sleep(wait)
            if piece:
                yield piece
        self._end()

    def _pieces(self) -> Iterator[tuple[float, bytes]]:
        """Yield `(seconds to wait first, bytes)`."""
        body, start = self._played.body, 0
        for number, (_, size) in enumerate(self._played.chunks or ([(0.0, len(body))] if body else [])):
            yield self._waits[number] if number < len(self._waits) else 0.0, body[start : start + size]
            start += size

    def _end(self) -> None:
        problem = self._ended()
        if problem is not None:
            raise problem


@lru_cache
def _stream(library: Any, body: type) -> Any:
    return type(body.__name__, (body, library.SyncByteStream, library.AsyncByteStream), {})


def _failed(request: Any, played: RecordedResponse) -> Exception | None:
    return error(request, played.failure) if played.failure else None


def _headers(played: RecordedResponse) -> dict[str, list[str]]:
    headers = {name: values for name, values in played.headers.items() if name not in _OF_THE_WIRE}
    if set(headers.get("content-encoding", ())) <= _READ_BY_US:
        headers.pop("content-encoding", None)
    return headers
