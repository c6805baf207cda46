"""A tool call is never answered, though the conversation goes on."""

from __future__ import annotations

from collections.abc import Iterator

from replay.documents import Keys
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "error"
_MEND = "answer each call with a tool message before anything else is said, an error message if need be"


def check(subject: Subject) -> Iterator[Found]:
    """Find calls without a result; those of the last message are still to be answered."""
    if subject.partial:
        return
    unanswered: dict[str, tuple[Keys, str]] = {}
    for index, message in enumerate(subject.messages):
        if message.role == "tool":
            unanswered.pop(message.tool_call_id or "", None)
        for number, call in enumerate(message.tool_calls):
            if call.id and index < len(subject.messages) - 1:
                unanswered[call.id] = ("messages", index, "tool_calls", number), call.name
    for name, (keys, tool) in unanswered.items():
        yield Found(keys, f'call "{name}" of {tool} is never answered', _MEND)
