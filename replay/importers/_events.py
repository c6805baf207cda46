"""Events of streamed answers that were logged without their framing, one by one.

Chunks of Chat Completions and of legacy completions, and the typed events of Anthropic's Messages and of
OpenAI's Responses.
"""

from __future__ import annotations

import json

from replay.conversation import Json

_MESSAGES = {
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "ping",
}


def is_event(record: Json) -> bool:
    """Tell whether a record is one event of a stream; the first and the last chunk may have no choices."""
    if not isinstance(record, dict):
        return False
    kind, choices = record.get("type"), record.get("choices")
    if isinstance(kind, str) and (kind in _MESSAGES or kind.startswith("response.")):
        return True
    first = choices[0] if isinstance(choices, list) and choices else None
    return record.get("object") == "chat.completion.chunk" or (isinstance(first, dict) and "delta" in first)


def stream_id(event: Json) -> str | None:
    """Return the id of the stream that an event belongs to, None for one that does not say."""
    for holder in (event, event.get("message"), event.get("response")) if isinstance(event, dict) else ():
        if isinstance(holder, dict) and isinstance(holder.get("id"), str):
            return str(holder["id"])
    return None


def framed(events: Json) -> str | None:
    """Return a list of events as the server-sent events they were, None for anything else."""
    if not isinstance(events, list) or not events or not all(map(is_event, events)):
        return None
    return "".join(f"{_named(event)}data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in events)


def _named(event: Json) -> str:
    kind = event.get("type") if isinstance(event, dict) else None
    return f"event: {kind}\n" if isinstance(kind, str) else ""
