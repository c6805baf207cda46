"""The mailbox: an actor in which workers and the driver leave word. The gate itself stays at the driver.

A worker asks before each call and waits; the driver, which reads the mail, lets the call pass the one gate of
the run and answers. So a limit or a budget holds for the whole cluster, and is the same object before, while
and after the cluster plays. What a worker records comes the same way, at once.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Any

import ray

from replay.cassette.interaction import Interaction
from replay.errors import ProviderFailure
from replay.limits import Gate
from replay.turn import ApiError, Request, Target, Turn

Call = tuple[str, int]  # the worker's name, and the number of its call
Heard = Callable[[str, str, Interaction], None]  # a worker's name, the case's id, what was recorded

GONE = "the worker that asked is taken for dead"
_PATIENCE = 5.0  # seconds after which the mail is sent though it is empty
_DIED = Turn(Request("", ()), error=ApiError("cut", message=GONE))  # the call may have been paid for
MOST = 100_000  # words that may be waited for at once


class Mailbox:
    """Takes and gives word, in the order in which it comes."""

    def __init__(self) -> None:
        self._mail: list[tuple[Any, ...]] = []
        self._news = asyncio.Event()
        self._asking: dict[Call, asyncio.Future[str]] = {}

    async def tell(self, *word: Any) -> None:
        """Leave a word for the driver."""
        self._mail.append(word)
        self._news.set()

    async def ask(self, call: Call, *asked: Any) -> str:
        """Ask the driver to let a call pass; returns why it never may, the empty string where it may."""
        self._asking[call] = asyncio.get_running_loop().create_future()
        await self.tell("ask", call, *asked)
        return await self._asking[call]

    async def answer(self, call: Call, refusal: str) -> None:
        """Answer a call that asks."""
        asking = self._asking.pop(call, None)
        if asking is not None and not asking.done():
            asking.set_result(refusal)

    async def mail(self) -> list[tuple[Any, ...]]:
        """Return what has been left since, once there is something."""
        try:
            await asyncio.wait_for(self._news.wait(), _PATIENCE)
        except TimeoutError:
            return []
        mail, self._mail = self._mail, []
        self._news.clear()
        return mail


class FarGate:
    """The gate as a worker sees it."""

    def __init__(self, box: Any, worker: str) -> None:
        self._box, self._worker = box, worker
        self._numbers = itertools.count()

    @contextmanager
    def admit(self, target: Target, request: Request, priority: int = 0) -> Iterator[_Pass]:
        """Wait until it may be sent. Raises ProviderFailure where it never may."""
        call = (self._worker, next(self._numbers))
        refusal = ray.get(self._box.ask.remote(call, target, request, priority))
        if refusal:
            raise ProviderFailure(refusal)
        ticket = _Pass()
        try:
            yield ticket
        finally:
            self._box.tell.remote("left", call, ticket.turn)


@dataclass
class _Pass:
    """The permission to send one request, once."""

    turn: Turn | None = None

    def settle(self, turn: Turn) -> None:
        """Say what came of it."""
        self.turn = replace(turn, raw=None)


class Post:
    """The driver's end: reads the mail in a thread of its own and acts on it.

    A call that is let through holds its place at the gate in a thread, until its worker has left or is gone.
    """

    def __init__(self, box: Any, gate: Gate, heard: Heard) -> None:
        self._box, self._gate, self._heard = box, gate, heard
        self._inside: dict[Call, SimpleQueue[Turn | None]] = {}
        self._gone: set[str] = set()
        self._lock = threading.Lock()
        self._marks: dict[int, threading.Event] = {}
        self._numbers = itertools.count()
        self._lost: Exception | None = None
        self._closed = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def flush(self) -> None:
        """Return when all that was told before has been acted on. Raises RayError where the mail is lost."""
        mark, seen = next(self._numbers), threading.Event()
        self._marks[mark] = seen
        ray.get(self._box.tell.remote("mark", mark))
        if self._lost is None:
            seen.wait()
        if self._lost is not None:
            raise self._lost

    def gone(self, worker: str) -> None:
        """Take a worker for dead: its places at the gate are free, and it gets no new ones."""
        with self._lock:
            self._gone.add(worker)
            left = [place for call, place in self._inside.items() if call[0] == worker]
        for place in left:
            place.put(_DIED)

    def close(self) -> None:
        """Act on what was told before, and read no more. Raises RayError where the mail is lost."""
        self._closed = True
        try:
            self.flush()
            self._reader.join()
        finally:
            self._box = None

    def _read(self) -> None:
        try:
            while not self._closed:
                for what, *word in ray.get(self._box.mail.remote()):
                    getattr(self, f"_on_{what}")(*word)
        except Exception as problem:  # noqa: BLE001 - the mail is lost: whoever waits for it is told
            self._lost = problem
            for seen in list(self._marks.values()):
                seen.set()

    def _on_mark(self, mark: int) -> None:
        self._marks.pop(mark).set()

    def _on_heard(self, worker: str, case: str, what: Interaction) -> None:
        self._heard(worker, case, what)

    def _on_ask(self, *asked: Any) -> None:
        threading.Thread(target=self._let, args=asked, daemon=True).start()

    def _on_left(self, call: Call, turn: Turn | None) -> None:
        with self._lock:
            place = self._inside.get(call)
        if place is not None:
            place.put(turn)

    def _let(self, call: Call, target: Target, request: Request, priority: int) -> None:
        """Hold one call's place at the gate."""
        try:
            with self._gate.admit(target, request, priority) as ticket:
                turn = self._held(call)
                if turn is not None:
                    ticket.settle(turn)
        except Exception as problem:  # noqa: BLE001 - whatever the gate says, nobody is to wait for ever
            self._answer(call, str(problem))

    def _held(self, call: Call) -> Turn | None:
        """Tell a worker to go on, and return what came of its call; None where no call was made."""
        place: SimpleQueue[Turn | None] = SimpleQueue()
        with self._lock:
            if call[0] in self._gone:
                self._answer(call, GONE)
                return None
            self._inside[call] = place
        self._answer(call, "")
        turn = place.get()
        with self._lock:
            del self._inside[call]
        return turn

    def _answer(self, call: Call, refusal: str) -> None:
        box = self._box
        if box is not None:  # when closed, nobody waits any more
            box.answer.remote(call, refusal)
