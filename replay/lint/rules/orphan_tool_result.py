"""A tool message answers no call."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Found]:
    """Find tool messages whose id no call before them has."""
    if subject.partial:
        return
    called: set[str] = set()
    for index, message in enumerate(subject.messages):
        if message.role == "tool" and message.tool_call_id not in called:
            yield _orphan(index, message.tool_call_id, called)
        called.update(call.id for call in message.tool_calls)


def _orphan(index: int, name: str | None, called: set[str]) -> Found:
    known = f"the ids so far are {', '.join(sorted(called))}" if called else "no tool was called before it"
    reason = f'tool_call_id "{name}" answers no call' if name else "a tool message without a tool_call_id"
    mend = f"keep each call together with its result when history is cut; {known}"
    return Found(("messages", index, "tool_call_id") if name else ("messages", index), reason, mend)
