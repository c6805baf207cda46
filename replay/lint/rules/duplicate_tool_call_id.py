"""Two tool calls have one id, or one call has two results."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Found]:
    """Find ids that are used again before they are answered, and results of calls that are answered."""
    waiting: dict[str, str] = {}  # ids with the names of the tools
    answered: dict[str, str] = {}
    for index, message in enumerate(subject.messages):
        name = message.tool_call_id or ""
        if message.role == "tool" and name in answered:
            reason = f'call "{name}" of {answered[name]} is answered a second time'
            yield Found(("messages", index, "tool_call_id"), reason, "keep one result for each call")
        elif message.role == "tool" and name in waiting:
            answered[name] = waiting.pop(name)
        for number, call in enumerate(message.tool_calls):
            if call.id in waiting:
                reason = f'tool call id "{call.id}" is that of a call of {waiting[call.id]} before it'
                keys = ("messages", index, "tool_calls", number, "id")
                yield Found(keys, reason, "give each call an id of its own: results are matched by it")
            if call.id:
                waiting[call.id] = call.name
                answered.pop(call.id, None)
