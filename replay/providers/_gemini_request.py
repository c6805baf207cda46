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
_CONTENTS = "contents"  # under `native`: that they are one `object`, not a list, or `none`


def write(request: Request) -> Object:
    """Return the JSON body that asks for this."""
    own = _native.own(request.params, WIRE)
    body = params.write(request.params, request.model)
    system, said = contents.write(request.messages, request.model)
    offered = tools.write(request.tools)
    if system is not None:
        body["system_instruction" if "system_instruction" in own.get(SPELLING, ()) else _SYSTEM] = system
    if offered:
        body["tools"] = offered
    form = own.get(_CONTENTS)
    if said or _CONTENTS not in own:
        body[_CONTENTS] = said[0] if form == "object" and len(said) == 1 else said
    elif form == "none":
        del body[_CONTENTS]
    return body


def read(body: Object) -> Request:
    """Read a request's body. Raises ValueError."""
    name = next((name for name in body if camel(name) == _SYSTEM), _SYSTEM)
    system, said, offered = body.get(name), body.get(_CONTENTS), body.get("tools")
    given = {name: system, _CONTENTS: said, "tools": offered or None}
    rest = {name: value for name, value in body.items() if given.get(name) is None}
    if isinstance(said, dict) or _CONTENTS not in body:
        rest[_CONTENTS] = "object" if said is not None else "none"
    first: list[Message] = [] if system is None else [contents.read_system(system)]
    return Request(
        "",
        (*first, *contents.read(_items([said] if isinstance(said, dict) else said, _CONTENTS))),
        tools.read(_items(offered, "tools")),
        params.read(rest, set() if system is None or name == _SYSTEM else {name}),
    )


def _items(value: Json, name: str) -> list[Object]:
    return _shape.mappings(value, name)
