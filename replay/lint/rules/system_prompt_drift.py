"""The system text changed in the middle of a conversation."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "warning"
_MEND = "keep the system text for a whole conversation; what changes goes into a user's message at the end"


def check(subject: Subject) -> Iterator[Found]:
    """Find a turn of a log whose system text is not that of the turn before it."""
    before = subject.before
    if before is not None and before.system != subject.system:
        reason = (
            f"the system text differs from that of the turn before ({before.place}): no cached prefix fits"
        )
        yield Found(("messages", 0), reason, _MEND)
