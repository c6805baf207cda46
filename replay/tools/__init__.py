"""Answers tool calls: from the results of a conversation, or by Python functions.

A `conftest.py` registers functions by the names of their tools:

    from replay import tools
    tools.registry.register("lookup_order", lambda order_id: {"status": "refunded"})

A function is called with the arguments of the call as keywords (the text of a custom tool as its only one)
and returns text, anything that can be JSON, None for nothing, or a `ToolResult` where a status is to be told.
What it raises is a result of status `error`, a PermissionError one of `permission_denied`. What it returns is
sent, and so is part of what is recorded: for the same arguments it has to be the same. Live cases are played
in threads, several at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from replay.conversation import Conversation, Message, Object, ToolCall, ToolResult
from replay.loop import Loop
from replay.registry import Registry
from replay.tools._calls import refusal
from replay.tools._functions import called
from replay.tools._recorded import RecordedResults, Unanswered
from replay.turn import Answer

__all__ = ["Answered", "RecordedResults", "Tools", "Unanswered", "registry"]

registry: Registry[Callable[..., Any]] = Registry(__name__)

_FAILED = ("error", "permission_denied")
_NATIVE: Object = {"anthropic": {"result": {"is_error": True}}, "bedrock": {"result": {"status": "error"}}}


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers to the calls of one reply, and the messages that carry them.

    `problem` says why a call was left without an answer, "" where none was.
    """

    answers: tuple[Answer, ...]
    messages: tuple[Message, ...]
    problem: str = ""


class Tools:
    """What answers the calls of one play: recorded results first, each given once, then functions."""

    def __init__(self, conversation: Conversation, loop: Loop) -> None:
        self._conversation, self._loop = conversation, loop
        self._recorded = RecordedResults(conversation.tool_results)

    def answer(self, calls: Iterable[ToolCall], deadline: float | None = None) -> Answered:
        """Answer calls in their order, up to one that ends the play.

        A function is waited for until the `deadline`, a time of `time.monotonic`, without one for ever.
        """
        answers, messages = list[Answer](), list[Message]()
        for call in calls:
            try:
                answer, result = self._answer(call, deadline)
            except Unanswered as problem:
                answers.append(Answer(call.id, call.name, "error", "unmatched", "tool_result", str(problem)))
                return Answered(tuple(answers), tuple(messages), str(problem))
            answers.append(answer)
            messages.append(_message(call, result))
        return Answered(tuple(answers), tuple(messages))

    def _answer(self, call: ToolCall, deadline: float | None) -> tuple[Answer, ToolResult]:
        refused = refusal(call, self._conversation, self._loop)
        if refused:
            kind, status, why = refused
            return Answer(call.id, call.name, status, "refused", kind, why), _problem(call, status, why)
        by, result = self._result(call, deadline)
        return Answer(call.id, call.name, result.status, by), result

    def _result(self, call: ToolCall, deadline: float | None) -> tuple[str, ToolResult]:
        """Return what answers a call, and what gave it. Raises Unanswered."""
        recorded = self._recorded.take(call)
        if recorded:
            return "recorded", recorded
        if call.name in registry:
            return "function", called(registry.get(call.name), call, deadline)
        near = self._recorded.take_nearest(call) if self._loop.unmatched == "nearest" else None
        if near:
            return "nearest", near
        if self._loop.unmatched == "error":
            return "unmatched", _problem(call, "error", f"{call.name} cannot answer this")
        raise Unanswered(self._recorded.describe(call))


def _problem(call: ToolCall, status: str, why: str) -> ToolResult:
    """A result that the model can read. Its words are sent, so they are part of what is recorded."""
    return ToolResult(call.name, None, {"error": why}, status)


def _message(call: ToolCall, result: ToolResult) -> Message:
    """The message that carries a result; where a wire has a word for failure, it says so."""
    if call.type == "function_call":
        return Message("function", result.text, extra={"name": call.name})
    failed = {"native": _NATIVE} if result.status in _FAILED else {}
    return Message("tool", result.text, tool_call_id=call.id, extra=failed)
