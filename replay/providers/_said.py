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


def natives(extra: Object) -> Iterator[tuple[str, str, Json]]:
    """Yield what is kept for each wire: its name, the field, and what that tells."""
    own = extra.get(_native.NATIVE)
    for wire, held in own.items() if isinstance(own, dict) else ():
        told = telling(held)
        yield from ((wire, name, value) for name, value in told.items() if isinstance(told, dict))


def telling(value: Json) -> Json:
    """Return a value without what says nothing."""
    if isinstance(value, dict):
        told = {key: telling(item) for key, item in value.items() if key not in _SILENT}
        told = {key: item for key, item in told.items() if item not in _EMPTY}
        return told if told.keys() != {"type"} else {}
    if isinstance(value, list):
        return [item for item in map(telling, value) if item not in _EMPTY]
    return value


def _said(message: Message, at: str, calls: list[str]) -> Iterator[Said]:
    role, answers = message.role, message.role in ("tool", "function")
    if answers:
        key = message.tool_call_id
        role = f"tool {calls.index(key)}" if key in calls else "tool"
    for path, part in _parts(message, at):
        yield from _part(part, path, role)
    for number, call in enumerate(message.tool_calls):
        yield from _call(call, f"{at}.tool_calls[{number}]")
    silent = ("name",) if answers else ("refusal",)  # the name is the call's
    yield from _beside(message.extra, at, role, *silent)


def _parts(message: Message, at: str) -> Iterator[tuple[str, Object]]:
    if isinstance(message.content, list):
        yield from ((f"{at}.content[{number}]", part) for number, part in enumerate(message.content))
    else:
        yield f"{at}.content", {"type": "text", "text": message.content or ""}
    if message.extra.get("refusal"):
        yield f"{at}.refusal", {"type": "refusal", "refusal": message.extra["refusal"]}


def _part(part: Object, path: str, role: str) -> Iterator[Said]:
    """A part as it is compared: text as text, an image by its address, a native one if it tells anything."""
    match part:
        case {"type": "text", "text": str(text), **rest}:
            if text.strip() or role.startswith("tool"):
                yield Said(path, role, text, text)
            yield from _beside(rest, path, role)
        case {"type": "image_url", "image_url": str(url)}:
            yield Said(path, role, {"type": "image_url", "image_url": {"url": url}}, part)
        case {"type": _native.NATIVE, **own}:
            marks = all(isinstance(held, dict) and held.keys() == {"call"} for held in own.values())
            if telling(own) and not marks:
                yield Said(path, role, part, part)
        case _:
            yield Said(path, role, part, part)


def _call(call: ToolCall, at: str) -> Iterator[Said]:
    try:
        arguments = call.arguments if call.type == "custom" else call.parsed()
    except ValueError:
        arguments = call.arguments
    custom = {"custom": True} if call.type == "custom" else {}
    shown = {"name": call.name, "arguments": arguments}
    yield Said(at, "assistant", shown | custom, shown)
    yield from _beside(call.extra, at, "assistant", "index")


def _beside(extra: Object, at: str, role: str, *silent: str) -> Iterator[Said]:
    """What is said beside a message's content, a part's text, a call's arguments."""
    for name, value in _native.plain(extra).items():
        if name not in silent and value not in (*_EMPTY, False):
            yield Said(f"{at}.{name}", role, {name: value}, value)
    for wire, name, value in natives(extra):
        yield Said(f"{at}.native.{wire}.{name}", role, {wire: {name: value}}, value)
