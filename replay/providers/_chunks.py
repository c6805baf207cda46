"""Chat completion chunks, merged into the body that the same answer would be without streaming.

Linear in the number of chunks: text is kept in pieces and joined once.
"""

from __future__ import annotations

from typing import Any

from replay.conversation import Json, Object

# Fields of a delta that are said, not spelled out piece by piece; some servers repeat them in every chunk.
_SAID = {"id", "type", "role", "format", "object", "index", "status", "mime_type"}
# Random padding against guessing the text from packet sizes (OpenAI, Mistral).
_PADDING = {"obfuscation", "p"}


class _Text(list[str]):
    """Text that is still growing."""


class Chunks:
    """What has arrived of one streamed answer."""

    def __init__(self) -> None:
        self._top: Object = {}
        self._choices: dict[int, Object] = {}

    def add(self, chunk: Object) -> None:
        """Merge one chunk. Raises ValueError where its choices are not a list of objects."""
        from replay.providers import _shape

        for position, choice in enumerate(_shape.mappings(chunk.get("choices"), "choices")):
            index = choice.get("index")
            number = index if isinstance(index, int) else position
            _add_choice(self._choices.setdefault(number, {"index": number, "message": {}}), choice)
        for key, value in chunk.items():
            if key != "choices" and key not in _PADDING and value is not None:
                _add_field(self._top, key, value)

    def body(self) -> Object:
        """Return the body so far."""
        choices = [_finished(self._choices[number]) for number in sorted(self._choices)]
        return self._top | {"object": "chat.completion", "choices": choices}


def _add_field(top: Object, key: str, value: Json) -> None:
    """The first id, model and time of creation; of all else the last, objects merged."""
    if key in ("id", "model", "created"):
        top[key] = top.get(key) or value
    elif isinstance(value, dict) and isinstance(top.get(key), dict) and key != "usage":
        top[key] = top[key] | value
    else:
        top[key] = value


def _add_choice(choice: Object, new: Object) -> None:
    spoken = new.get("message") if new.get("delta") is None else new["delta"]
    choice["message"] = _grow(choice["message"], spoken)
    for key, value in new.items():
        # `message` and `text` beside a delta repeat it (Writer, Perplexity, Together)
        if key in ("delta", "message", "text", "index") or value is None:
            continue
        if key == "logprobs" and isinstance(value, dict):
            choice[key] = _extended(choice.get(key) or {}, value)
        elif key != "finish_reason" or value:
            choice[key] = value


def _extended(old: Object, new: Object) -> Object:
    for key, value in new.items():
        if isinstance(value, list) and isinstance(old.get(key), list):
            old[key].extend(value)
        else:
            old[key] = list(value) if isinstance(value, list) else value
    return old


def _grow(old: Any, new: Json) -> Any:
    """Return `old` with the next piece of the same value."""
    if new is None:
        return old
    if isinstance(new, str):
        return _more_text(old, new)
    if isinstance(new, dict):
        old = old if isinstance(old, dict) else {}
        for key, value in new.items():
            old[key] = _field(key, old.get(key), value)
        return old
    if isinstance(new, list):
        items = old if isinstance(old, list) and not isinstance(old, _Text) else _parts(old)
        for item in new:
            _add_item(items, item)
        return items
    return new


def _more_text(old: Any, new: str) -> Any:
    if isinstance(old, _Text):
        old.append(new)
        return old
    if isinstance(old, list):  # content that began as parts goes on as plain text (Mistral)
        if new:
            _add_item(old, {"type": "text", "text": new})
        return old
    return _Text([new])


def _parts(old: Any) -> list[Any]:
    return [{"type": "text", "text": old}] if isinstance(old, _Text) and any(old) else []


def _field(key: str, old: Any, new: Json) -> Any:
    if key == "tool_calls" and isinstance(new, list):
        calls = old if isinstance(old, list) else []
        for call in new:
            _add_call(calls, call)
        return calls
    if key in _SAID:
        return old if new in (None, "") else new
    if key == "name" and isinstance(new, str) and isinstance(old, _Text) and "".join(old) == new:
        return old
    return _grow(old, new)


def _add_call(calls: list[Any], new: Json) -> None:
    """Merge a piece of a tool call into the call it belongs to.

    By its index; where a server gives none, by its id; without either it goes on with the last one. A new id
    that brings a name is another call even under a used index (Gemini's compatible endpoint).
    """
    if not isinstance(new, dict):
        raise ValueError(f"tool_calls[{len(calls)}] is not an object")
    index, key = new.get("index"), new.get("id")
    for call in reversed(calls):
        same_place = call.get("index") == index if index is not None else not key
        same_call = not key or not call.get("id") or call["id"] == key or not _name(new)
        if (same_place and same_call) or (index is None and key and call.get("id") == key):
            _grow(call, new)
            return
    calls.append(_grow(None, new))


def _name(call: Object) -> Json:
    function = call.get("function")
    return function.get("name") if isinstance(function, dict) else None


def _add_item(items: list[Any], new: Json) -> None:
    last = items[-1] if items else None
    if isinstance(new, dict) and isinstance(last, dict) and _continues(last, new):
        _grow(last, new)
    else:
        items.append(_grow(None, new))


def _continues(last: Object, new: Object) -> bool:
    """Tell whether an item goes on with the item before: the same index, or more of the same text."""
    kind = new.get("type")
    if last.get("type") != kind:
        return False
    if "index" in new:
        return bool(last.get("index") == new["index"])
    return isinstance(kind, str) and new.keys() | last.keys() <= {"type", kind}


def _finished(value: Any) -> Json:
    if isinstance(value, _Text):
        return "".join(value)
    if isinstance(value, dict):
        return {key: _finished(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finished(item) for item in value]
    return value
