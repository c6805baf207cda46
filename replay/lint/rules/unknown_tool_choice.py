"""tool_choice names a tool that is not offered."""

from __future__ import annotations

from collections.abc import Iterator

from replay.conversation import Json
from replay.errors import nearest
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Found]:
    """Find a choice of a function that is none of the tools."""
    name, names = _chosen(subject.params.get("tool_choice")), [tool.name for tool in subject.request.tools]
    if name and names and name not in names:
        reason = f"tool_choice names {name}, which is not offered"
        yield Found(("params", "tool_choice"), reason, f"offer it, or choose another; {nearest(name, names)}")


def _chosen(choice: Json) -> str:
    function = choice.get("function") or choice.get("custom") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else ""
