"""A reply of Chat Completions as a stream of chunks.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from collections.abc import Iterator

from replay.conversation import Json, Object
from replay.providers import Place
from replay.providers._chat import encode_reply
from replay.providers._streamed import event, pieces
from replay.turn import Reply


def encode_stream(reply: Reply, _: Place) -> Iterator[bytes]:
    """Yield the events of a stream that says this: what `decode_stream` reads."""
    body = encode_reply(reply)
    choices, usage = body.pop("choices"), body.pop("usage", None)
    head = body | {"object": "chat.completion.chunk"}
    for choice in choices:
        yield from (event(head | {"choices": [part]}) for part in _parts(choice))
    if usage is not None:
        yield event(head | {"choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _parts(choice: Object) -> Iterator[Object]:
    rest = {key: value for key, value in choice.items() if key not in ("message", "finish_reason")}
    for delta in _deltas(choice["message"]):
        yield {"index": choice["index"], "delta": delta, "finish_reason": None}
    yield rest | {"delta": {}, "finish_reason": choice["finish_reason"]}


def _deltas(message: Object) -> Iterator[Object]:
    yield {"role": message["role"], "content": "" if isinstance(message.get("content"), str) else None}
    for name, value in message.items():
        if name == "tool_calls":
            for index, call in enumerate(value):
                yield from ({"tool_calls": [{"index": index} | part]} for part in _call(call))
        elif name != "role":
            yield from ({name: part} for part in _values(value))


def _values(value: Json) -> list[Json]:
    if isinstance(value, str):
        return list(pieces(value)) or [""]
    return [] if value is None else [value]


def _call(call: Object) -> Iterator[Object]:
    """A call's name first, then what the model writes, piece by piece."""
    kind = "custom" if "custom" in call else "function"
    written = "input" if kind == "custom" else "arguments"
    text = call[kind][written]
    yield call | {kind: call[kind] | {written: ""}}
    yield from ({kind: {written: piece}} for piece in pieces(text))
