"""A request's body, both ways.

https://ai.google.dev/api/generate-content#method:-models.generatecontent. Model and stream are not in it: the
URL says them.
"""

from __future__ import annotations

from replay.conversation import Json, Message, Object
from replay.providers import _gemini_contents as contents
from replay.providers import _gemini_params as params
from replay.providers import _gemini_tools as tools
from replay.providers import _native, _shape
from replay.providers._gemini_words import SPELLING, WIRE, camel
from replay.turn import Request

_SYSTEM = "systemInstruction"
_ONE = "contents"  # under `native`: that the contents are one object, not a list


def write(request: Request) -> Object:
    """Return the JSON body that asks for this."""
    own = _native.own(request.params, WIRE)
    body = params.write(request.params, request.model)
    system, said = contents.write(request.messages, request.model)
    offered = tools.write(request.tools)
    if system:
        body["system_instruction" if "system_instruction" in own.get(SPELLING, ()) else _SYSTEM] = system
    if offered:
        body["tools"] = offered
    return body | {"contents": said[0] if own.get(_ONE) == "object" and len(said) == 1 else said}


def read(body: Object) -> Request:
    """Read a request's body. Raises ValueError."""
    named = {camel(name): name for name in body}
    system = body.get(named.get(_SYSTEM, _SYSTEM))
    said, offered = body.get("contents"), body.get("tools")
    ours = (
        {"contents"} | ({named[_SYSTEM]} if system is not None else set()) | ({"tools"} if offered else set())
    )
    rest = {name: value for name, value in body.items() if name not in ours}
    if isinstance(said, dict):
        rest, said = rest | {_ONE: "object"}, [said]
    first: list[Message] = [] if system is None else [contents.read_system(system)]
    snake = {name for name in ours if camel(name) != name}
    return Request(
        "",
        (*first, *contents.read(_items(said, "contents"))),
        tools.read(_items(offered, "tools")),
        params.read(rest, snake),
    )


def _items(value: Json, name: str) -> list[Object]:
    return _shape.mappings(value, name)
