"""The messages of any framework as messages of Chat Completions.

Known are OpenTelemetry's messages and the events before them, LangChain's messages (also serialised with
`lc`), the Vercel AI SDK's, OpenInference's, Gemini's contents, items of OpenAI's Responses, Anthropic's and
Bedrock's messages, and Chat Completions' own, which come out as they went in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from replay.conversation import Json, Object
from replay.importers._parts import NotCaptured, Said, answer, answered, as_text, call, text

_ROLES = {
    "human": "user",
    "humanmessage": "user",
    "customer": "user",
    "ai": "assistant",
    "aimessage": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "systemmessage": "system",
    "toolmessage": "tool",
    "functionmessage": "function",
    "instruction": "system",
}
_KNOWN = {"user", "assistant", "system", "developer", "tool", "function"}
_CALLS = {"function_call", "custom_tool_call"}  # of Responses: items that stand where messages do
_ITEMS = {*_CALLS, "reasoning"}
_ANSWERS = {"function_call_output", "custom_tool_call_output"}
_KEPT = ("name", "refusal", "audio", "reasoning_content", "annotations", "prefix", "cache_control")


def chat(value: Json, role: str = "user", wire: str = "openai") -> list[Object]:
    """Return messages: of a list, of one message, or of text that `role` says.

    `wire` is the provider under whose name is kept what Chat Completions cannot say. Raises ValueError with
    the place of what is no message.
    """
    if isinstance(value, list):
        return _joined(_all(value, role, wire))
    if value is None:
        return []
    return (
        _message(value, role, wire)
        if isinstance(value, dict)
        else [{"role": role, "content": as_text(value)}]
    )


def _all(values: list[Any], role: str, wire: str) -> Iterator[tuple[Object, bool]]:
    """Yield each message, and whether it is a part of one that stands alone.

    Of a batch, which is a list of lists, the first conversation is read.
    """
    if values and all(isinstance(value, list) for value in values):
        values = values[0]
    if values and all(_is_piece(value) for value in values):
        values = [{"role": role, "content": values}]
    for number, value in enumerate(values):
        if not isinstance(value, dict | str):
            raise ValueError(f"message {number} is no message")
        try:
            for message in chat(value, role, wire):
                yield message, isinstance(value, dict) and _is_item(value)
        except NotCaptured:
            raise
        except ValueError as problem:
            raise ValueError(f"message {number}: {problem}") from None


def _is_item(data: Object) -> bool:
    return "toolCallId" in data or data.get("type") in _ITEMS


def _is_piece(value: Json) -> bool:
    """Tell content without a message around it, as the Vercel AI SDK and OpenTelemetry write it."""
    if not isinstance(value, dict) or "role" in value or "parts" in value:
        return False
    return "toolCallId" in value or value.get("type") in (
        "text",
        "tool_use",
        "thinking",
        "image",
        "tool_call",
    )


def _message(data: Object, role: str, wire: str) -> list[Object]:
    data = _bare(data)
    kind = data.get("type")
    if "toolCallId" in data or kind in _CALLS:
        return [{"role": "assistant", "content": None, "tool_calls": [_item_call(data)]}]
    if kind in _ANSWERS:
        return [answer(data, wire)]
    if isinstance(data.get("parts"), list):
        return _taken(data, _role(data, role), data["parts"], wire, short=True)
    if not isinstance(data.get("role") or kind, str) and not data.keys() & {
        "content",
        "tool_calls",
        "contents",
    }:
        raise ValueError("it has neither a role nor content")
    if kind == "reasoning" or (
        kind not in (None, "message") and "role" not in data and _role(data, "") == ""
    ):
        return _taken({}, "assistant", [data], wire)
    return _plain(data, _role(data, role), wire)


def _item_call(data: Object) -> Object:
    if data.get("type") == "custom_tool_call":
        custom = {"name": as_text(data.get("name")), "input": as_text(data.get("input"))}
        return {"id": as_text(data.get("call_id")), "type": "custom", "custom": custom}
    return call(data)


def _bare(data: Object) -> Object:
    """Take a message out of its wrappers: `lc` constructors, `{type, data}`, `{message: {...}}`."""
    if isinstance(data.get("kwargs"), dict) and (data.get("lc") or isinstance(data.get("id"), list)):
        names = data.get("id")
        name = str(names[-1]) if isinstance(names, list) and names else ""
        kwargs: Object = data["kwargs"]
        return {"type": name.removesuffix("Chunk").lower()} | kwargs
    if isinstance(data.get("data"), dict) and isinstance(data.get("type"), str) and "role" not in data:
        inner: Object = data["data"]
        return {"type": data["type"]} | inner
    if isinstance(data.get("message"), dict) and not data.keys() & {"role", "content"}:
        return _bare(data["message"])
    return data


def _role(data: Object, otherwise: str) -> str:
    for said in (data.get("role"), data.get("type")):
        word = said.lower().removesuffix("chunk") if isinstance(said, str) else ""
        if word in _KNOWN or word in _ROLES:
            return _ROLES.get(word, word)
    role = data.get("role")
    return role if isinstance(role, str) and role else otherwise


def _plain(data: Object, role: str, wire: str) -> list[Object]:
    """Read a message whose content is text, parts, or (a tool's answer) anything."""
    content = data["contents"] if data.get("contents") else data.get("content")
    if role in ("tool", "function") and not _holds_answers(content):
        ids = (data.get(key) for key in ("tool_call_id", "toolCallId", "call_id", "id"))
        named = {"tool_call_id": next((one for one in ids if isinstance(one, str) and one), None)}
        named["name"] = data.get("name") if isinstance(data.get("name"), str) else None
        said = {key: value for key, value in named.items() if value and (role == "tool" or key == "name")}
        return [{"role": role, "content": answered(content, wire)} | said]
    pieces = content if isinstance(content, list) else [content] if isinstance(content, dict) else []
    taken = _taken(data, role, pieces, wire)
    if not pieces and taken:
        taken[-1] = taken[-1] | {"content": content if content is None else as_text(content)}
    return taken


def _holds_answers(content: Json) -> bool:
    """Tell a tool's message that wraps answers, as the Vercel AI SDK's do."""
    if not isinstance(content, list):
        return False
    return any(
        isinstance(piece, dict) and ("toolCallId" in piece or "toolResult" in piece) for piece in content
    )


def _taken(data: Object, role: str, pieces: list[Any], wire: str, *, short: bool = False) -> list[Object]:
    """Make messages of pieces: the tools' answers first, then what is left; `short` says one text as text."""
    said = Said(wire)
    said.add_all(pieces)
    calls = [*said.calls, *_calls(data)]
    if said.answers and not said.parts and not calls:
        return said.answers
    message: Object = {"role": role, "content": _content(said.parts, short=short)}
    message |= {key: data[key] for key in _KEPT if data.get(key) is not None}
    extra = data.get("additional_kwargs")
    if isinstance(extra, dict):
        message |= {key: extra[key] for key in ("refusal", "audio", "name") if extra.get(key) is not None}
    if said.reasoning:
        message["reasoning_content"] = "\n\n".join(said.reasoning)
    if calls:
        message["tool_calls"] = calls
    legacy = data.get("function_call") or (isinstance(extra, dict) and extra.get("function_call"))
    if isinstance(legacy, dict):
        message["function_call"] = legacy
    return [*said.answers, message]


def _content(parts: list[Object], *, short: bool) -> str | list[Object] | None:
    if short and len(parts) == 1 and parts[0].keys() == {"type", "text"}:
        words: str = parts[0]["text"]
        return words
    return parts or None


def _calls(data: Object) -> Iterator[Object]:
    """Yield the tool calls beside a message's content, wherever its framework puts them."""
    extra = data.get("additional_kwargs")
    beside = extra.get("tool_calls") if isinstance(extra, dict) else None
    # LangChain keeps a provider's own calls beside its own: those have the arguments as they were written
    calls = beside or [*_listed(data.get("tool_calls")), *_listed(data.get("invalid_tool_calls"))]
    return (call(item) for item in _listed(calls) if isinstance(item, dict))


def _listed(value: Json) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _joined(messages: Iterator[tuple[Object, bool]]) -> list[Object]:
    """Put parts that stand alone into the assistant's message that they belong to."""
    found: list[Object] = []
    open_ended = False
    for message, alone in messages:
        last = found[-1] if found else {}
        if (alone or open_ended) and message["role"] == "assistant" == last.get("role"):
            found[-1] = _both(last, message)
        else:
            found.append(message)
        open_ended = alone
    return found


def _both(one: Object, other: Object) -> Object:
    parts = [*_as_parts(one.get("content")), *_as_parts(other.get("content"))]
    calls = [*(one.get("tool_calls") or ()), *(other.get("tool_calls") or ())]
    joined = one | other | {"content": _content(parts, short=isinstance(one.get("content"), str))}
    return joined | ({"tool_calls": calls} if calls else {})


def _as_parts(content: Json) -> list[Object]:
    return [text(content)] if isinstance(content, str) else list(content or ())
