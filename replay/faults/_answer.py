"""An answer as faults see it: chunk by chunk, with when each came and the waits that faults add."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import accumulate
from math import inf

from replay.cassette.interaction import Failure, RecordedResponse
from replay.conversation import Json
from replay.faults._chunks import document, form, saying, split
from replay.providers._refusals import Refusal

BROKEN_OFF = Failure("RemoteProtocolError", "peer closed connection without sending complete message body")
RESET = Failure("ReadError", "[Errno 104] Connection reset by peer")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that come together.

    `at` is ms since the request was sent, as recorded, None where that is not known; `wait` is how many
    seconds a fault lets pass before them, inf for ever.
    """

    data: bytes
    at: float | None = None
    wait: float = 0.0

    @property
    def document(self) -> Json:
        """The JSON object that it carries, None for none."""
        return document(self.data)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response in the chunks of its wire (see `replay.faults._chunks`), and what ends it but its end.

    `form` is how it streams, empty for one that comes whole. `status` None means that no response came.
    `wait` is how many seconds a fault lets pass before the response begins.
    """

    status: int | None
    headers: dict[str, list[str]] = field(default_factory=dict)
    chunks: tuple[Chunk, ...] = ()
    failure: Failure | None = None
    form: str = ""
    reason: str = ""
    wait: float = 0.0

    @classmethod
    def of(cls, response: RecordedResponse) -> Answer:
        """Read a recorded response: a chunk came when its last byte had come."""
        pieces, ends = split(response.body), list(accumulate(size for _, size in response.chunks))
        times = [at for at, _ in response.chunks]
        chunks = tuple(
            Chunk(data, times[min(bisect_left(ends, end), len(ends) - 1)] if ends else None)
            for data, end in zip(pieces, accumulate(map(len, pieces)), strict=True)
        )
        kind = form(response.body)
        return cls(response.status, response.headers, chunks, response.failure, kind, response.reason)

    @classmethod
    def refused(cls, refusal: Refusal, headers: dict[str, str] | None = None) -> Answer:
        """Return what a server says instead of an answer."""
        named = {"content-type": "application/json", **refusal.headers, **(headers or {})}
        body = json.dumps(refusal.body).encode()
        return cls(refusal.status, {name: [value] for name, value in named.items()}, (Chunk(body),))

    @property
    def body(self) -> bytes:
        """All bytes."""
        return b"".join(chunk.data for chunk in self.chunks)

    def told(self) -> RecordedResponse:
        """Return the response with the times that a client would have seen."""
        times, passed = [], self.wait * 1000
        for chunk in self.chunks:
            passed += chunk.wait * 1000
            times.append(round((chunk.at or 0.0) + passed, 2))
        known = passed > 0 or any(chunk.at is not None for chunk in self.chunks)
        chunks = zip(times, (len(chunk.data) for chunk in self.chunks), strict=True)
        rest = tuple(chunks) if known or len(times) > 1 else ()
        return RecordedResponse(self.status, self.reason, self.headers, self.body, rest, self.failure)

    def timed(self, patience: float | None) -> Answer:
        """Return what a client sees that waits `patience` seconds for each read, None for ever."""
        limit = inf if patience is None else patience
        if self.wait > limit or self.wait == inf:
            wait = _finite(min(self.wait, limit))
            return replace(self, status=None, chunks=(), failure=_silence(patience), wait=wait)
        for number, chunk in enumerate(self.chunks):
            if chunk.wait > limit or chunk.wait == inf:
                last = Chunk(b"", chunk.at, _finite(min(chunk.wait, limit)))
                return replace(self, chunks=(*self.chunks[:number], last), failure=_silence(patience))
        return self

    def saying(self, documents: Iterable[Json]) -> Answer:
        """Return the answer with other JSON in its chunks, one for each; None leaves a chunk as it is."""
        pairs = zip(self.chunks, documents, strict=True)
        return replace(self, chunks=tuple(_saying(*pair) for pair in pairs))

    def waiting(self, number: int, seconds: float) -> Answer:
        """Return the answer with a wait before the chunk of this number, from 0."""
        chunks = [replace(one, wait=seconds) if n == number else one for n, one in enumerate(self.chunks)]
        return replace(self, chunks=tuple(chunks))

    def where(self, stays: Callable[[Chunk], bool]) -> Answer:
        """Return the answer with the chunks that stay."""
        return replace(self, chunks=tuple(filter(stays, self.chunks)))


def _saying(chunk: Chunk, new: Json) -> Chunk:
    same = new is None or new == chunk.document
    return chunk if same else replace(chunk, data=saying(chunk.data, new))


def _finite(seconds: float) -> float:
    return 0.0 if seconds == inf else seconds


def _silence(patience: float | None) -> Failure:
    if patience is None:
        return Failure("ReadTimeout", "nothing came, and the client would have waited for ever")
    told = "within the read timeout" if patience == inf else f"for {patience:g} s"
    return Failure("ReadTimeout", f"nothing came {told}")
