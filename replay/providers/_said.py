"""A conversation as the single things that are said in it, whatever the messages they are put into.

What says nothing is left out: ids, how a thing was written (`form`, the place of a call between parts), empty
fields. Calls and their answers are tied by their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from replay.conversation import Json, Message, Object, ToolCall
from replay.jsontext import canonical
from replay.providers import _ids, _native

_SILENT = ("form", "id", "status")  # of what a wire keeps for itself; a type alone says nothing either
_EMPTY: tuple[Json, ...] = (None, "", [], {})


class Said(NamedTuple):
    """One thing: its path in the fixture, who says it, what it comes to, and how it stands there.

    A tool's role is `tool` with the number of the call that it answers. Only text is a string.
    """

    path: str
    role: str
    what: Json
    shown: Json

    @property
    def is_text(self) -> bool:
        """Whether it is text."""
        return isinstance(self.what, str)

    @property
    def key(self) -> str:
        """What makes two of them the same."""
        return canonical([self.role, self.what])


def all_said(messages: Iterable[Message]) -> list[Said]:
    """Return what is said in a conversation, in its order."""
    messages = _ids.legal(messages, bool)
    calls = [call.id for message in messages for call in message.tool_calls]
    return [
        said
        for number, message in enumerate(messages)
        for said in _said(message, f"messages[{number}]", calls)
    ]


def beside(extra: Object) -> Object:
    """Return what is said beside the content, by its path."""
    own = extra.get(_native.NATIVE)
    wires = own.items() if isinstance(own, dict) else ()
    kept = {name: value for name, value in _native.plain(extra).items() if value not in _EMPTY}
    return kept | {f"{_native.NATIVE}.{wire}": told for wire, held in wires if (told := _telling(held))}


def _said(message: Message, at: str, calls: list[str]) -> Iterator[Said]:
    role = message.role
    if role in ("tool", "function"):
        key = message.tool_call_id
        role = f"tool {calls.index(key)}" if key in calls else "tool"
    for path, part in _parts(message, at):
        what = _part(part)
        if what or (what == "" and role != message.role):
            yield Said(path, role, what, what if isinstance(what, str) else part)
    for number, call in enumerate(message.tool_calls):
        yield from _call(call, f"{at}.tool_calls[{number}]")
    for name, value in beside(message.extra).items():
        if (name, message.role) != ("name", "function"):
            what = {"type": name, name: value} if name == "refusal" else {name: value}
            yield Said(f"{at}.{name}", role, what, value)


def _parts(message: Message, at: str) -> Iterator[tuple[str, Object]]:
    if isinstance(message.content, list):
        yield from ((f"{at}.content[{number}]", part) for number, part in enumerate(message.content))
    else:
        yield f"{at}.content", {"type": "text", "text": message.content or ""}


def _part(part: Object) -> Json:
    """A part as it is compared: text as text, an image by its address, a native one if it tells anything."""
    match part:
        case {"type": "text", "text": str(text)} if len(part) == 2:
            return text
        case {"type": "image_url", "image_url": str(url)}:
            return {"type": "image_url", "image_url": {"url": url}}
        case {"type": _native.NATIVE, **own}:
            marks = all(isinstance(held, dict) and held.keys() == {"call"} for held in own.values())
            return part if _telling(own) and not marks else None
    return part


def _call(call: ToolCall, at: str) -> Iterator[Said]:
    try:
        arguments = call.arguments if call.type == "custom" else call.parsed()
    except ValueError:
        arguments = call.arguments
    custom = {"custom": True} if call.type == "custom" else {}
    shown = {"name": call.name, "arguments": arguments}
    yield Said(at, "assistant", shown | custom, shown)
    for name, value in beside(call.extra).items():
        yield Said(f"{at}.{name}", "assistant", {name: value}, value)


def _telling(value: Json) -> Json:
    """A value without what says nothing."""
    if isinstance(value, dict):
        told = {key: _telling(item) for key, item in value.items() if key not in _SILENT}
        told = {key: item for key, item in told.items() if item not in _EMPTY}
        return told if told.keys() != {"type"} else {}
    if isinstance(value, list):
        return [item for item in map(_telling, value) if item not in _EMPTY]
    return value
