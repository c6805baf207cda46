"""Definitions of tools on the Messages wire. Those that its servers carry out are kept as they are."""

from __future__ import annotations

from collections.abc import Iterable

from replay.conversation import Object, Tool
from replay.jsontext import same
from replay.providers import _native
from replay.providers._anthropic_blocks import WIRE

_FREE_TEXT = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}


def written(tools: Iterable[Tool]) -> list[Object]:
    """Return the tools of a request, without those that only other wires have."""
    return [said for tool in tools if (said := _written(tool)) is not None]


def _written(tool: Tool) -> Object | None:
    if tool.type == _native.NATIVE:
        native = tool.outer.get(WIRE)
        return native if isinstance(native, dict) else None
    if tool.type not in ("function", "custom"):
        return None
    free = tool.outer.get("custom") if tool.type == "custom" else None
    description = free.get("description") if isinstance(free, dict) else tool.description
    schema = _FREE_TEXT if tool.type == "custom" else {"type": "object"} | (tool.parameters or {})
    said: Object = {"name": tool.name, "description": description, "input_schema": schema}
    said |= {"strict": tool.extra.get("strict"), "cache_control": tool.outer.get("cache_control")}
    return {key: value for key, value in said.items() if value is not None} | _native.own(tool.outer, WIRE)


def read(tool: Object) -> Tool:
    """Return the tool that a definition is."""
    name, schema, description = tool.get("name"), tool.get("input_schema"), tool.get("description")
    if isinstance(name, str) and isinstance(schema, dict) and isinstance(description, str | None):
        known = ("name", "description", "input_schema", "strict")
        rest = {key: value for key, value in tool.items() if key not in known}
        strict = {"strict": tool["strict"]} if isinstance(tool.get("strict"), bool) else {}
        found = Tool(name, description, schema, extra=strict, outer=_native.keep(WIRE, rest))
        if tool.get("type") in (None, "custom") and same(_written(found), tool):
            return found
    return Tool(name if isinstance(name, str) and name else "native", type=_native.NATIVE, outer={WIRE: tool})
