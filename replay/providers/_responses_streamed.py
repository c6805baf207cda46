"""A response as a stream of events.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from collections.abc import Iterator

from replay.conversation import Object
from replay.providers import Place
from replay.providers._responses import encode_reply
from replay.providers._streamed import event, pieces
from replay.turn import Reply

# The field of an item, or of a part of one, that grows, and the event that tells of it.
_ITEMS = {
    "function_call": ("arguments", "response.function_call_arguments"),
    "custom_tool_call": ("input", "response.custom_tool_call_input"),
}
_PARTS = {"output_text": ("text", "response.output_text"), "refusal": ("refusal", "response.refusal")}


def encode_stream(reply: Reply, _: Place) -> Iterator[bytes]:
    """Yield the events of a stream that says this: what `decode_stream` reads."""
    for number, document in enumerate(_documents(encode_whole(reply))):
        yield event(document | {"sequence_number": number}, document["type"])


def encode_whole(reply: Reply) -> Object:
    """Return the body of a response as a server sends it, whatever wire said this first."""
    body = encode_reply(reply)
    return body | {"output": [_named(_answered(item), index) for index, item in enumerate(body["output"])]}


def _answered(item: Object) -> Object:
    """A message that another wire has said, in the one form that messages of an output have."""
    if "type" in item:
        return item
    content = item["content"]
    parts: list[Object] = content
    if isinstance(content, str):
        parts = [{"type": "output_text", "text": content}]
    parts = [part | ({"annotations": []} if part["type"] == "output_text" else {}) for part in parts]
    return {"type": "message"} | item | {"content": parts}


def _documents(body: Object) -> Iterator[Object]:
    begun = {key: value for key, value in body.items() if key not in ("usage", "incomplete_details")}
    begun |= {"output": [], "status": "in_progress"}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(body["output"]):
        yield from _item(item, {"output_index": index})
    end = "incomplete" if body.get("status") == "incomplete" else "completed"
    yield {"type": f"response.{end}", "response": body}


def _named(item: Object, index: int) -> Object:
    """An item with the id by which its events name it."""
    status = {"status": "completed"} if item["type"] == "message" or item["type"] in _ITEMS else {}
    return {"id": f"item_{index}"} | status | item


def _item(item: Object, at: Object) -> Iterator[Object]:
    at = at | {"item_id": item["id"]}
    field, grows = _ITEMS.get(item["type"], ("", ""))
    parts = item["content"] if item["type"] == "message" and isinstance(item["content"], list) else []
    begun = item | ({field: ""} if field else {}) | ({"content": []} if parts else {})
    yield at | {
        "type": "response.output_item.added",
        "item": begun | ({"status": "in_progress"} if "status" in item else {}),
    }
    if field:
        yield from _text(item[field], field, grows, at)
    for index, part in enumerate(parts):
        yield from _part(part, at | {"content_index": index})
    yield at | {"type": "response.output_item.done", "item": item}


def _part(part: Object, at: Object) -> Iterator[Object]:
    field, grows = _PARTS.get(part["type"], ("", ""))
    yield at | {"type": "response.content_part.added", "part": part | ({field: ""} if field else {})}
    if field:
        yield from _text(part[field], field, grows, at)
    yield at | {"type": "response.content_part.done", "part": part}


def _text(text: str, field: str, grows: str, at: Object) -> Iterator[Object]:
    logprobs: Object = {"logprobs": []} if grows == "response.output_text" else {}
    yield from (at | {"type": f"{grows}.delta", "delta": piece} | logprobs for piece in pieces(text))
    yield at | {"type": f"{grows}.done", field: text} | logprobs
