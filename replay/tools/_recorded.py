"""The results that were recorded with a conversation."""

from __future__ import annotations

from collections.abc import Iterable

from replay.conversation import Json, ToolCall, ToolResult
from replay.diff import differences
from replay.jsontext import same


class Unanswered(Exception):
    """Nothing answers a tool call; the message names the nearest result."""


class RecordedResults:
    """The `tool_results` of one conversation, each given once; equal calls take them in order."""

    def __init__(self, results: Iterable[ToolResult]) -> None:
        self._all = list(results)
        self._left = list(self._all)

    def take(self, call: ToolCall) -> ToolResult | None:
        """Return the next result for exactly this call."""
        arguments = _arguments(call)
        for result in self._left:
            if result.name == call.name and (result.arguments is None or same(result.arguments, arguments)):
                return self._taken(result)
        return None

    def take_nearest(self, call: ToolCall) -> ToolResult | None:
        """Return the result of this tool whose arguments differ least, one given before if need be."""
        named = _named(self._left, call) or _named(self._all, call)
        arguments = _arguments(call)
        near = min(named, key=lambda result: len(differences(result.arguments, arguments)), default=None)
        return near and self._taken(near)

    def describe(self, call: ToolCall) -> str:
        """Say that nothing answers a call, and what comes nearest."""
        asked = f"no recorded result is left for {call.name}({call.arguments})"
        named = _named(self._left, call)
        if not named:
            names = sorted({result.name for result in self._left})
            left = f"results are left for {', '.join(names)}" if names else "none are left at all"
            return f"{asked}; {left}"
        arguments = _arguments(call)
        places = min((differences(result.arguments, arguments) for result in named), key=len)
        return f"{asked}; closest is one where {'; '.join(map(str, places[:3]))}"

    def _taken(self, result: ToolResult) -> ToolResult:
        for place, left in enumerate(self._left):
            if left is result:  # equal ones are given in order
                del self._left[place]
                break
        return result


def _named(results: list[ToolResult], call: ToolCall) -> list[ToolResult]:
    return [result for result in results if result.name == call.name]


def _arguments(call: ToolCall) -> Json:
    try:
        return call.parsed()
    except ValueError:
        return call.arguments
