"""The transport that all faults of this room share, for httpx2 and httpx, sync and async alike."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from replay.cassette.answers import asked, library, respond
from replay.cassette.interaction import RecordedRequest, RecordedResponse
from replay.cassette.match import raw_key
from replay.cassette.tape import Tape
from replay.cassette.transport import taped
from replay.errors import FaultNotPlayed
from replay.faults._answer import Answer

Note = Callable[[RecordedRequest, RecordedResponse, bool], None]


class Playable(Protocol):
    """What the transport asks of a fault."""

    @property
    def asks(self) -> bool:
        """Whether what it stands around is asked first."""

    @property
    def pace(self) -> bool:
        """Whether its waits are real."""

    def told(self, request: RecordedRequest) -> Any:
        """Return the call that a request is, None for none."""

    def hits(self, call: int, attempt: int, request: str) -> bool:
        """Tell whether an attempt is hit."""

    def spoil(self, call: Any, answer: Answer) -> Answer:
        """Return what comes instead of an answer."""


@dataclass(eq=False)
class Memory:
    """What one fault has seen of one play, over all its transports. Safe to use from several threads.

    An answer that was spoilt is kept for the next attempt: the recording holds it once.
    """

    around: Around
    name: str
    played: int = 0
    attempts: Counter[str] = field(default_factory=Counter)
    calls: dict[str, int] = field(default_factory=dict)
    kept: dict[str, RecordedResponse] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, key: str) -> tuple[int, int]:
        """Count an attempt; returns the number of its call and its own, from 1."""
        with self._lock:
            self.attempts[key] += 1
            return self.calls.setdefault(key, len(self.calls) + 1), self.attempts[key]


class Around:
    """The faults of one play: what they have played, and what they could not.

    `note` is told what a fault has made of a call: request, response, and whether the answer that it spoilt
    was asked for just now. `endless` is whether a client waited that has no timeout.
    """

    def __init__(self, note: Note | None = None) -> None:
        self.note = note
        self.problems: list[FaultNotPlayed] = []
        self.endless = False
        self._memories: list[Memory] = []

    def memory(self, name: str) -> Memory:
        """Return the memory of one more fault."""
        self._memories.append(Memory(self, name))
        return self._memories[-1]

    @property
    def idle(self) -> list[str]:
        """The faults that were never played."""
        return [memory.name for memory in self._memories if not memory.played]


class FaultTransport:
    """Plays one fault around a transport."""

    def __init__(self, fault: Playable, memory: Memory, inner: Any) -> None:
        self._fault, self._memory, self._inner = fault, memory, inner

    def handle_request(self, request: Any) -> Any:
        """Answer as the fault does, or as the inner transport does."""
        attempt = self._attempt(request, request.read())
        if attempt is None:
            return self._inner.handle_request(request)
        if attempt.asks:
            with attempt.listening():
                for _ in attempt.heard(self._inner.handle_request(request)):
                    pass
        wait, answer = attempt.played()
        if wait:
            time.sleep(wait)
        return answer()

    async def handle_async_request(self, request: Any) -> Any:
        """As `handle_request`."""
        attempt = self._attempt(request, await request.aread())
        if attempt is None:
            return await self._inner.handle_async_request(request)
        if attempt.asks:
            with attempt.listening():
                async for _ in attempt.heard(await self._inner.handle_async_request(request)):
                    pass
        wait, answer = attempt.played()
        if wait:
            import anyio

            await anyio.sleep(wait)
        return answer()

    def close(self) -> None:
        """Close the inner transport."""
        if hasattr(self._inner, "close"):
            self._inner.close()

    async def aclose(self) -> None:
        """As `close`."""
        if hasattr(self._inner, "aclose"):
            await self._inner.aclose()

    def _attempt(self, request: Any, body: bytes) -> _Attempt | None:
        """Return the attempt that the fault has a say in: it is hit, or one before it was."""
        live = asked(request, body)
        call = self._fault.told(live)
        if call is None:
            return None
        key = hashlib.sha256(repr(raw_key(live)).encode()).hexdigest()
        number, attempt = self._memory.count(key)
        hit = self._fault.hits(number, attempt, key)
        kept = self._memory.kept.get(key) if hit else self._memory.kept.pop(key, None)
        if not hit and kept is None:
            return None
        return _Attempt(self._fault, self._memory, request, live, call if hit else None, key, attempt, kept)


@dataclass
class _Attempt:
    """One attempt at a call; `call` is None where it gets the answer that was spoilt before."""

    fault: Playable
    memory: Memory
    request: Any
    live: RecordedRequest
    call: Any
    key: str
    number: int
    answer: RecordedResponse | None
    fresh: bool = False

    def __post_init__(self) -> None:
        self._tape = Tape(self, self.live, 1)

    @property
    def asks(self) -> bool:
        """Whether what the fault stands around is to be asked."""
        return self.answer is None and self.fault.asks

    def record(self, _: RecordedRequest, response: RecordedResponse) -> None:
        """Keep what came."""
        self.answer, self.fresh = response, True

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the inner transport's errors as part of its answer."""
        try:
            yield
        except library(self.request).TransportError as problem:
            self._tape.fail(problem)

    def heard(self, response: Any) -> Any:
        """Return the body of a response, which is kept as it is read."""
        return taped(self.request, response, self._tape).stream

    def played(self) -> tuple[float, Callable[[], Any]]:
        """Return how many seconds to wait, and what then gives the response. Raises FaultNotPlayed."""
        answer = self._spoilt() if self.call is not None else Answer.of(self._known())
        told = replace(answer.told(), attempt=self.number)
        if self.memory.around.note:
            self.memory.around.note(self.live, told, self.fresh)
        waits = [chunk.wait for chunk in answer.chunks] if self.fault.pace else []
        wait = answer.wait if self.fault.pace else 0.0
        return wait, lambda: respond(self.request, told, waits, replay_told=True)

    def _spoilt(self) -> Answer:
        before = Answer.of(self._known()) if self.fault.asks else Answer(None)
        if self.fault.asks and not self._known().whole:
            return before
        try:
            spoilt = self.fault.spoil(self.call, before)
        except FaultNotPlayed as problem:
            self.memory.around.problems.append(problem)
            raise
        if self.fault.asks:
            self.memory.kept[self.key] = self._known()
        self.memory.played += 1
        patience = (self.request.extensions.get("timeout") or {}).get("read")
        answer = spoilt.timed(patience)
        self.memory.around.endless |= patience is None and answer is not spoilt
        return answer

    def _known(self) -> RecordedResponse:
        assert self.answer is not None  # noqa: S101 - it was asked for
        return self.answer
