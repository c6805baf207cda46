"""A tool has no description."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "note"
_MEND = "say what it does, when to use it and when not: the model chooses by that"


def check(subject: Subject) -> Iterator[Found]:
    """Find functions that say nothing of themselves."""
    for keys, tool in subject.functions:
        if not (tool.description or "").strip():
            yield Found(keys, f"tool {tool.name} has no description", _MEND)
