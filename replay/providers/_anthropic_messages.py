"""The system prompt and the messages of the Messages wire.

Chat Completions has a message for each result of a tool, system messages anywhere, and any order of roles.
Here results are blocks of a user's message, messages of one role that follow each other are joined, and a
system message after the first others is sent as a text of the user's, at its place, because most models
take none there. Where a request of this wire stands otherwise, the message says so in its `native`:
`apart` (begins a message of its own), `content` (one that no part says), `fields` (others of the message).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import dropwhile, takewhile

from replay.conversation import Json, Message, Object
from replay.providers import _native, _shape
from replay.providers._anthropic_blocks import WIRE, blocks, part
from replay.providers._anthropic_calls import answer, answers, speech, spoken, with_legal_ids

_SYSTEM = ("system", "developer")
_ROLES = ("user", "assistant", "system")
_OPENING = {"role": "user", "content": "..."}  # the wire wants a user to begin


@dataclass(slots=True)
class _Said:
    """One message of the wire, while it grows."""

    role: str
    blocks: list[Object]
    text: str | None  # of one message whose content is text
    own: Object


def system(messages: Iterable[Message]) -> str | list[Object] | None:
    """Return the system prompt: the messages that come before all others."""
    first = list(takewhile(_is_prompt, messages))
    if len(first) == 1 and isinstance(first[0].content, str):
        return first[0].content if first[0].content.strip() else None
    return [block for message in first for block in blocks(message.content)] or None


def written(messages: Iterable[Message]) -> list[Object]:
    """Return the messages of a request, without those of the system prompt."""
    rest = dropwhile(_is_prompt, with_legal_ids(messages))
    said: list[_Said] = []
    for message in _moved(rest):
        one = _one(message)
        if one.blocks or "content" in one.own:
            _add(said, one)
    opened = said and (said[0].role != "assistant" or said[0].own.get("apart"))
    return [*([] if opened else [dict(_OPENING)]), *map(_message, said)]


def _is_prompt(message: Message) -> bool:
    return message.role in _SYSTEM and not _native.own(message.extra, WIRE).get("apart")


def _moved(messages: Iterable[Message]) -> Iterator[Message]:
    """Make system messages the user's, each behind the results of tools that follow it: they come first."""
    waiting: list[Message] = []
    for message in messages:
        if _is_prompt(message):
            waiting.append(replace(message, role="user"))
            continue
        if message.role not in ("tool", "function"):
            yield from waiting
            waiting.clear()
        yield message
    yield from waiting


def _one(message: Message) -> _Said:
    own = _native.own(message.extra, WIRE)
    if "content" in own and not message.content:
        return _Said(message.role, [], None, own)
    if message.role in ("tool", "function"):
        return _Said("user", [answer(message)], None, own)
    role = message.role if message.role in _ROLES else "user"
    text = message.content if isinstance(message.content, str) and not message.tool_calls else None
    return _Said(role, speech(message), text, own)


def _add(said: list[_Said], one: _Said) -> None:
    last = said[-1] if said else None
    if last is None or last.role != one.role or one.own.get("apart"):
        said.append(one)
    else:
        last.text = None
        last.blocks += one.blocks


def _message(said: _Said) -> Object:
    content: Json = said.blocks if said.text is None else said.text
    fields: Object = said.own.get("fields") or {}
    return {"role": said.role, "content": content if said.blocks else said.own["content"]} | fields


def read(prompt: Json, messages: list[Object]) -> tuple[Message, ...]:
    """Return the messages of a request. Raises ValueError."""
    found = [] if prompt is None else [_prompt(prompt)]
    last = None
    for number, message in enumerate(messages):
        first, *others = _read(message, f"messages[{number}]")
        role = message["role"]
        begins = role in ("system", last) or (last is None and role == "assistant")
        found += [_marked(first, {"apart": True}) if begins else first, *others]
        last = role
    return tuple(found)


def _prompt(prompt: Json) -> Message:
    if isinstance(prompt, str):
        return Message("system", prompt)
    return Message("system", [part(block) for block in _shape.mappings(prompt, "system")])


def _read(message: Object, where: str) -> list[Message]:
    """Return the messages of the chat that one of the wire is."""
    role, content = message.get("role"), message.get("content")
    if role not in _ROLES:
        raise ValueError(f"{where}.role is {role!r}, none of {', '.join(_ROLES)}")
    if "content" not in message:
        raise ValueError(f"{where}.content is missing")
    fields = {key: value for key, value in message.items() if key not in ("role", "content")}
    found = _content(role, content, f"{where}.content")
    return [_marked(found[0], {"fields": fields}), *found[1:]] if fields else found


def _content(role: str, content: Json, where: str) -> list[Message]:
    if isinstance(content, str) and content.strip():
        return [Message(role, content)]
    if not content or isinstance(content, str):
        return [_marked(Message(role, ""), {"content": content})]
    found = _shape.mappings(content, where)
    if role == "assistant":
        said, calls = spoken(found)
        return [Message(role, said, tuple(calls), extra=thought(said))]
    pieces = list(answers(found)) if role == "user" else []
    if any(piece.role == "tool" for piece in pieces):
        return pieces
    return [Message(role, [part(block) for block in found])]


def thought(content: str | list[Object] | None) -> Object:
    """Return the text of an assistant's thinking as chat dialects show it: `reasoning_content`."""
    said = (_native.said(item, WIRE) or {} for item in (content if isinstance(content, list) else ()))
    texts = [item.get("thinking") for item in said if item.get("type") == "thinking"]
    text = "\n\n".join(text for text in texts if text and isinstance(text, str))
    return {"reasoning_content": text} if text else {}


def _marked(message: Message, said: Object) -> Message:
    own = _native.own(message.extra, WIRE)
    return replace(message, extra=message.extra | _native.keep(WIRE, own | said))
