"""The transport that all faults of this room share, for httpx2 and httpx, sync and async alike."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from replay.cassette.answers import Transport, asked, respond
from replay.cassette.ear import Ear
from replay.cassette.interaction import RecordedRequest, RecordedResponse
from replay.cassette.match import raw_key
from replay.errors import FaultNotPlayed

if TYPE_CHECKING:
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


class FaultTransport(Transport):
    """Plays one fault around a transport."""

    def __init__(self, fault: Playable, memory: Memory, inner: Any) -> None:
        self._fault, self._memory, self._inner = fault, memory, inner

    def handle_request(self, request: Any) -> Any:
        """Answer as the fault does, or as the inner transport does."""
        attempt = self._attempt(request, request.read())
        if attempt is None:
            return self._inner.handle_request(request)
        ear = Ear(request, attempt.live)
        if attempt.asks:
            with ear.listening():
                for _ in ear.heard(self._inner.handle_request(request)):
                    pass
        wait, answered = attempt.response(ear.answer)
        if wait:
            time.sleep(wait)
        return answered()

    async def handle_async_request(self, request: Any) -> Any:
        """As `handle_request`."""
        attempt = self._attempt(request, await request.aread())
        if attempt is None:
            return await self._inner.handle_async_request(request)
        ear = Ear(request, attempt.live)
        if attempt.asks:
            with ear.listening():
                async for _ in ear.heard(await self._inner.handle_async_request(request)):
                    pass
        wait, answered = attempt.response(ear.answer)
        if wait:
            import anyio

            await anyio.sleep(wait)
        return answered()

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
    """One attempt at a call; `call` is None where it gets the answer that was spoilt before, `kept`."""

    fault: Playable
    memory: Memory
    request: Any
    live: RecordedRequest
    call: Any
    key: str
    number: int
    kept: RecordedResponse | None

    @property
    def asks(self) -> bool:
        """Whether what the fault stands around is to be asked."""
        return self.kept is None and self.fault.asks

    def response(self, heard: RecordedResponse | None) -> tuple[float, Callable[[], Any]]:
        """Return how many seconds to wait, and what then gives the response. Raises FaultNotPlayed.

        `heard` is what was asked for just now.
        """
        answer = self._answer(heard or self.kept)
        told = replace(answer.told(), attempt=self.number)
        if self.memory.around.note:
            self.memory.around.note(self.live, told, heard is not None)
        waits = [chunk.wait for chunk in answer.chunks] if self.fault.pace else []
        wait = answer.wait if self.fault.pace else 0.0
        return wait, partial(respond, self.request, told, waits, replay_told=True)

    def _answer(self, recorded: RecordedResponse | None) -> Answer:
        from replay.faults._answer import Answer

        before = Answer.of(recorded) if recorded else Answer(None)
        if self.call is None or (recorded and not recorded.whole):
            return before
        spoilt = self._spoilt(before)
        if recorded:
            self.memory.kept[self.key] = recorded
        self.memory.played += 1
        patience = (self.request.extensions.get("timeout") or {}).get("read")
        answer = spoilt.timed(patience)
        self.memory.around.endless |= patience is None and answer is not spoilt
        return answer

    def _spoilt(self, answer: Answer) -> Answer:
        try:
            return self.fault.spoil(self.call, answer)
        except FaultNotPlayed as problem:
            self.memory.around.problems.append(problem)
            raise
