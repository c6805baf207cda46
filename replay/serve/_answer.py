"""One answer on its way: made in a thread of its own, for transports wait, and sent by the event loop.

What a transport raises is done to the client's connection: an error of reading or writing resets it, one of
the protocol closes it early, and a timeout is silence until the client has had enough.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

import httpx2

from replay.serve._journal import Call, Journal
from replay.serve._refusal import Refusal

_RESETS = (httpx2.NetworkError, httpx2.ProxyError)
_GONE = object()
_END = object()
_NO_LINGER = struct.pack("ii", 1, 0)
# With a length a client would be done before the end is sent, and with it what is recorded is kept.
_OF_THE_WIRE = (b"transfer-encoding", b"connection", b"keep-alive", b"content-length")


class Answer:
    """An ASGI application for one request; `make` answers it.

    What came of it is in the journal before the last of it is sent: a client may look there at once.
    With `whole` an answer is read to its end even when the client does not wait for it: what is recorded must
    not depend on when a client was seen to leave.
    """

    def __init__(
        self, call: Call, journal: Journal, make: Callable[[], httpx2.Response], *, whole: bool
    ) -> None:
        self._call, self._journal, self._make, self._whole = call, journal, make, whole
        self._left = threading.Event()
        self._events: asyncio.Queue[Any] = asyncio.Queue()
        self._begun = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send the answer."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._work, args=(loop,), name="replay answer", daemon=True).start()
        watch = asyncio.create_task(self._watch(receive))
        try:
            await self._pass_on(scope, send)
        finally:
            self._left.set()
            watch.cancel()

    async def _pass_on(self, scope: Any, send: Any) -> None:
        while (event := await self._events.get()) is not _GONE:
            if event is _END:
                self._journal.end(self._call, "whole")
                await send({"type": "http.response.body", "body": b""})
                return
            if isinstance(event, BaseException):
                await self._fail(event, scope, send)
                return
            if not self._begun:
                self._begun = True
                await send({"type": "http.response.start", "status": event[0], "headers": event[1]})
            else:
                await send({"type": "http.response.body", "body": event, "more_body": True})

    async def _watch(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._events.put_nowait(_GONE)

    async def _fail(self, problem: BaseException, scope: Any, send: Any) -> None:
        if not isinstance(problem, httpx2.TransportError) and not self._begun:
            await Refusal.of(problem, self._call).send(self._journal, send)
            return
        self._call.message = self._call.message or f"{type(problem).__name__}: {problem}"
        if isinstance(problem, httpx2.TimeoutException):
            self._journal.end(self._call, "silent")
        else:
            reset = isinstance(problem, _RESETS)
            self._journal.end(self._call, "reset" if reset else "cut")
            await _hang_up(scope["state"]["transport"], reset=reset)
        while await self._events.get() is not _GONE:
            pass

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        def tell(event: Any) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._events.put_nowait, event)

        try:
            response = self._make()
            self._call.status = response.status_code
            tell((response.status_code, _headers(response, self._call)))
            try:
                for piece in response.stream:  # type: ignore[union-attr]
                    tell(piece)
                    if self._left.is_set() and not self._whole:
                        break
            finally:
                response.close()
            tell(_END)
        except BaseException as problem:  # noqa: BLE001 - whatever it is, the client is answered
            tell(problem)


def _headers(response: httpx2.Response, call: Call) -> list[tuple[bytes, bytes]]:
    said = {"x-replay-answer": call.answer, "x-replay-cassette": call.cassette}
    said["x-replay-interaction"] = str(call.interaction) if call.interaction else None
    ours = [(name.encode(), value.encode()) for name, value in said.items() if value]
    return [pair for pair in response.headers.raw if pair[0].lower() not in _OF_THE_WIRE] + ours


async def _hang_up(transport: Any, *, reset: bool) -> None:
    """Close a connection before the answer's end; with `reset` as a peer that crashed would."""
    if not reset:
        transport.close()
        return
    while transport.get_write_buffer_size():  # what was sent before arrives
        await asyncio.sleep(0.001)
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
