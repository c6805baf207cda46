"""Contents: messages both ways.

https://ai.google.dev/api/caching#Content. Consecutive messages of one side share a content, tool results
among them; a message that begins a content of its own, or one that says more than role and parts, is marked
so under `native`. Where a call stands between parts, a native part holds its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from replay.conversation import Json, Message, Object, ToolCall
from replay.providers import _native, _shape
from replay.providers._gemini_calls import Calls, read_call, read_response, write_call, write_response
from replay.providers._gemini_parts import read_part, write_part
from replay.providers._gemini_words import CONTENT, WIRE

_SYSTEM = ("system", "developer")
_WITHOUT = "without"  # which of role and parts a content has not
_CALL = "call"  # a native part that says which call stands here
# Gemini 3 refuses a turn's first call without a signature. For calls that another model made there is a word
# that says so: https://ai.google.dev/gemini-api/docs/thought-signatures#faqs
_STRICT = re.compile(r"gemini-(?:[3-9]|\d\d)")
_UNSIGNED = "skip_thought_signature_validator"


@dataclass
class _Content:
    """One content: who speaks (`user`, `model`, empty for the system), and what is particular about it."""

    side: str
    parts: list[Object] = field(default_factory=list)
    own: Object = field(default_factory=dict)

    def to_json(self) -> Object:
        data: Object = {"role": self.side or "user", "parts": self.parts} | self.own
        if self.own.get("parts") == "object":
            data["parts"] = self.parts[0] if self.parts else {}
        without = data.pop(_WITHOUT, ())
        return {name: value for name, value in data.items() if name not in without}


def write(messages: Iterable[Message], model: str) -> tuple[Object | None, list[Object]]:
    """Return the system instruction, None where there is none, and the contents."""
    messages = list(messages)
    system = _joined(message for message in messages if message.role in _SYSTEM)
    contents = _joined(message for message in messages if message.role not in _SYSTEM)
    if _STRICT.search(model):
        _sign(contents)
    return system[0].to_json() if system else None, [content.to_json() for content in contents]


def _joined(messages: Iterable[Message]) -> list[_Content]:
    contents: list[_Content] = []
    calls = Calls()
    for message in messages:
        own = _native.own(message.extra, WIRE).get(CONTENT)
        parts = _parts(message, calls)
        calls.add(message.tool_calls)
        side = _side(message)
        if isinstance(own, dict) or (parts and not (contents and contents[-1].side == side)):
            contents.append(_Content(side, own=own if isinstance(own, dict) else {}))
        if parts:
            contents[-1].parts += parts
    return contents


def _side(message: Message) -> str:
    if message.role in _SYSTEM:
        return ""
    return "model" if message.role == "assistant" else "user"


def _parts(message: Message, calls: Calls) -> list[Object]:
    if message.role in ("tool", "function"):
        return [write_response(message, calls)]
    return list(_said(message))


def _said(message: Message) -> Iterator[Object]:
    waiting = dict(enumerate(message.tool_calls))
    for part in _spoken(message):
        place = (_native.said(part, WIRE) or {}).get(_CALL)
        written = write_call(waiting.pop(place)) if place in waiting else write_part(part)
        if written is not None:
            yield written
    yield from map(write_call, waiting.values())


def _spoken(message: Message) -> list[Object]:
    if isinstance(message.content, list):
        return message.content
    text = message.content or message.extra.get("refusal")
    empty = message.content == "" and not message.tool_calls
    return [{"type": "text", "text": text or ""}] if text or empty else []


def _sign(contents: list[_Content]) -> None:
    """Give a signature to calls of this turn that have none; those of earlier turns need none."""
    for content in reversed(contents):
        names = [{name.replace("_", "").lower() for name in part} for part in content.parts]
        if content.side == "user" and any("functionresponse" not in part for part in names):
            return
        called = [part for part, name in zip(content.parts, names, strict=True) if "functioncall" in name]
        if content.side == "model" and called and not any("thoughtsignature" in part for part in names):
            called[0]["thoughtSignature"] = _UNSIGNED


def read_system(raw: Json) -> Message:
    """Read the system instruction. Raises ValueError."""
    content = _shape.mapping(raw, "systemInstruction")
    parts = list(map(read_part, _raw_parts(content, "systemInstruction")))
    own = _own(content, "")
    message = Message("system", _content(parts))
    return _begins(message, own) if own or not parts else message


def read(contents: list[Object]) -> Iterator[Message]:
    """Read the contents. Raises ValueError."""
    calls, before = Calls(), ""
    for number, content in enumerate(contents):
        where = f"contents[{number}]"
        side = "model" if content.get("role") == "model" else "user"
        own = _own(content, side)
        if side == "model":
            first, *others = [answer(content, where, calls.count)]
        else:
            first, *others = _asked(content, where, calls)
        calls.add(first.tool_calls)
        yield _begins(first, own) if own or side == before else first
        yield from others
        before = side


def _own(content: Object, side: str) -> Object:
    """What a content says beside the role of its side and a list of parts."""
    own = {name: value for name, value in content.items() if name not in ("role", "parts")}
    if content.get("role", "user") != (side or "user"):
        own["role"] = content["role"]
    if not content.get("parts", True):
        own["parts"] = content["parts"]
    elif isinstance(content.get("parts"), dict):
        own["parts"] = "object"
    without = [name for name in ("role", "parts") if name not in content]
    return own | ({_WITHOUT: without} if without else {})


def _begins(message: Message, own: Object) -> Message:
    """Mark a message as the first of a content that is not only role and parts."""
    kept = _native.own(message.extra, WIRE) | {CONTENT: own}
    content = "" if message.content is None and not message.tool_calls else message.content
    return replace(message, content=content, extra=message.extra | _native.keep(WIRE, kept))


def answer(content: Object, where: str, before: int = 0) -> Message:
    """Read what the model says, after `before` calls. Raises ValueError."""
    found: list[ToolCall | Object] = []
    for raw in _raw_parts(content, where):
        number = before + sum(isinstance(item, ToolCall) for item in found) + 1
        found.append(read_call(raw, number) or read_part(raw))
    calls = tuple(item for item in found if isinstance(item, ToolCall))
    return Message("assistant", _content(_placed(found), calls=bool(calls)), calls)


def _placed(found: list[ToolCall | Object]) -> list[Object]:
    """The parts, with a native part where a call stands before one of them."""
    last = max((place for place, item in enumerate(found) if isinstance(item, dict)), default=-1)
    parts, calls = [], 0
    for item in found[: last + 1]:
        if isinstance(item, ToolCall):
            parts.append(_native.part(WIRE, {_CALL: calls}))
            calls += 1
        else:
            parts.append(item)
    return parts


def _asked(content: Object, where: str, calls: Calls) -> list[Message]:
    """What stands in a user's content: results of tools, and all else between them."""
    messages: list[Message] = []
    parts: list[Object] = []
    for raw in _raw_parts(content, where):
        result = read_response(raw, calls)
        if result is None:
            parts.append(read_part(raw))
        else:
            messages += [*_user(parts), result]
            parts = []
    messages += _user(parts)
    return messages or [Message("user", "")]


def _user(parts: list[Object]) -> list[Message]:
    return [Message("user", _content(parts))] if parts else []


def _content(parts: list[Object], *, calls: bool = False) -> str | list[Object] | None:
    """One part that is plain text as that text; no part as nothing."""
    if len(parts) == 1 and parts[0].keys() == {"type", "text"} and (parts[0]["text"] or not calls):
        return str(parts[0]["text"])
    return parts or None


def _raw_parts(content: Object, where: str) -> list[Object]:
    parts = content.get("parts")
    return _shape.mappings([parts] if isinstance(parts, dict) else parts, f"{where}.parts")
