"""A message as a stream of events.

https://docs.claude.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from replay.conversation import Object
from replay.providers import Place
from replay.providers._anthropic_reply import encode_reply
from replay.providers._streamed import event, pieces
from replay.turn import Reply

_NO_USAGE = {"input_tokens": 0, "output_tokens": 0}  # the SDKs add up counts, and want some to begin with
_GROWING = {"text": ("text", "text_delta"), "thinking": ("thinking", "thinking_delta")}


def encode_stream(reply: Reply, _: Place) -> Iterator[bytes]:
    """Yield the events of a stream that says this: what `decode_stream` reads."""
    for document in _documents(encode_whole(reply)):
        yield event(document, document["type"])


def encode_whole(reply: Reply) -> Object:
    """Return the body of a response as a server sends it, whatever wire said this first."""
    body = encode_reply(reply)
    return body | {"usage": _NO_USAGE | (body.get("usage") or {})}


def _documents(body: Object) -> Iterator[Object]:
    usage = body["usage"]
    end = {"stop_reason": body["stop_reason"], "stop_sequence": body["stop_sequence"]}
    begun = body | {"content": [], "usage": usage | {"output_tokens": 0}} | dict.fromkeys(end)
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(body["content"]):
        start, deltas = _grown(block)
        yield {"type": "content_block_start", "index": index, "content_block": start}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": end, "usage": {"output_tokens": usage["output_tokens"]}}
    yield {"type": "message_stop"}


def _grown(block: Object) -> tuple[Object, list[Object]]:
    """A block as it begins, and the deltas that make it whole."""
    kind = block["type"]
    if kind == "tool_use":
        spelled = pieces(json.dumps(block["input"], ensure_ascii=False, separators=(",", ":")))
        return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in spelled]
    if kind not in _GROWING:
        return block, []
    name, delta = _GROWING[kind]
    deltas: list[Object] = [{"type": delta, name: part} for part in pieces(block[name])]
    start = block | {name: ""}
    if kind == "thinking":
        deltas.append({"type": "signature_delta", "signature": block.get("signature", "")})
        start["signature"] = ""
    cited = start.pop("citations", None) or ()
    return start, [*deltas, *({"type": "citations_delta", "citation": citation} for citation in cited)]
