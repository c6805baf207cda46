"""Answers tool calls from a conversation's recorded results."""

from __future__ import annotations

from collections.abc import Iterable

from replay.conversation import Json, Message, ToolCall, ToolResult
from replay.diff import differences
from replay.jsontext import same


class Unanswered(Exception):
    """No recorded result fits a tool call; the message names the nearest one."""


class RecordedResults:
    """The `tool_results` of one conversation, each given once; equal calls take them in order."""

    def __init__(self, results: Iterable[ToolResult]) -> None:
        self._left = list(results)

    def answer(self, call: ToolCall) -> Message:
        """Return the tool message that answers a call. Raises Unanswered."""
        arguments = _arguments(call)
        for result in self._left:
            if result.name == call.name and (result.arguments is None or same(result.arguments, arguments)):
                self._left.remove(result)
                return _message(call, result)
        raise Unanswered(self._nearest(call, arguments))

    def _nearest(self, call: ToolCall, arguments: Json) -> str:
        asked = f"no recorded result is left for {call.name}({call.arguments})"
        named = [result for result in self._left if result.name == call.name]
        if not named:
            names = sorted({result.name for result in self._left})
            return f"{asked}; " + (
                f"results are left for {', '.join(names)}" if names else "none are left at all"
            )
        places = min((differences(result.arguments, arguments) for result in named), key=len)
        return f"{asked}; closest is one where {'; '.join(map(str, places[:3]))}"


def _arguments(call: ToolCall) -> Json:
    try:
        return call.parsed()
    except ValueError:
        return call.arguments


def _message(call: ToolCall, result: ToolResult) -> Message:
    if call.type == "function_call":
        return Message("function", result.text, extra={"name": call.name})
    return Message("tool", result.text, tool_call_id=call.id)
