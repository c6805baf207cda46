"""A local HTTP server that answers through a transport, faults and all: bytes, silence, resets.

What a transport raises is done to the connection: a timeout is silence until the client goes or the run
ends, a broken-off answer is closed without its end, any other error is a reset.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from replay.cassette.answers import asked
from replay.errors import SeamError

_PIECES = 0.05  # seconds between two looks at whether a silent client is still there


class Server:
    """Serves on a port of its own of this machine while a context lasts.

    `origin` gives for a path the address that its recording was made at. `requests` are what came, in order.
    `refused` are the requests without an answer.
    """

    def __init__(self, transport: Any, origin: Callable[[str], str]) -> None:
        import httpx2  # not with the first request: that one is timed by the app

        self.library = httpx2
        self.transport, self.origin = transport, origin
        self.requests: list[Any] = []
        self.refused: list[SeamError] = []
        self.over = threading.Event()
        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._listener.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._listener.server_port}"

    def __enter__(self) -> Server:
        threading.Thread(target=self._listener.serve_forever, args=(_PIECES,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._listener.shutdown()
        self._listener.server_close()


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        served = server

    return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def handle_one_request(self) -> None:
        """Take a request of any method, and answer it."""
        with suppress(OSError):
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self._answer()
            return
        self.close_connection = True

    def _answer(self) -> None:
        url = self.served.origin(urlsplit(self.path).path) + self.path
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_THE_HOP}
        request = self.served.library.Request(self.command, url, headers=headers, content=self._body())
        self.served.requests.append(asked(request, request.read()))
        with self._failing(self.served.library):
            response = self.served.transport.handle_request(request)
            self._head(response)
            for piece in response.stream:
                self._send(piece)
            self.wfile.write(b"0\r\n\r\n")

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        return b"".join(self._pieces())

    def _pieces(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _head(self, response: Any) -> None:
        self.send_response(response.status_code)
        for name, value in response.headers.multi_items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def _send(self, piece: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.flush()

    @contextmanager
    def _failing(self, library: Any) -> Iterator[None]:
        try:
            yield
        except SeamError as problem:
            self.served.refused.append(problem)
            self._refuse(str(problem))
        except library.TimeoutException:
            self._silence()
        except library.RemoteProtocolError:
            self.close_connection = True
        except library.TransportError:
            self._reset()

    def _refuse(self, why: str) -> None:
        """Answer what is not recorded with an error that no SDK tries again."""
        body = json.dumps({"error": {"message": why, "type": "replay", "code": "no_recording"}}).encode()
        self.send_response(400)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _silence(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.settimeout(_PIECES)
        while not self.served.over.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue

    def _reset(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


_OF_THE_HOP = frozenset(("connection", "content-length", "host", "keep-alive", "transfer-encoding"))
