"""Whether JSON from outside has the shape that the nouns read. All of these raise ValueError."""

from __future__ import annotations

from replay.conversation import Json, Object


def mapping(value: Json, where: str) -> Object:
    """Return `value` if it is a JSON object."""
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {_kind(value)}, not an object")
    return value


def mappings(value: Json, where: str) -> list[Object]:
    """Return `value` if it is a list of JSON objects; null is the empty list."""
    if not isinstance(value, list | None):
        raise ValueError(f"{where} is {_kind(value)}, not a list")
    return [mapping(item, f"{where}[{number}]") for number, item in enumerate(value or ())]


def message(value: Json, where: str) -> Object:
    """Return `value` if `Message.from_json` can read it."""
    data = mapping(value, where)
    _text(data, where, "role", "tool_call_id")
    if not isinstance(data.get("content"), str | None):
        mappings(data["content"], f"{where}.content")
    if data.get("function_call"):
        _text(mapping(data["function_call"], f"{where}.function_call"), f"{where}.function_call", "name")
    for number, call in enumerate(mappings(data.get("tool_calls"), f"{where}.tool_calls")):
        _tool_call(call, f"{where}.tool_calls[{number}]")
    return data


def _tool_call(call: Object, where: str) -> None:
    _text(call, where, "id", "type")
    key = "custom" if call.get("type") == "custom" else "function"
    if call.get(key):
        _text(mapping(call[key], f"{where}.{key}"), f"{where}.{key}", "name")


def tool(value: Json, where: str) -> Object:
    """Return `value` if `Tool.from_json` can read it."""
    data = mapping(value, where)
    _text(data, where, "type", "name")
    kind = data.get("type") or "function"
    if data.get(kind):
        inner = mapping(data[kind], f"{where}.{kind}")
        _text(inner, f"{where}.{kind}", "name", "description")
    return data


def _text(data: Object, where: str, *names: str) -> None:
    for name in names:
        if not isinstance(data.get(name), str | None):
            raise ValueError(f"{where}.{name} is {_kind(data[name])}, not text")


def _kind(value: Json) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
