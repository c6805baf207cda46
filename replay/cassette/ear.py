"""What a transport answers, taken whole: as a recording, whatever it is and however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

from replay.cassette.answers import asked, library
from replay.cassette.interaction import RecordedRequest, RecordedResponse
from replay.cassette.tape import Tape
from replay.cassette.transport import taped


class Ear:
    """Takes the answer of one request; times are those that the transport tells, or measured."""

    def __init__(self, request: Any, live: RecordedRequest) -> None:
        self.answer: RecordedResponse | None = None
        self._request = request
        self._tape = Tape(self, live, 1)

    def record(self, _: RecordedRequest, response: RecordedResponse) -> None:
        """Keep what came."""
        self.answer = response

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the transport's errors as part of its answer."""
        try:
            yield
        except library(self._request).TransportError as problem:
            self._tape.fail(problem)

    def heard(self, response: Any) -> Any:
        """Return the body of a response, which is kept as it is read."""
        return taped(self._request, response, self._tape).stream


def ask(transport: Any, request: RecordedRequest) -> RecordedResponse:
    """Send a request over a transport of httpx2; return what comes, also where that is an error.

    Nothing is known of how long the one who asks would wait. Raises what is no error of the network.
    """
    import httpx2

    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    patience = {"timeout": {"read": inf}}
    sent = httpx2.Request(
        request.method, request.uri, headers=headers, content=request.body, extensions=patience
    )
    ear = Ear(sent, asked(sent, sent.read()))
    with ear.listening():
        for _ in ear.heard(transport.handle_request(sent)):
            pass
    assert ear.answer is not None  # noqa: S101 - a body has an end
    return ear.answer
