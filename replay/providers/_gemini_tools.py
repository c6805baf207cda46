"""Tools: function declarations, and the tools that Gemini brings along.

https://ai.google.dev/api/caching#Tool. Declarations that follow each other share a tool object; one that
begins an object of its own, or one that says more than its declarations, is marked so under `native`.
"""

from __future__ import annotations

from collections.abc import Iterable

from replay.conversation import Object, Tool
from replay.jsontext import same
from replay.providers import _native
from replay.providers._gemini_schema import FIELD, TYPES, read_schema, write_schema
from replay.providers._gemini_words import SPELLING, WIRE, beyond, in_camel, respelled

_DECLARATIONS = ("functionDeclarations", "function_declarations")
_FIELDS = ("parameters", "parametersJsonSchema")
_OBJECT = "tool"  # noted: that a declaration begins a tool object, and what this says beside declarations


def read(tools: list[Object]) -> tuple[Tool, ...]:
    """Read the tool objects of a request; what cannot be read as functions stays native."""
    found: list[Tool] = []
    for raw in tools:
        functions = _functions(raw, follows=bool(found) and found[-1].type == "function")
        if functions and same(write(functions), [raw]):
            found += functions
        else:
            found.append(Tool(next(iter(raw), WIRE), type=_native.NATIVE, outer={WIRE: raw}))
    return tuple(found)


def _functions(raw: Object, *, follows: bool) -> list[Tool]:
    """The declarations of a tool object, none if one of them cannot be read."""
    name = next((name for name in _DECLARATIONS if name in raw), "")
    declared = raw.get(name)
    functions = [_function(item) for item in declared] if isinstance(declared, list) else []
    rest = {key: value for key, value in raw.items() if key != name}
    if functions and (rest or follows or name == _DECLARATIONS[1]):
        functions[0] = _beginning(functions[0], rest, snake=name == _DECLARATIONS[1])
    return [tool for tool in functions if tool] if all(functions) else []


def _beginning(tool: Tool | None, rest: Object, *, snake: bool) -> Tool | None:
    if tool is None:
        return None
    own = _native.own(tool.outer, WIRE)
    names = {SPELLING: sorted({*own.get(SPELLING, ()), _DECLARATIONS[1]})} if snake else {}
    return _with(tool, own | {_OBJECT: rest} | names)


def _with(tool: Tool, own: Object) -> Tool:
    return Tool(tool.name, tool.description, tool.parameters, outer=_native.keep(WIRE, own))


def _function(raw: object) -> Tool | None:
    if not isinstance(raw, dict):
        return None
    snake: set[str] = set()
    said = in_camel(raw, snake)
    name, description = said.pop("name", None), said.pop("description", None)
    if not isinstance(name, str) or not isinstance(description, str | None):
        return None
    own: Object = {SPELLING: sorted(snake)} if snake else {}
    schema, notes = read_schema(said, _FIELDS) or (None, {})
    tool = Tool(name, description, schema)
    rest = beyond(said, _schema(tool, notes))
    return None if rest is None else _with(tool, own | notes | rest)


def _schema(tool: Tool, notes: Object) -> Object:
    return {} if tool.parameters is None else write_schema(tool.parameters, _FIELDS, notes)


def write(tools: Iterable[Tool]) -> list[Object]:
    """Return the tool objects of a request: the inverse of `read`."""
    objects: list[Object] = []
    declared: list[Object] | None = None
    for tool in tools:
        own = _native.own(tool.outer, WIRE)
        if tool.type == _native.NATIVE:
            objects += [tool.outer[WIRE]] if isinstance(tool.outer.get(WIRE), dict) else []
            declared = None
        elif tool.type == "function":
            if declared is None or _OBJECT in own:
                declared = []
                objects.append(_object(declared, own))
            declared.append(_declaration(tool, own))
    return objects


def _object(declared: list[Object], own: Object) -> Object:
    snake = _DECLARATIONS[1] in own.get(SPELLING, ())
    rest: Object = own.get(_OBJECT) or {}
    return {_DECLARATIONS[snake]: declared} | rest


def _declaration(tool: Tool, own: Object) -> Object:
    said: Object = {"name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    said |= _schema(tool, own)
    rest = {name: value for name, value in own.items() if name not in (SPELLING, _OBJECT, FIELD, TYPES)}
    sent: Object = respelled(said | rest, own.get(SPELLING) or [])
    return sent
