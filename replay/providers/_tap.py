"""A transport around the given one that keeps what passed, also when the SDK raises in mid-body."""

from __future__ import annotations

import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, cast

import httpx2

_MOST_INFLATED = 64 * 2**20  # bytes that a compressed body may grow to; more is a bomb


class Tap(httpx2.BaseTransport):
    """Keeps the response of one call and ends the call when its `seconds` are over.

    The SDK's own timeout is for each read, so that a trickle never ends. `body` is what had arrived,
    decompressed.
    """

    def __init__(self, transport: Any, seconds: float) -> None:
        self._transport, self._seconds = transport, seconds
        self._started = time.monotonic()
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.chunks: list[bytes] = []
        self.ended = False
        self._times: list[float] = []
        self._recorded: tuple[float, ...] | None = None
        self._told = False  # whether the recorded times are to count as if they had passed

    @property
    def body(self) -> bytes:
        """The bytes that have arrived."""
        return b"".join(self.chunks)

    @property
    def times(self) -> tuple[float, ...]:
        """Milliseconds from the start to each chunk: measured, or as recorded; empty when not known."""
        return tuple(self._times) if self._recorded is None else self._recorded

    def left(self) -> float:
        """Seconds until the deadline."""
        return self._started + self._seconds - time.monotonic() - self._passed()

    def _passed(self) -> float:
        """Seconds that passed only in what a fault tells, before the chunks that came."""
        times = (self._told and self._recorded) or ()
        came = min(len(self.chunks), len(times))
        return times[came - 1] / 1000 if came else 0.0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass the request on, once, and the response back chunk by chunk."""
        self._started = time.monotonic()
        response = self._transport.handle_request(request)
        self._started += response.extensions.get("replay_waited", 0.0)  # before it was sent
        self.status = response.status_code
        self.headers = {key.lower(): value for key, value in response.headers.items()}
        if {"replay_played", "replay_times"} & response.extensions.keys():
            self._recorded = tuple(response.extensions.get("replay_times") or ())
        self._told = bool(response.extensions.get("replay_told"))
        headers = [
            (key, value)  # as bytes: servers send more than ASCII
            for key, value in response.headers.raw
            if key.lower() not in (b"content-encoding", b"content-length")
        ]
        return httpx2.Response(
            response.status_code,
            headers=headers,
            stream=_Passing(self, response, request),
            extensions=response.extensions,
        )

    def saw(self, chunk: bytes) -> None:
        """Keep a chunk."""
        self.chunks.append(chunk)
        self._times.append((time.monotonic() - self._started) * 1000)


class _Passing(httpx2.SyncByteStream):
    def __init__(self, tap: Tap, response: httpx2.Response, request: httpx2.Request) -> None:
        self._tap, self._response, self._request = tap, response, request

    def __iter__(self) -> Iterator[bytes]:
        inflate = _Inflate(self._response.headers.get("content-encoding", ""))
        alarm = _alarm(self._response, self._tap.left(), self._late)
        try:
            for raw in cast(Iterable[bytes], self._response.stream):
                self._check()
                if chunk := inflate(raw):
                    self._tap.saw(chunk)
                    yield chunk
            self._check()
            self._tap.ended = True
        except httpx2.TransportError:
            self._check()
            raise
        finally:
            if alarm:
                alarm.cancel()

    def _check(self) -> None:
        if self._tap.left() <= 0:
            raise self._late()

    def _late(self) -> httpx2.ReadTimeout:
        """The error of a call that took too long; what records the answer is told."""
        message = "the call took longer than its timeout in all"
        problem = httpx2.ReadTimeout(message, request=self._request)
        if fail := getattr(self._response.stream, "fail", None):
            fail(problem)
        return problem

    def close(self) -> None:
        self._response.close()


def _alarm(response: httpx2.Response, seconds: float, late: Callable[[], object]) -> threading.Timer | None:
    """Call `late` and shut the socket when the time is over: a read that waits in it ends only then.

    None for an answer that does not come from a socket, or from one that other calls share (HTTP/2).
    """
    stream = response.extensions.get("network_stream")
    if stream is None or response.extensions.get("http_version") != b"HTTP/1.1":
        return None
    alarm = threading.Timer(max(seconds, 0), _shut, [stream.get_extra_info("socket"), late])
    alarm.daemon = True
    alarm.start()
    return alarm


def _shut(connection: socket.socket, late: Callable[[], object]) -> None:
    late()
    with suppress(OSError):  # closed meanwhile
        connection.shutdown(socket.SHUT_RDWR)


class _Inflate:
    """Undoes gzip and deflate, as the first byte tells: many recordings say gzip and hold plain text."""

    def __init__(self, encoding: str) -> None:
        self._magic = {"gzip": b"\x1f", "x-gzip": b"\x1f", "deflate": b"\x78"}.get(encoding.strip().lower())
        self._inflate: Any = None
        self._begun, self._size = False, 0

    def __call__(self, raw: bytes) -> bytes:
        if raw and not self._begun:
            self._begun = True
            self._inflate = zlib.decompressobj(47) if raw[:1] == self._magic else None
        if self._inflate is None:
            return raw
        try:
            chunk: bytes = self._inflate.decompress(raw, _MOST_INFLATED + 1 - self._size)
        except zlib.error as problem:
            raise httpx2.DecodingError(str(problem)) from problem
        self._size += len(chunk)
        if self._size > _MOST_INFLATED:
            raise httpx2.DecodingError(f"a compressed body grew beyond {_MOST_INFLATED} bytes")
        return chunk
