"""Tool calls as the assertions see them: what is declared, and what the arguments are."""

from __future__ import annotations

from collections.abc import Iterable

from replay.assertions._found import Found
from replay.conversation import Json, Object, Tool, ToolCall
from replay.diff import short
from replay.jsontext import parse


def declared(tools: Iterable[Tool], params: Object) -> dict[str, Json]:
    """Return each tool's parameters (None where it has none) by name; legacy `functions` are tools too."""
    names: dict[str, Json] = {tool.name: tool.parameters for tool in tools}
    legacy = params.get("functions")
    for function in legacy if isinstance(legacy, list) else ():
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            names.setdefault(function["name"], function.get("parameters"))
    return names


def arguments_of(call: ToolCall) -> Json:
    """Return a call's arguments: JSON, or the text itself for a custom tool. Raises ValueError."""
    if call.type == "custom":
        return call.arguments
    return parse(call.arguments, strict=True) if call.arguments.strip() else {}


def malformed(call: ToolCall, problem: ValueError) -> Found:
    """Say that the arguments of a call cannot be read."""
    message = f"the arguments of {call.name} are not JSON: {problem}; they are {short(call.arguments, 160)}"
    return Found("malformed", message, None, call.arguments)
