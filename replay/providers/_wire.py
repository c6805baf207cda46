"""The one way to read an HTTP response: a live call, a cassette and a log line all come through here.

What counts is what the body is, not what its headers or the request say it should be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from replay.conversation import Json, Object
from replay.jsontext import parse
from replay.providers import Unreadable, _aws_frames, _errors
from replay.providers._array import items
from replay.providers._sse import BLANK, Event, events, looks_like_events
from replay.turn import NOT_JSON, ApiError, Reply, Timing

# The first piece of an answer in any of the wires' event streams: a field that carries model output. A wire
# whose events also repeat the request has a pattern of its own, by the same name.
FIRST_TOKEN = re.compile(
    rb'"(?:content|reasoning_content|reasoning|refusal|name|arguments|text|thinking|partial_json|transcript|response|data)"'
    rb'\s*:\s*"[^"]'
)
_REQUEST_IDS = ("x-request-id", "request-id", "apim-request-id", "x-amzn-requestid")


class Codec(Protocol):
    """The half of a provider that reads answers."""

    def decode(self, body: Json) -> Reply:
        """See `replay.providers.Provider`."""

    def decode_stream(self, events: Iterable[Mapping[str, str]]) -> Reply:
        """See `replay.providers.Provider`."""

    def is_end(self, event: Mapping[str, str]) -> bool:
        """See `replay.providers.Provider`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP response says: a reply, an error, or an error and the part of a reply that had arrived.

    `stream` is empty when the answer was not a stream, else `{"events": 12, "done": true}`: events before
    the one that ends it ([DONE] or the wire's own), whether that came, and, only where it happened,
    `after_done` (events that followed it), `bom`, `bad_utf8`, `cut` and, of a binary stream, `damaged` (the
    offset of the first frame whose checksum is wrong).
    """

    reply: Reply | None = None
    error: ApiError | None = None
    stream: Object = field(default_factory=dict)


def answer(
    codec: Codec,
    status: int | None,
    headers: Mapping[str, str],
    body: bytes,
    failure: ApiError | None = None,
) -> Answer:
    """Read a response. `body` is decoded (never compressed); `failure` says what ended it before its end.

    `status` None means that there was no response. Never raises for what a server sent.
    """
    if status is None:
        return Answer(error=failure or ApiError("connection", message="no response"))
    if not 200 <= status < 300:
        return Answer(error=_errors.refused(status, {k.lower(): v for k, v in headers.items()}, body))
    reply, error, stream = _read(codec, body)
    if failure is not None:
        error = error if error and error.kind == "stream_error" else failure
        stream = stream and stream | {"cut": True}
    return Answer(reply, error and replace(error, status=status), stream)


def _read(codec: Codec, body: bytes) -> tuple[Reply | None, ApiError | None, Object]:
    stream: Object = {}
    try:
        found, odd = _framed(body)
        if isinstance(found, Stream):
            stream = _state(codec, found, odd)
            return codec.decode_stream(found), _broken(odd), stream
        return codec.decode(found), None, stream
    except Unreadable as problem:
        return problem.partial, problem.error, stream


class Stream(list[Event]):
    """The events of a body that is a stream."""


def _broken(odd: Object) -> ApiError | None:
    """The error of a binary stream that does not end where a frame does, or not soundly."""
    if "damaged" in odd:
        return ApiError("bad_response", message=f"the frame at byte {odd['damaged']} has a wrong checksum")
    return ApiError("cut", message="the stream ends inside a frame") if odd.get("cut") else None


def _framed(body: bytes) -> tuple[Json | Stream, Object]:
    if _aws_frames.looks_like_frames(body):
        found, odd = _aws_frames.events(body)
        return Stream(found), odd
    if looks_like_events(body):
        found, odd = events(body)
        return Stream(found), odd
    try:
        document = parse(body)
    except ValueError as problem:
        return _lines(body, str(problem))
    if isinstance(document, list) and not _errors.is_error(document):
        return _array(body, document)
    if isinstance(document, dict) and _is_chunk(document):
        return Stream([{"event": "", "data": body.decode()}]), {}
    return document, {}


def _is_chunk(document: Object) -> bool:
    """Tell whether this is one piece of a stream of which nothing more came."""
    return document.get("object") == "chat.completion.chunk" or document.get("done") is False


def _array(body: bytes, document: Json) -> tuple[Json | Stream, Object]:
    """A stream that came as one array, if it holds objects."""
    found = items(body.decode("utf-8", "replace"))
    return (Stream(found) if found else document), {}


def _lines(body: bytes, problem: str) -> tuple[Stream, Object]:
    """Chunks kept one a line without any framing, an array that was cut; else nothing that can be read."""
    if (array := items(body.decode("utf-8", "replace"))) is not None:
        return Stream(array), {}
    first, _, rest = body.strip(BLANK).partition(b"\n")
    try:
        if isinstance(parse(first), dict) and rest:
            found, odd = events(body)
            return Stream(found), odd
    except ValueError:
        pass
    said = _errors.readable(body)
    text = said[:200] if isinstance(said, str) else "bytes that are not UTF-8"
    message = f"not JSON: {text} ({problem})" if text else "the body is empty"
    raise Unreadable(ApiError("bad_response", message=message, code=NOT_JSON))


def _state(codec: Codec, found: Stream, odd: Object) -> Object:
    done = [number for number, event in enumerate(found) if codec.is_end(event)]
    count = done[0] if done else len(found)
    # a wire may say in two ways that it ends, and gateways add [DONE] to any
    ends = ("[DONE]", *(found[number]["data"].strip() for number in done))
    later = [event for event in found[count + 1 :] if event["data"].strip() not in ends]
    return {"events": count, "done": bool(done)} | ({"after_done": len(later)} if later else {}) | odd


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the provider's name for a request, by which it finds it again."""
    return next((headers[name] for name in _REQUEST_IDS if headers.get(name)), None)


def text(body: bytes) -> str:
    """Return a body as a person reads it."""
    if _aws_frames.looks_like_frames(body):
        return _aws_frames.text(body)
    return body.decode("utf-8", "backslashreplace")


def timing(
    codec: Codec, body: bytes, times: tuple[float, ...], sizes: tuple[int, ...], *, streamed: bool
) -> Timing:
    """Return when the first token, each chunk and the end came; `times` in ms, empty when not known.

    The first token is the first chunk in which model output begins; what is not streamed has none.
    """
    if not times:
        return Timing()
    if not streamed:
        return Timing(total_ms=times[-1])
    token, end = getattr(codec, "FIRST_TOKEN", FIRST_TOKEN).search(body), 0
    for when, size in zip(times, sizes, strict=False):
        end += size
        if token and end >= token.end():
            return Timing(when, times[-1], times)
    return Timing(None, times[-1], times)
