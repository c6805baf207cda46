"""Where the body of a wire says what stands in a request in the common words.

Its codec tells: of a list that is cut short, the shortest that still says it ends with it. So no wire's words
have to be known here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from itertools import chain

from replay.conversation import Json, Object
from replay.documents import Keys
from replay.providers import Unreadable
from replay.turn import Request

Read = Callable[[Object], Request]
Holds = Callable[[Json], bool]


def place(body: Object, keys: Keys, read: Read) -> Keys:
    """Return where the message, call or tool that keys lead to stands; () where no list has it."""
    signs, number = _signs(body, keys, read)
    if number >= len(signs):
        return ()
    wanted = signs[number]
    before = signs[:number].count(wanted)

    def holds(other: Json) -> bool:
        return isinstance(other, dict) and _signs(other, keys, read)[0].count(wanted) > before

    body = _needed(body, holds)
    return _listed(body, holds) or _beside(body, holds)


def _needed(body: Object, holds: Holds) -> Object:
    """Return the body with all empty that can be: a codec is quick with what is left."""
    for name, held in _longest_first(body):
        other = body | {name: type(held)()}
        body = other if holds(other) else body
    return body


def _signs(body: Object, keys: Keys, read: Read) -> tuple[list[tuple[str | None, ...]], int]:
    """Return what tells all messages, calls or tools apart, and the number of the one that keys lead to."""
    try:
        request = read(body)
    except Unreadable:
        return [], 0
    if keys[0] == "tools":
        return [(tool.name,) for tool in request.tools], int(keys[1])
    if keys[2:3] == ("tool_calls",) and len(keys) > 3:
        calls = [[(call.name, call.id) for call in message.tool_calls] for message in request.messages]
        return list(chain(*calls)), sum(map(len, calls[: int(keys[1])])) + int(keys[3])
    return [(message.role, message.tool_call_id) for message in request.messages], int(keys[1])


def _listed(value: Json, holds: Holds) -> Keys:
    """Go down to the item of a list without which it is no longer said."""
    if isinstance(value, list):
        index = bisect_left(range(1, len(value)), True, key=lambda size: holds(value[:size]))
        return index, *_listed(value[index], lambda other: holds([*value[:index], other]))
    for name, held in _longest_first(value) if isinstance(value, dict) else ():
        inside = _inside(value, name, holds)
        if not inside(type(held)()):
            return name, *_listed(held, inside)
    return ()


def _longest_first(value: Object) -> list[tuple[str, Json]]:
    """The conversation comes before a system prompt that is a list too: both may hold a system message."""
    held = [(name, item) for name, item in value.items() if isinstance(item, list | dict) and item]
    return sorted(held, key=lambda one: -len(one[1]) if isinstance(one[1], list) else 0)


def _inside(value: Object, name: str, holds: Holds) -> Holds:
    return lambda other: holds(value | {name: other})


def _beside(body: Object, holds: Holds) -> Keys:
    """A field of its own, as a system prompt is on some wires."""
    names = (name for name, held in body.items() if isinstance(held, str | dict) and name != "model")
    without = ((name, {key: body[key] for key in body if key != name}) for name in names)
    return next(((name,) for name, other in without if not holds(other)), ())
