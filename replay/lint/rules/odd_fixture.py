"""A fixture is read, and something in it is odd."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "note"


def check(subject: Subject) -> Iterator[Found]:
    """Find what the reader of fixtures warned of."""
    for fault in subject.faults:
        if fault.warning:
            yield Found(
                (), fault.message, "mend it, or leave it if that is what was sent", fault.line, fault.column
            )
