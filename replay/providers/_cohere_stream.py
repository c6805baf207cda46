"""The events of Cohere's Chat, merged into the body that the same answer would be without streaming.

https://docs.cohere.com/v2/docs/streaming
Linear in the number of events: text is kept in pieces and joined once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from replay.conversation import Json, Object
from replay.providers import Unreadable, _errors, _shape
from replay.providers._events import documents
from replay.turn import ApiError

_LISTS = {"content": "content", "tool-call": "tool_calls", "citation": "citations"}
_SAID = ("type", "id", "role", "name")  # said once; all other texts grow


class _Text(list[str]):
    """Text that is still growing."""


class _Items(dict[int, Object]):
    """The items of a list, by their index."""


def body_of(events: Iterable[Mapping[str, str]]) -> tuple[Object, ApiError | None]:
    """Return the body so far, and what ended the stream before its end."""
    body: Object = {}
    error = None
    try:
        for _, event in documents(events):
            if error := _add(body, event):
                break
    except Unreadable as problem:
        error = problem.error
    except (ValueError, RecursionError) as problem:
        error = ApiError("bad_response", message=f"an event cannot be read: {problem}")
    return _whole(body), error


def _add(body: Object, event: Object) -> ApiError | None:
    """Merge an event; return the error that it is. Raises ValueError."""
    kind = event.get("type")
    if not isinstance(kind, str):
        return _errors.told(event, "stream_error")
    delta = _shape.mapping(event.get("delta") or {}, "delta")
    said = _shape.mapping(delta.get("message") or {}, "delta.message")
    if kind == "message-start":
        body |= {"id": event["id"]} if "id" in event else {}
        body["message"] = {key: value for key, value in said.items() if value not in ("", [])}
    elif kind == "message-end":
        told = delta.pop("error", None)
        body |= delta
        return _errors.told({"error": told}, "stream_error") if told else None
    elif kind == "tool-plan-delta":
        _grow(body.setdefault("message", {}), "tool_plan", said.get("tool_plan"))
    else:
        _piece(body, kind, event.get("index"), said)
    return None


def _piece(body: Object, kind: str, index: Json, said: Object) -> None:
    name = _LISTS.get(kind.rpartition("-")[0])
    if name is None or kind.endswith("-end"):
        return
    if not isinstance(index, int):
        raise ValueError("index is no number")
    message = body["message"] = body.get("message") or {}
    if not isinstance(message.get(name), _Items):
        message[name] = _Items()
    items = message[name]
    pieces = said.get(name)
    for piece in pieces if isinstance(pieces, list) else [pieces]:
        _merge(items.setdefault(index, {}), _shape.mapping(piece, name))


def _merge(item: Object, piece: Object) -> None:
    for key, value in piece.items():
        if isinstance(value, dict):
            item[key] = item[key] if isinstance(item.get(key), dict) else {}
            _merge(item[key], value)
        else:
            _grow(item, key, value)


def _grow(held: Object, key: str, value: Json) -> None:
    if not isinstance(value, str) or key in _SAID:
        held[key] = value
        return
    if not isinstance(held.get(key), _Text):
        held[key] = _Text()
    held[key].append(value)


def _whole(body: Object) -> Object:
    message = body.get("message")
    if not isinstance(message, dict):
        return body
    for name in _LISTS.values():
        if isinstance(message.get(name), _Items):
            message[name] = [message[name][index] for index in sorted(message[name])]
    whole: Object = _joined(body)
    return whole


def _joined(value: Json) -> Json:
    if isinstance(value, _Text):
        return "".join(value)
    if isinstance(value, dict):
        return {key: _joined(item) for key, item in value.items()}
    return [_joined(item) for item in value] if isinstance(value, list) else value
