"""A body in the chunks that its wire sends: events, lines, items of an array, binary frames.

One that is no stream is one chunk. Put together again, chunks are the body, byte for byte.
"""

from __future__ import annotations

import base64
import json
import re
from itertools import pairwise

from replay.conversation import Json, Object
from replay.jsontext import parse
from replay.providers import _array, _aws_frames
from replay.providers._sse import looks_like_events

_EVENT = re.compile(rb".*?(?:\r\n\r\n|\n\n|\r\r)(?:\r?\n)*|.+\Z", re.DOTALL)
_ARRAY = re.compile(rb"\s*\[\s*\{")
_ITEM = re.compile(rb'\{\s*"(?:candidates|usageMetadata|promptFeedback|error)"\s*:')
_OPENING = re.compile(rb"\s*[\[,](?=\s*\{)")
_LINES = re.compile(rb"\s*\{[^\n]*\}\r?\n\s*\{")
_DOCUMENT = re.compile(rb"\{.*\}", re.DOTALL)


def form(body: bytes) -> str:
    """Return how a body streams: `frames`, `events`, `array`, `lines`; empty for one that does not."""
    if _aws_frames.looks_like_frames(body):
        return "frames"
    if looks_like_events(body):
        return "events"
    if _ARRAY.match(body) and _ITEM.search(body):
        return "array"
    return "lines" if _LINES.match(body) else ""


def split(body: bytes) -> list[bytes]:
    """Return the chunks of a body, none of an empty one."""
    kind = form(body)
    if kind == "frames":
        return _frames(body)
    if kind == "events":
        return _EVENT.findall(body)
    if kind == "array":
        return _items(body)
    return body.splitlines(keepends=True) if kind == "lines" else [body] if body else []


def document(chunk: bytes) -> Json:
    """Return the JSON object that a chunk carries, None where it carries none."""
    text = chunk
    if _aws_frames.looks_like_frames(chunk):
        payload = _aws_frames.frames(chunk)[0][0].payload
        text = _aws_frames.inside(payload) or payload
    found = _DOCUMENT.search(text)
    try:
        return parse(found[0]) if found else None
    except ValueError:
        return None


def saying(chunk: bytes, new: Json) -> bytes:
    """Return the same chunk with another JSON object."""
    text = json.dumps(new, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    if _aws_frames.looks_like_frames(chunk):
        frame = _aws_frames.frames(chunk)[0][0]
        packed = _aws_frames.inside(frame.payload) is not None
        held = json.dumps({"bytes": base64.b64encode(text).decode()}).encode() if packed else text
        return _aws_frames.written(frame._replace(payload=held))
    return _DOCUMENT.sub(lambda _: text, chunk, count=1)


def placed(chunk: bytes, *, first: bool) -> bytes:
    """Return a chunk as it has to be to stand in another place: an array opens with its first item."""
    return _OPENING.sub(b"[" if first else b",", chunk, count=1) if _OPENING.match(chunk) else chunk


def event(kind: str, told: Object) -> bytes:
    """Return the chunk that ends such a stream: `told` is `{"event", "data", "error"}`, data being JSON."""
    data = json.dumps(told["data"])
    if kind == "frames":
        return _aws_frames.framed([{"event": "", **told, "data": data}])
    if kind == "events":
        named = f"event: {told['event']}\n" if told.get("event") else ""
        return f"{named}data: {data}\n\n".encode()
    return f",{data}]".encode() if kind == "array" else f"{data}\n".encode()


def _items(body: bytes) -> list[bytes]:
    """Return each item with what stands before it; the last one closes the array."""
    ends = [end for _, end in _array.places(body.decode("latin-1"))]
    return [body[start:end] for start, end in pairwise([0, *ends[:-1], len(body)])]


def _frames(body: bytes) -> list[bytes]:
    whole = [_aws_frames.written(frame) for frame in _aws_frames.frames(body)[0]]
    rest = body[sum(map(len, whole)) :]
    return [*whole, rest] if rest else whole
