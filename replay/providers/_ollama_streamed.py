"""An answer of Ollama's as a stream: one object a line.

https://docs.ollama.com/api/streaming
"""

from __future__ import annotations

from collections.abc import Iterator

from replay.conversation import Object
from replay.providers._streamed import line, pieces

_GROWING = ("thinking", "content", "response")


def lines(body: Object) -> Iterator[bytes]:
    """Yield the lines of a stream that says the same as a whole body."""
    head = {key: body[key] for key in ("model", "created_at") if key in body} | {"done": False}
    if "message" in body:
        message = body["message"]
        for name, text in _texts(message):
            yield line(head | {"message": {"role": "assistant", "content": "", name: text}})
        yield line(body | {"message": message | {name: "" for name, _ in _texts(message)}})
        return
    for name, text in _texts(body):
        yield line(head | {"response": "", name: text})
    yield line(body | {name: "" for name, _ in _texts(body)})


def _texts(holder: Object) -> Iterator[tuple[str, str]]:
    for name in _GROWING:
        yield from ((name, piece) for piece in pieces(holder.get(name) or ""))
