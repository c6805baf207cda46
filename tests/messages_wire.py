"""Bodies of the Messages wire, and one real call over loopback, for the tests of its provider."""

import json

import httpx2
from scripted import Scripted

from replay.conversation import Message
from replay.providers import anthropic
from replay.turn import Request, Target

MODEL = "claude-sonnet-5"
ASKED = Request(MODEL, (Message("user", "Where is my refund?"),), params={"max_completion_tokens": 100})
WAITS = 5.0  # seconds that a call may take here
COUNTS = {
    "input_tokens": 9,
    "cache_creation_input_tokens": 100,
    "cache_read_input_tokens": 50,
    "output_tokens": 4,
}
THINKING = {"type": "thinking", "thinking": "It is late.", "signature": "EqQBCkYIARgCIkDs"}
USE = {"type": "tool_use", "id": "toolu_01", "name": "lookup_order", "input": {"order_id": "A-1001"}}
TEXT = {"type": "text", "text": "On its way."}


def message(*content, stop_reason="end_turn", **more):
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": list(content or [TEXT]),
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": COUNTS,
    } | more


def started(**more):
    begun = message(stop_reason=None) | {"content": [], "usage": COUNTS | {"output_tokens": 1}} | more
    return {"type": "message_start", "message": begun}


def block(index, begun, *deltas):
    yield {"type": "content_block_start", "index": index, "content_block": begun}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def text(index, *pieces):
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": p} for p in pieces))


def use(index, *pieces, **more):
    begun = USE | {"input": {}} | more
    return block(index, begun, *({"type": "input_json_delta", "partial_json": p} for p in pieces))


def ended(stop_reason="end_turn", **more):
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason, "stop_sequence": None},
        "usage": {"output_tokens": 4},
    } | more
    yield {"type": "message_stop"}


def hello():
    return [started(), *text(0, "On ", "its way."), {"type": "ping"}, *ended()]


def sse(documents):
    return [
        f"event: {document['type']}\ndata: {json.dumps(document, ensure_ascii=False)}\n\n"
        for document in documents
    ]


def events(documents):
    return [{"event": document["type"], "data": json.dumps(document)} for document in documents]


def send(script, request=ASKED, **settings):
    """One call of the provider to a server that answers with `script`, over real sockets."""
    with Scripted([script]) as server, httpx2.HTTPTransport(verify=False) as transport:
        settings = {"base_url": server.url, "timeout": WAITS} | settings
        return anthropic.send(request, Target("loopback", "anthropic", request.model, settings), transport)
