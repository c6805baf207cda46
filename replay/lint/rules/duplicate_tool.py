"""Two tools have one name."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Found]:
    """Find functions that are declared again."""
    seen: set[str] = set()
    for keys, tool in subject.functions:
        if tool.name in seen:
            reason = f"another tool before it is called {tool.name} too"
            yield Found(keys, reason, "keep one of them, or give the other a name of its own")
        seen.add(tool.name)
