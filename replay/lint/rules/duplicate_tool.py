"""Two tools have one name."""

from __future__ import annotations

from collections.abc import Iterator

from replay.documents import Keys
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Found]:
    """Find functions that are declared again."""
    first: dict[str, Keys] = {}
    for keys, tool in subject.functions:
        if tool.name in first:
            reason = f"{tool.name} is declared twice, first as tools[{first[tool.name][1]}]"
            yield Found(keys, reason, "keep one of them, or give the other a name of its own")
        first.setdefault(tool.name, keys)
