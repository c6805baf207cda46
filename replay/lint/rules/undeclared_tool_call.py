"""The assistant called a tool that the request does not offer."""

from __future__ import annotations

from collections.abc import Iterator

from replay.errors import nearest
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "warning"


def check(subject: Subject) -> Iterator[Found]:
    """Find calls in the history of tools that are not among those offered, if any are."""
    names = [tool.name for tool in subject.request.tools if tool.type in ("function", "custom")]
    if len(names) < len(subject.request.tools) or not names:  # a tool of the provider's own may have any name
        return
    seen: set[str] = set()
    for index, message in enumerate(subject.messages):
        for number, call in enumerate(message.tool_calls):
            if call.name not in names and call.name not in seen:
                seen.add(call.name)
                mend = f"offer the tool, or take its calls out of the history; {nearest(call.name, names)}"
                yield Found(("messages", index, "tool_calls", number), f"no tool is called {call.name}", mend)
