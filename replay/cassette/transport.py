"""The HTTP seam: one transport for httpx2 and httpx, sync and async, that plays and records.

The two libraries, and their two colours, differ in who awaits; what is decided and kept is the same and lives
in `replay.cassette.tape`. Answers are built from the library that the request came from.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from replay.cassette import answers
from replay.cassette.answers import asked, library
from replay.cassette.interaction import RecordedRequest, RecordedResponse
from replay.cassette.tape import ABANDONED, Recorder, Tape
from replay.errors import CassetteMiss


class Seam(Recorder, Protocol):
    """What a transport asks of a cassette."""

    path: Path

    def play(self, request: RecordedRequest) -> RecordedResponse | None:
        """Answer from the recording; None when the request has to be sent. Raises CassetteMiss."""

    def miss(self, message: str) -> CassetteMiss:
        """Note a miss, and return it to be raised."""


class CassetteTransport(answers.Transport):
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
        except library(request).TransportError as problem:
            tape.fail(problem)
            raise
        return taped(request, response, tape)

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
        except library(request).TransportError as problem:
            tape.fail(problem)
            raise
        return taped(request, response, tape)

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

    def _sender(self, request: Any, kind: str) -> Any:
        if self._inner is not None:
            return self._inner
        name = f"{library(request).__name__}.{kind}"
        if name not in self._opened:
            self._opened[name] = getattr(library(request), kind)()
        return self._opened[name]

    def _tape(self, request: Any, asked: RecordedRequest) -> Tape:
        attempt = self._attempt or _sdk_retries(request) + 1
        return Tape(self.cassette, asked, attempt)

    def _played(self, request: Any, live: RecordedRequest, played: RecordedResponse) -> Any:
        waits = _gaps(played) if self._pace else ()
        abandoned = played.failure is not None and played.failure.exception == ABANDONED
        return answers.respond(
            request, played, waits, partial(self._beyond, live, played) if abandoned else None
        )

    def _beyond(self, live: RecordedRequest, played: RecordedResponse) -> CassetteMiss:
        where = f"{self.cassette.path}: the recording of {live.method} {live.uri}"
        return self.cassette.miss(f"{where} ends after {len(played.body)} bytes, where its reader stopped")


class _Recording:
    """A live body, passed on as it comes and kept."""

    def __init__(self, stream: Any, tape: Tape, request: Any) -> None:
        self._stream, self._tape, self._request = stream, tape, request

    def __iter__(self) -> Iterator[bytes]:
        with self._tape.running(library(self._request), self._request):
            for raw in self._stream:
                piece = self._tape.feed(raw)
                if piece:
                    yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._tape.running(library(self._request), self._request):
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


def taped(request: Any, response: Any, tape: Tape) -> Any:
    """Return a live response as it is passed on: what is read of it goes through the tape."""
    headers: dict[str, list[str]] = {}
    for name, value in response.headers.multi_items():
        headers.setdefault(name.lower(), []).append(value)
    headers = tape.answered(response.status_code, response.reason_phrase, headers)
    if "replay_played" in response.extensions:
        tape.told(response.extensions.get("replay_times", ()))
    tape.waited(response.extensions.get("replay_waited", 0.0))
    body = answers.stream(request, _Recording)(response.stream, tape, request)
    return answers.built(request, response.status_code, headers, body, response.extensions)


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


def _gaps(played: RecordedResponse) -> list[float]:
    """Return the seconds before each chunk, as recorded."""
    times = [at for at, _ in played.chunks]
    return [max(at - before, 0.0) / 1000 for before, at in pairwise((0.0, *times))]
