"""How each wire says that a filter stopped the reply."""

from __future__ import annotations

from replay.conversation import Json, Object

_REASONS = {
    "finish_reason": "content_filter",
    "stop_reason": "refusal",
    "finishReason": "SAFETY",
    "stopReason": "content_filtered",
}
_IN_CAPITALS = "ERROR_TOXIC"  # Cohere's finish_reason
# Responses says it by the statuses of the response and its messages, and by the name of its last event.
_COMPLETED, _INCOMPLETE = "response.completed", "response.incomplete"


def filtered(value: Json) -> Json:
    """Return the same JSON with the reason to stop that a filter gives, wherever there is a reason."""
    if isinstance(value, list):
        return [filtered(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept: Object = {name: filtered(item) for name, item in value.items()}
    return kept | {name: _reason(name, kept[name]) for name in _REASONS if kept.get(name)} | _ended(kept)


def renamed(chunk: bytes) -> bytes:
    """Return a chunk whose event has the name of the end that its JSON tells."""
    old, new = (f"event: {name}\n".encode() for name in (_COMPLETED, _INCOMPLETE))
    return chunk.replace(old, new, 1) if chunk.startswith(old) else chunk


def _reason(name: str, before: Json) -> str:
    capitals = name == "finish_reason" and isinstance(before, str) and before.isupper()
    return _IN_CAPITALS if capitals else _REASONS[name]


def _ended(document: Object) -> Object:
    if document.get("type") == _COMPLETED:
        return {"type": _INCOMPLETE}
    if document.get("status") != "completed":
        return {}
    if document.get("object") == "response":
        return {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}
    return {"status": "incomplete"} if document.get("type") == "message" else {}
