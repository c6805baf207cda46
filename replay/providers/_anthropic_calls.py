"""Calls of tools and their results, and the order of parts and calls in an assistant's message.

The wire has calls among the other blocks, and results as blocks of a user's message. The ids it takes are
letters, digits, `_` and `-`, and no id twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from replay.conversation import Json, Message, Object, ToolCall
from replay.jsontext import parse, same
from replay.providers import _native
from replay.providers._anthropic_blocks import WIRE, bare, blocks, part, written
from replay.providers._ids import legal

_LEGAL = re.compile(r"[A-Za-z0-9_-]+")
_CALL = "call"  # of a marker part: which call stands there


def with_legal_ids(messages: Iterable[Message]) -> list[Message]:
    """Return the messages with ids that the wire takes, each for one call alone."""
    used: set[str] = set()

    def fits(key: str) -> bool:
        known = key in used
        used.add(key)
        return not known and _LEGAL.fullmatch(key) is not None

    return legal(messages, fits)


def spoken(
    content: Iterable[Object], *, reply: bool = False
) -> tuple[str | list[Object] | None, list[ToolCall]]:
    """Return the content and the calls that an assistant's blocks are.

    A single plain text beside calls is text. In a `reply` there are empty texts too, and a single plain text
    is text also where it stands alone; `input` may be the text that a stream spelled.
    """
    parts: list[Object] = []
    calls: list[ToolCall] = []
    unmarked = 0  # the first call that no marker stands for
    for block in content:
        call = _call(block, reply=reply)
        if call is not None:
            calls.append(call)
            continue
        parts += [_native.part(WIRE, {_CALL: number}) for number in range(unmarked, len(calls))]
        unmarked = len(calls)
        parts.append(dict(block) if reply and _blank(block) else part(block))
    text = bare(parts) if reply or calls else None
    return (parts or None) if text is None else text, calls


def speech(message: Message, *, reply: bool = False) -> list[Object]:
    """Return the blocks of an assistant's message: the inverse of `spoken`."""
    calls = [_use(call) for call in message.tool_calls]
    found: list[Object] = []
    placed: set[int] = set()
    for item in _parts(message, reply=reply):
        place = _marked(item)
        if place is not None:
            found += calls[place : place + 1] if place not in placed else []
            placed.add(place)
        elif (block := dict(item) if reply and _blank(item) else written(item)) is not None:
            found.append(block)
    return found + [call for number, call in enumerate(calls) if number not in placed]


def _blank(block: Object) -> bool:
    """Whether this is a plain text of nothing or spaces: replies have it, in a request it is refused."""
    text = block.get("text")
    return block.keys() == {"type", "text"} and isinstance(text, str) and not text.strip()


def _parts(message: Message, *, reply: bool) -> list[Object]:
    content = message.content
    if content is None or (content == "" and not reply):
        content = message.extra.get("refusal")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def _marked(item: Object) -> int | None:
    """Return which call a marker part stands for, None for any other part."""
    said = _native.said(item, WIRE)
    place = said.get(_CALL) if said and "type" not in said else None
    return place if isinstance(place, int) and place >= 0 else None


def _call(block: Object, *, reply: bool) -> ToolCall | None:
    key, name = block.get("id"), block.get("name")
    if block.get("type") != "tool_use" or not isinstance(key, str) or not isinstance(name, str):
        return None
    rest = {k: v for k, v in block.items() if k not in ("type", "id", "name", "input")}
    said = block.get("input")
    text = said if reply and isinstance(said, str) else compact(said)
    call = ToolCall(key, name, text, extra=_native.keep(WIRE, rest))
    return call if reply or (_LEGAL.fullmatch(key) and same(_use(call), block)) else None


def _use(call: ToolCall) -> Object:
    block = {"type": "tool_use", "id": call.id, "name": call.name, "input": _input(call)}
    return block | _native.own(call.extra, WIRE)


def _input(call: ToolCall) -> Object:
    """Return the arguments as the object that the wire wants; what is none stands in one, under `input`."""
    if call.type == "custom":
        return {"input": call.arguments}
    try:
        value = parse(call.arguments, strict=True) if call.arguments.strip() else {}
    except ValueError:
        value = call.arguments
    return value if isinstance(value, dict) else {"input": value}


def compact(value: Json) -> str:
    """Write JSON in one line without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def answers(content: Iterable[Object]) -> Iterator[Message]:
    """Yield the messages that a user's blocks are: one for each result, and what is between."""
    between: list[Object] = []
    for block in content:
        result = _result(block)
        if result is None:
            between.append(part(block))
            continue
        if between:
            yield Message("user", _beside(between))
        between = []
        yield result
    if between:
        yield Message("user", _beside(between))


def _beside(parts: list[Object]) -> str | list[Object]:
    text = bare(parts)
    return parts if text is None else text


def _result(block: Object) -> Message | None:
    key = block.get("tool_use_id")
    if block.get("type") != "tool_result" or not isinstance(key, str):
        return None
    rest = {k: v for k, v in block.items() if k not in ("type", "tool_use_id", "content")}
    content = block.get("content")
    if isinstance(content, list) and content and all(isinstance(item, dict) for item in content):
        content = [part(item) for item in content]
    elif not isinstance(content, str):
        rest, content = rest | {"content": content}, ""
    kept = _native.keep(WIRE, {"result": rest} if rest else {})
    message = Message("tool", content, tool_call_id=key, extra=kept)
    return message if same(answer(message), block) else None


def answer(message: Message) -> Object:
    """Return the block that a tool message is."""
    content = message.content if isinstance(message.content, str) else blocks(message.content) or None
    rest = _native.own(message.extra, WIRE).get("result") or {}
    block = {
        "type": "tool_result",
        "tool_use_id": message.tool_call_id or "",
        "content": content,
    }
    return {key: value for key, value in (block | rest).items() if key != "content" or value is not None}
