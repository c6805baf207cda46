"""A reply of Gemini as a stream of chunks.

https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from replay.conversation import Object
from replay.providers import Place
from replay.providers._gemini_reply import write
from replay.providers._streamed import event, pieces
from replay.turn import Reply


def encode_stream(reply: Reply, asked: Place) -> Iterator[bytes]:
    """Yield the events of a stream that says this; one array, unless events were asked for (`alt=sse`)."""
    chunks = _chunks(write(reply))
    if asked.settings.get("alt") != "json":
        yield from map(event, chunks)
        return
    for number, chunk in enumerate(chunks):
        yield (b",\r\n" if number else b"[") + json.dumps(chunk).encode()
    yield b"]"


def _chunks(body: Object) -> Iterator[Object]:
    """Each part of the first candidate, texts piece by piece; then all else, with what the others say."""
    head = {key: body[key] for key in ("modelVersion", "responseId") if key in body}
    first, *others = body["candidates"]
    for part in first["content"].get("parts") or ():
        for piece in _pieces(part):
            said = {"content": {"role": "model", "parts": [piece]}, "index": first.get("index", 0)}
            yield head | {"candidates": [said]}
    said = first["content"] | ({"parts": [{"text": ""}]} if first["content"].get("parts") else {})
    yield body | {"candidates": [first | {"content": said}, *others]}


def _pieces(part: Object) -> list[Object]:
    if not part.keys() <= {"text", "thought"}:  # a signature belongs to a whole part
        return [part]
    return [part | {"text": piece} for piece in pieces(part["text"])]
