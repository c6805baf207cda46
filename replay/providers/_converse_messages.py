"""The system prompt and the messages of the Converse wire.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html

Chat Completions has a message for each result of a tool, system messages anywhere, and any order of roles.
Here results are blocks of a user's message, a user begins, messages of one role that follow each other are
joined, and a system message after the first others is sent as the user's. Where a request of this wire
stands otherwise, the message says so in its `native`: `apart` (begins a message of its own), `after` (blocks
behind a result), `fields` (others of the message), `result` (others of the result), `json` (a result that is
no text).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import takewhile
from typing import Any

from replay.conversation import Json, Message, Object, ToolCall
from replay.jsontext import parse
from replay.providers import _native, _shape
from replay.providers._converse_blocks import WIRE, bare, blocks, content, part

_SYSTEM = ("system", "developer")
_RESULTS = ("tool", "function")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Written(str):
    """Arguments of a call as the model wrote them."""

    __slots__ = ()


def system(messages: Iterable[Message]) -> list[Object]:
    """Return the system prompt: the messages that come before all others."""
    return [block for message in takewhile(_is_prompt, messages) for block in blocks(message.content)]


def written(messages: Iterable[Message]) -> list[Object]:
    """Return the messages of a request, without those of the system prompt."""
    messages = list(messages)
    said: list[Object] = []
    ids: dict[str, str] = {}
    for message in messages[len(list(takewhile(_is_prompt, messages))) :]:
        own = _native.own(message.extra, WIRE)
        role = "assistant" if message.role == "assistant" else "user"
        spoken = _spoken(message, own, ids)
        if said and said[-1]["role"] == role and not own.get("apart"):
            said[-1]["content"] += spoken
        else:
            opening = not said and role == "assistant" and not own.get("apart")
            said += [{"role": "user", "content": [{"text": "..."}]}] if opening else []
            said.append({"role": role, "content": spoken} | own.get("fields", {}))
    return said


def assistant(message: Message) -> Object:
    """Return an assistant's message."""
    own = _native.own(message.extra, WIRE)
    fields: Object = own.get("fields", {})
    return {"role": "assistant", "content": _spoken(message, own, {})} | fields


def _is_prompt(message: Message) -> bool:
    return message.role in _SYSTEM


def _spoken(message: Message, own: Object, ids: dict[str, str]) -> list[Object]:
    if message.role in _RESULTS:
        return [_result(message, own, ids), *own.get("after", ())]
    calls = [_call(call, ids) for call in message.tool_calls]
    if not isinstance(message.content, list):
        return [*blocks(message.content), *calls]
    found: list[Object] = []
    placed = set()
    for item in message.content:
        place = _native.said(item, WIRE) or {}
        if "call" not in place:
            found += blocks([item])
        elif place["call"] in range(len(calls)):  # a call that was taken out leaves its place behind
            placed.add(place["call"])
            found.append(calls[place["call"]])
    return found + [call for number, call in enumerate(calls) if number not in placed]


def _call(call: ToolCall, ids: dict[str, str]) -> Object:
    try:
        arguments = call.parsed()
    except ValueError:
        arguments = call.arguments
    named = {"toolUseId": _minted(call.id, ids), "name": call.name, "input": arguments}
    return {"toolUse": named | _native.own(call.extra, WIRE)}


def _result(message: Message, own: Object, ids: dict[str, str]) -> Object:
    found = blocks(message.content)
    if own.get("json"):
        found = [{"json": _parsed(message.text)}]
    answered = message.tool_call_id or (list(ids)[-1] if ids else "")
    return {"toolResult": {"toolUseId": _minted(answered, ids), "content": found} | own.get("result", {})}


def _minted(given: str, ids: dict[str, str]) -> str:
    """Return the id of a call as this wire takes it: the same, or one of its own for it."""
    return ids.setdefault(given, given if _ID.fullmatch(given) else f"call_{len(ids) + 1}")


def _parsed(text: str) -> Json:
    try:
        return parse(text)
    except ValueError:
        return text


def read(prompt: Json, messages: list[Object]) -> tuple[Message, ...]:
    """Return the messages of a request. Raises ValueError."""
    blocks = _shape.mappings(prompt, "system")
    found = [Message("system", content(blocks))] if blocks else []
    last = None
    for number, message in enumerate(messages):
        first, *others = _read(message, f"messages[{number}]")
        begins = message["role"] == last or (last is None and message["role"] == "assistant")
        found += [_marked(first, {"apart": True}) if begins else first, *others]
        last = message["role"]
    return tuple(found)


def _read(message: Object, where: str) -> list[Message]:
    """Return the messages of the chat that one of the wire is."""
    role = message.get("role")
    if role not in ("user", "assistant"):
        raise ValueError(f"{where}.role is {role!r}, none of user, assistant")
    if role == "assistant":
        return [spoken(message, where)]
    first, *others = _answers(_shape.mappings(message.get("content"), f"{where}.content"), where)
    return [_with_fields(first, message), *others]


def _with_fields(found: Message, message: Object) -> Message:
    rest = {key: value for key, value in message.items() if key not in ("role", "content")}
    return _marked(found, {"fields": rest}) if rest else found


def spoken(message: Object, where: str) -> Message:
    """Return what an assistant said. Raises ValueError."""
    parts: list[Object] = []
    calls: list[ToolCall] = []
    for number, block in enumerate(_shape.mappings(message.get("content"), f"{where}.content")):
        if _is_call(block):
            parts.append(_native.part(WIRE, {"call": len(calls)}))
            calls.append(_read_call(block["toolUse"], f"{where}.content[{number}].toolUse"))
        else:
            parts.append(part(block))
    while parts and "call" in (_native.said(parts[-1], WIRE) or {}):  # where a call belongs anyway
        parts.pop()
    text = bare(parts)
    said = text if text is not None else parts or (None if calls else "")
    return _with_fields(Message("assistant", said, tuple(calls), extra=_thought(parts)), message)


def _is_call(block: Object) -> bool:
    """Tell whether this calls a tool of ours; what a server calls it answers itself."""
    held = block.get("toolUse")
    return block.keys() == {"toolUse"} and isinstance(held, dict) and held.get("type") != "server_tool_use"


def _read_call(held: Object, where: str) -> ToolCall:
    given = held.get("input")
    arguments = str(given) if isinstance(given, Written) else json.dumps(given, ensure_ascii=False)
    rest = {key: value for key, value in held.items() if key not in ("toolUseId", "name", "input")}
    return ToolCall(
        _text(held, "toolUseId", where), _text(held, "name", where), arguments, extra=_native.keep(WIRE, rest)
    )


def _thought(parts: Iterable[Object]) -> Object:
    """Return the text of what was reasoned as chat dialects show it."""
    texts = []
    for item in parts:
        held: Any = _native.said(item, WIRE) or {}
        for key in ("reasoningContent", "reasoningText", "text"):
            held = held.get(key) if isinstance(held, dict) else None
        texts += [held] if held and isinstance(held, str) else []
    return {"reasoning_content": "\n\n".join(texts)} if texts else {}


def _answers(said: list[Object], where: str) -> Iterator[Message]:
    """Yield the results and what stands between them; what only this wire says stays with its result."""
    run: list[Object] = []
    result: Message | None = None
    for number, block in enumerate(said):
        if block.keys() == {"toolResult"} and isinstance(block["toolResult"], dict):
            yield from _said(result, run)
            run, result = [], _read_result(block["toolResult"], f"{where}.content[{number}].toolResult")
        else:
            run.append(block)
    yield from _said(result, run)
    if not said:
        yield Message("user", "")


def _said(result: Message | None, run: list[Object]) -> Iterator[Message]:
    if result is not None:
        after = list(takewhile(lambda block: _native.said(part(block), WIRE), run))
        yield _marked(result, {"after": after}) if after else result
        run = run[len(after) :]
    if run:
        yield Message("user", content(run))


def _read_result(held: Object, where: str) -> Message:
    said = _shape.mappings(held.get("content"), f"{where}.content")
    rest = {key: value for key, value in held.items() if key not in ("toolUseId", "content")}
    own = {"result": rest} if rest else {}
    answered = _text(held, "toolUseId", where)
    if len(said) == 1 and said[0].keys() == {"json"}:
        text = json.dumps(said[0]["json"], ensure_ascii=False)
        return Message("tool", text, tool_call_id=answered, extra=_native.keep(WIRE, own | {"json": True}))
    return Message("tool", content(said), tool_call_id=answered, extra=_native.keep(WIRE, own))


def _text(held: Object, name: str, where: str) -> str:
    if not isinstance(held.get(name), str):
        raise ValueError(f"{where}.{name} is no text")
    return str(held[name])


def _marked(message: Message, said: Object) -> Message:
    own = _native.own(message.extra, WIRE)
    return replace(message, extra=message.extra | _native.keep(WIRE, own | said))
