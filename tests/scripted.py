"""A scripted provider: real HTTP over loopback, byte for byte what the script says.

    with Scripted([reply({"id": ...}), stream(["data: {}\\n\\n", Wait(0.2)]), reset()]) as server:
        ... server.url ... server.requests

Each connection's request takes the next answer of the script; the last one is used for all that follow.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Wait:
    """Sleep so many seconds before what follows is sent."""

    seconds: float


class Reset:
    """Send a TCP reset here."""


class Close:
    """Close the connection here."""


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def reply(body, status=200, headers=None, content_type="application/json"):
    """A whole answer with a content-length; `body` is bytes, text, or anything for JSON."""
    if not isinstance(body, bytes | str):
        body = json.dumps(body)
    body = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Status", f"content-type: {content_type}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ["\r\n".join(lines).encode() + b"\r\n\r\n" + body]


def stream(pieces, status=200, headers=None, end=True, content_type="text/event-stream"):
    """A chunked answer: each piece (text or bytes) is one HTTP chunk, one write; Wait, Reset, Close act."""
    lines = [f"HTTP/1.1 {status} Status", f"content-type: {content_type}", "transfer-encoding: chunked"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    out = ["\r\n".join(lines).encode() + b"\r\n\r\n"]
    for piece in pieces:
        data = piece.encode() if isinstance(piece, str) else piece
        out.append(b"%x\r\n%s\r\n" % (len(data), data) if isinstance(data, bytes) else data)
    return out + ([b"0\r\n\r\n"] if end else [])


def raw(*pieces):
    """Bytes exactly as given, with Wait, Reset, Close between them."""
    return list(pieces)


def reset():
    """Answer nothing: a TCP reset."""
    return [Reset()]


class Listening:
    """A server of ours, while it is entered: `_serve` has each connection in a thread of its own."""

    def __init__(self, port=0, backlog=256):
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=backlog)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):  # wakes the thread that waits in accept: the port is free then
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()


class Scripted(Listening):
    def __init__(self, script, port=0):
        self.script = list(script)
        self.requests: list[Asked] = []
        super().__init__(port)

    def _serve(self, connection):
        try:
            with connection, connection.makefile("rb") as incoming:
                while (asked := read(incoming)) is not None:
                    with self._lock:
                        answer = self.script[min(len(self.requests), len(self.script) - 1)]
                        self.requests.append(asked)
                    if callable(answer):
                        answer = answer(asked)
                    if not _play(connection, answer):
                        return
        except OSError:
            pass


def read(incoming):
    """The next request of a connection, None where none comes."""
    line = incoming.readline()
    if not line.strip():
        return None
    method, path, _ = line.decode().split(" ", 2)
    headers = {}
    while line := incoming.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(incoming.readline(), 16):
            body += incoming.read(size)
            incoming.readline()
        incoming.readline()
    else:
        body = incoming.read(int(headers.get("content-length", 0)))
    return Asked(method, path, headers, body)


def _play(connection, answer):
    for piece in answer:
        if isinstance(piece, Wait):
            time.sleep(piece.seconds)
        elif isinstance(piece, Reset):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            return False
        elif isinstance(piece, Close):
            connection.shutdown(socket.SHUT_RDWR)
            return False
        else:
            connection.sendall(piece)
    return True
