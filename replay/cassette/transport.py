"""The HTTP seam: one transport for httpx2 and httpx, sync and async, that plays and records.

The two libraries, and their two colours, differ in who awaits; what is decided and kept is the same and lives
in `replay.cassette.tape`. Answers are built from the library that the request came from.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from replay.cassette.interaction import Failure, RecordedRequest, RecordedResponse
from replay.cassette.tape import ABANDONED, Recorder, Tape
from replay.errors import CassetteMiss

# Bodies are stored and played decoded and whole: what said otherwise must not reach the client again.
_OF_THE_WIRE = frozenset(("content-length", "transfer-encoding"))
_READ_BY_US = frozenset(("gzip", "x-gzip", "deflate", "identity"))


class Seam(Recorder, Protocol):
    """What a transport asks of a cassette."""

    path: Path

    def play(self, request: RecordedRequest) -> RecordedResponse | None:
        """Answer from the recording; None when the request has to be sent. Raises CassetteMiss."""

    def miss(self, message: str) -> CassetteMiss:
        """Note a miss, and return it to be raised."""


class CassetteTransport:
    """A transport (`handle_request`, `handle_async_request`) over a cassette. See `Cassette.transport`."""

    def __init__(self, cassette: Seam, inner: Any = None, *, attempt: int | None = None, pace: bool = False):
        self.cassette, self._inner = cassette, inner
        self._attempt, self._pace = attempt, pace
        self._opened: dict[str, Any] = {}  # transports that we made, by library and colour

    def handle_request(self, request: Any) -> Any:
        """Answer a request from the cassette, or send it and record what comes back."""
        live = asked(request, request.read())
        played = self.cassette.play(live)
        if played is not None:
            return self._played(request, live, played)
        tape = self._tape(request, live)
        try:
            response = self._sender(request, "HTTPTransport").handle_request(_forwarded(request))
        except _library(request).TransportError as problem:
            tape.fail(problem)
            raise
        return _recording(request, response, tape)

    async def handle_async_request(self, request: Any) -> Any:
        """As `handle_request`."""
        live = asked(request, await request.aread())
        played = self.cassette.play(live)
        if played is not None:
            return self._played(request, live, played)
        tape = self._tape(request, live)
        try:
            sender = self._sender(request, "AsyncHTTPTransport")
            response = await sender.handle_async_request(_forwarded(request))
        except _library(request).TransportError as problem:
            tape.fail(problem)
            raise
        return _recording(request, response, tape)

    def close(self) -> None:
        """Close the transports that were opened here; the cassette stays open."""
        for kind, opened in list(self._opened.items()):
            if hasattr(opened, "close"):
                opened.close()
                del self._opened[kind]

    async def aclose(self) -> None:
        """As `close`."""
        for kind, opened in list(self._opened.items()):
            if hasattr(opened, "aclose"):
                await opened.aclose()
                del self._opened[kind]

    def __enter__(self) -> CassetteTransport:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> CassetteTransport:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _sender(self, request: Any, kind: str) -> Any:
        if self._inner is not None:
            return self._inner
        library = _library(request)
        name = f"{library.__name__}.{kind}"
        if name not in self._opened:
            self._opened[name] = getattr(library, kind)()
        return self._opened[name]

    def _tape(self, request: Any, asked: RecordedRequest) -> Tape:
        attempt = self._attempt or _sdk_retries(request) + 1
        return Tape(self.cassette, asked, attempt)

    def _played(self, request: Any, asked: RecordedRequest, played: RecordedResponse) -> Any:
        library = _library(request)
        if played.status is None:
            raise _error(library, played.failure, request)
        return library.Response(
            played.status,
            headers=_raw(_played_headers(played)),
            stream=_kind(library, _Played)(self.cassette, request, asked, played, self._pace),
            extensions={
                "replay_played": True,
                **({"replay_times": tuple(at for at, _ in played.chunks)} if played.chunks else {}),
                **({"reason_phrase": played.reason.encode("ascii", "replace")} if played.reason else {}),
            },
        )


class _Played:
    """The body of a recording, in the pieces it came in, up to where it failed."""

    def __init__(
        self, cassette: Seam, request: Any, asked: RecordedRequest, played: RecordedResponse, pace: bool
    ) -> None:
        self._cassette, self._request, self._asked = cassette, request, asked
        self._recording, self._pace = played, pace

    def __iter__(self) -> Iterator[bytes]:
        for wait, piece in self._pieces():
            if wait:
                time.sleep(wait)
            yield piece
        self._end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for wait, piece in self._pieces():
            if wait:
                import anyio

                await anyio.sleep(wait)
            yield piece
        self._end()

    def _pieces(self) -> Iterator[tuple[float, bytes]]:
        """Yield `(seconds to wait first, bytes)`."""
        body, start, clock = self._recording.body, 0, 0.0
        for at, size in self._recording.chunks or ([(0.0, len(body))] if body else []):
            yield (at - clock) / 1000 if self._pace and at > clock else 0.0, body[start : start + size]
            start, clock = start + size, at

    def _end(self) -> None:
        failure = self._recording.failure
        if failure is None:
            return
        if failure.exception == ABANDONED:
            where = f"{self._cassette.path}: the recording of {self._asked.method} {self._asked.uri}"
            reason = f"ends after {len(self._recording.body)} bytes, where its reader stopped"
            raise self._cassette.miss(f"{where} {reason}")
        raise _error(_library(self._request), failure, self._request)


class _Recording:
    """A live body, passed on as it comes and kept."""

    def __init__(self, stream: Any, tape: Tape, request: Any) -> None:
        self._stream, self._tape, self._request = stream, tape, request

    def __iter__(self) -> Iterator[bytes]:
        with self._tape.running(_library(self._request), self._request):
            for raw in self._stream:
                piece = self._tape.feed(raw)
                if piece:
                    yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._tape.running(_library(self._request), self._request):
            async for raw in self._stream:
                piece = self._tape.feed(raw)
                if piece:
                    yield piece

    def fail(self, problem: Exception) -> None:
        """Whoever reads ends the call for a reason of its own: that is how the recording ends, too."""
        self._tape.fail(problem)

    def close(self) -> None:
        self._stream.close()
        self._tape.abandon()

    async def aclose(self) -> None:
        await self._stream.aclose()
        self._tape.abandon()


def _recording(request: Any, response: Any, tape: Tape) -> Any:
    headers: dict[str, list[str]] = {}
    for name, value in response.headers.multi_items():
        headers.setdefault(name.lower(), []).append(value)
    headers = tape.answered(response.status_code, response.reason_phrase, headers)
    if "replay_played" in response.extensions:
        tape.untimed()
    tape.waited(response.extensions.get("replay_waited", 0.0))
    library = _library(request)
    return library.Response(
        response.status_code,
        headers=_raw(headers),
        stream=_kind(library, _Recording)(response.stream, tape, request),
        extensions=response.extensions,
    )


def _raw(headers: dict[str, list[str]]) -> list[tuple[bytes, bytes]]:
    """Headers as bytes: as text the libraries take ASCII only, and servers send more."""
    pairs = ((name, value) for name, values in headers.items() for value in values)
    return [(name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in pairs]


def _library(request: Any) -> Any:
    return sys.modules[type(request).__module__.partition(".")[0]]


@lru_cache
def _kind(library: Any, body: type) -> Any:
    """The stream class for one library, which insists on its own base classes."""
    return type(body.__name__, (body, library.SyncByteStream, library.AsyncByteStream), {})


def asked(request: Any, body: bytes) -> RecordedRequest:
    """Return a request of either library as it is looked up."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return RecordedRequest(request.method, str(request.url), headers, body)


def _forwarded(request: Any) -> Any:
    """The request as it is sent: not asking for compression, which would hide where chunks begin and end."""
    headers = request.headers.copy()
    headers["accept-encoding"] = "identity"
    return type(request)(
        request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
    )


def _sdk_retries(request: Any) -> int:
    """How often the SDK says it has tried before."""
    count = request.headers.get("x-stainless-retry-count", "0")
    return int(count) if count.isdecimal() else 0


def _played_headers(played: RecordedResponse) -> dict[str, list[str]]:
    headers = {name: values for name, values in played.headers.items() if name not in _OF_THE_WIRE}
    if set(headers.get("content-encoding", ())) <= _READ_BY_US:
        headers.pop("content-encoding", None)
    return headers


def _error(library: Any, failure: Failure | None, request: Any) -> Exception:
    """The recorded exception as the request's own library raises it."""
    name, message = (failure.exception, failure.message) if failure else ("ConnectError", "")
    kind = getattr(library, name, None)
    if not (isinstance(kind, type) and issubclass(kind, library.RequestError)):
        kind, message = library.NetworkError, f"{name}: {message}"
    error: Exception = kind(message, request=request)
    return error
