"""What one live answer leaves in the recording, kept while it passes through; free of any HTTP library."""

from __future__ import annotations

import contextlib
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from replay.cassette.encoding import decoder
from replay.cassette.fold import now
from replay.cassette.interaction import Failure, RecordedRequest, RecordedResponse

ABANDONED = "Abandoned"  # the failure of a stream whose reader stopped reading

# Readers of these streams stop at the last event and not at the end of the body: that is no abandoning.
_LAST_EVENTS = (
    b"[DONE]",
    b"message_stop",
    b"response.completed",
    b"response.incomplete",
    b"response.failed",
)


class Recorder(Protocol):
    """Whoever keeps recordings."""

    def record(self, request: RecordedRequest, response: RecordedResponse) -> None:
        """Keep what a request was answered."""


class Tape:
    """Runs from the moment a request is sent; `end`, `fail` or `abandon` hands the whole to the recorder."""

    def __init__(self, recorder: Recorder, request: RecordedRequest, attempt: int) -> None:
        self._recorder, self._request, self._attempt = recorder, request, attempt
        self._sent = time.perf_counter()
        self._status: int | None = None
        self._reason = ""
        self._headers: dict[str, list[str]] = {}
        self._decode: Callable[[bytes], bytes] | None = None
        self._raw = 0
        self._pieces: list[bytes] = []
        self._chunks: list[tuple[float, int]] = []
        self._told: tuple[float, ...] | None = None
        self._done = False

    def answered(self, status: int, reason: str, headers: dict[str, list[str]]) -> dict[str, list[str]]:
        """Note the head of the answer; returns the headers to pass on, which fit the decoded body."""
        self._decode = decoder(headers)
        if self._decode:
            headers = {
                name: values
                for name, values in headers.items()
                if name not in ("content-encoding", "content-length")
            }
        self._status, self._reason, self._headers = status, reason, headers
        return headers

    def told(self, times: tuple[float, ...]) -> None:
        """Keep these times, if any: what answers does not do so when it is asked."""
        self._told = times

    def waited(self, seconds: float) -> None:
        """Leave out the time that passed before the request was sent."""
        self._sent += seconds

    def feed(self, raw: bytes) -> bytes:
        """Take the next bytes off the wire; returns them decoded. Raises zlib.error."""
        self._raw += len(raw)
        piece = self._decode(raw) if self._decode else raw
        if piece:
            self._pieces.append(piece)
            self._chunks.append((round((time.perf_counter() - self._sent) * 1000, 2), len(piece)))
        return piece

    @contextlib.contextmanager
    def running(self, library: Any, request: Any) -> Iterator[None]:
        """Watch over a body being read: its end, or the error of `library` that ends it, is kept."""
        try:
            yield
        except library.TransportError as problem:
            self.fail(problem)
            raise
        except zlib.error as problem:
            error = library.DecodingError(str(problem), request=request)
            self.fail(error)
            raise error from problem
        self.end()

    def end(self) -> None:
        """The body is whole."""
        self._keep(None)

    def fail(self, problem: Exception) -> None:
        """The transport gave up, before the answer or within it."""
        self._keep(Failure(type(problem).__name__, str(problem)))

    def abandon(self) -> None:
        """The reader closed the answer; when it had not come to its end, that is part of the recording."""
        self._keep(None if self._has_come_to_its_end() else Failure(ABANDONED, "the reader stopped here"))

    def _has_come_to_its_end(self) -> bool:
        if self._headers.get("content-length") == [str(self._raw)]:
            return True
        last = b"".join(self._pieces[-4:]).rstrip().replace(b"\r\n", b"\n").rpartition(b"\n\n")[2]
        return any(mark in last for mark in _LAST_EVENTS)

    def _keep(self, failure: Failure | None) -> None:
        if self._done:
            return
        self._done = True
        response = RecordedResponse(
            self._status,
            self._reason,
            self._headers,
            b"".join(self._pieces),
            self._timed(),
            failure,
            self._attempt,
            {"recorded_at": now()},
        )
        self._recorder.record(self._request, response)

    def _timed(self) -> tuple[tuple[float, int], ...]:
        if self._told is None:
            return tuple(self._chunks)
        sizes = [size for _, size in self._chunks]
        return tuple(zip(self._told, sizes, strict=False)) if len(self._told) >= len(sizes) else ()
