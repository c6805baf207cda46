"""A conversation, or a request, cannot be read."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Found]:
    """Find what its reader refused."""
    for fault in subject.faults:
        if not fault.warning:
            yield Found((), fault.message, "mend it: nothing else was looked at", fault.line, fault.column)
