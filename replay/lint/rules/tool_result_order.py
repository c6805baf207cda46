"""Something stands between a tool call and its result."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "error"
_MEND = "move the results directly behind the message that calls, one tool message for each call"


def check(subject: Subject) -> Iterator[Found]:
    """Find results that answer an earlier message than the one directly before them and their like."""
    if subject.partial:
        return
    called: dict[str, int] = {}
    caller = -1  # the message whose results may stand here
    for index, message in enumerate(subject.messages):
        if message.role != "tool":
            caller = index
        elif called.get(message.tool_call_id or "", caller) != caller:
            between = subject.messages[caller].role
            reason = f'a {between} message stands between call "{message.tool_call_id}" and its result'
            yield Found(("messages", index), reason, _MEND)
        called.update((call.id, index) for call in message.tool_calls)
