"""Our cassette in the shape that vcrpy's patches expect of theirs (vcrpy 9)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from replay.cassette.ear import ask
from replay.cassette.encoding import decoded, request_body, still_encoded
from replay.cassette.interaction import RecordedRequest, RecordedResponse
from replay.cassette.witness import Witness

_OF_THE_WIRE = ("content-length", "transfer-encoding")  # bodies are stored whole


class AsVcr:
    """What `vcr.patch` and `vcr.stubs` ask of a cassette.

    vcrpy asks whether there is an answer (sometimes twice), then for the answer; or it sends the request and
    hands in the response. Our cassette is asked once: what it said is kept with the request.
    """

    custom_patches = ()
    write_protected = False  # a request without an answer is refused by our cassette, which says more

    def __init__(
        self, witness: Witness, skip_patchers: Iterable[str], around: Callable[[Any], Any] | None = None
    ) -> None:
        self._witness = witness
        self._play = partial(_through, around(witness.transport(_Unsent()))) if around else witness.play
        self._path = str(witness.path)
        self.skip_patchers = tuple(skip_patchers)

    def can_play_response_for(self, request: Any) -> bool:
        """Tell whether the recording has an answer. Raises CassetteMiss when it has none and may not send."""
        if not hasattr(request, "replay_answer"):
            request.replay_asked, request.replay_sent = _asked(request), time.perf_counter()
            request.replay_answer = self._play(request.replay_asked)
        return request.replay_answer is not None

    def play_response(self, request: Any) -> dict[str, Any]:
        """Return the answer as vcrpy keeps responses. Raises ConnectionError for a recorded failure."""
        self.can_play_response_for(request)
        answer: RecordedResponse = request.replay_answer
        if answer.failure is not None or answer.status is None:
            failure = answer.failure
            raise ConnectionError(f"{failure.exception}: {failure.message}" if failure else "no response")
        headers = {name: list(values) for name, values in answer.headers.items() if name not in _OF_THE_WIRE}
        status = {"code": answer.status, "message": answer.reason}
        return {"status": status, "headers": headers, "body": {"string": answer.body}}

    def append(self, request: Any, response: Mapping[str, Any]) -> None:
        """Record what a request was answered."""
        if not hasattr(request, "replay_answer"):  # a redirect that the library followed by itself
            self.can_play_response_for(request)
        headers: dict[str, list[str]] = {}
        for name, values in response["headers"].items():
            headers.setdefault(name.lower(), []).extend([values] if isinstance(values, str) else values)
        body = _unpacked(response["body"].get("string") or b"", headers)
        taken = (time.perf_counter() - request.replay_sent) * 1000
        recorded = RecordedResponse(
            response["status"]["code"],
            response["status"]["message"] or "",
            headers,
            body,
            ((round(taken, 2), len(body)),) if body else (),
        )
        self._witness.record(request.replay_asked, recorded)

    def filter_request(self, request: Any) -> Any:
        """Every request is for the cassette."""
        return request

    def find_requests_with_most_matches(self, request: Any) -> list[tuple[Any, list[str], list[str]]]:
        """Return the request itself: where a redirect leads is looked up like any other request."""
        return [(request, [], [])]


class _Unsent:
    """Stands where the network would: what is not recorded vcrpy sends itself."""

    class Unsent(Exception):
        """A request that is not recorded."""

    def handle_request(self, _: Any) -> Any:
        """Send nothing."""
        raise self.Unsent


def _through(transport: Any, request: RecordedRequest) -> RecordedResponse | None:
    """Answer by a transport over the cassette; None when the request has to be sent. Raises CassetteMiss."""
    try:
        return ask(transport, request)
    except _Unsent.Unsent:
        return None


def _asked(request: Any) -> RecordedRequest:
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    body = request_body(_body(request.body, headers), headers)
    return RecordedRequest(request.method, request.uri, headers, body)


def _unpacked(body: bytes, headers: dict[str, list[str]]) -> bytes:
    """Return the body decoded; aiohttp has done that before. One that cannot be decoded keeps its header."""
    encoding = ",".join(headers.get("content-encoding", ())).lower()
    try:
        body = decoded(body, encoding)
    except ValueError:
        return body
    if not still_encoded(body, encoding):
        headers.pop("content-encoding", None)
    return body


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _body(body: Any, headers: dict[str, str]) -> bytes:
    """Return the body as bytes, however the library held it; aiohttp hands over what is yet to be encoded."""
    if body is None or isinstance(body, str | bytes | bytearray):
        return (body or "").encode() if isinstance(body, str | None) else bytes(body)
    if hasattr(body, "read"):
        return _body(body.read(), headers)
    if isinstance(body, Mapping) and headers.get("content-type", "").startswith("application/x-www-form"):
        return urlencode(body, doseq=True).encode()
    if isinstance(body, Mapping | list | tuple | int | float | bool):
        return json.dumps(body, default=str).encode()
    if isinstance(body, Iterable):
        return b"".join(_body(piece, headers) for piece in body)
    return type(body).__name__.encode()  # aiohttp's FormData, whose boundary is drawn anew each time
