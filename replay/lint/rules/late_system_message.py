"""A system message stands in the middle of the conversation."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import SYSTEM, Subject

SEVERITY = "note"
_MEND = "put what holds for the whole conversation into the first message, and the rest into a user's message"


def check(subject: Subject) -> Iterator[Found]:
    """Find system messages after the first message that is none; a developer's may stand anywhere."""
    begun = False
    for index, message in enumerate(subject.messages):
        if message.role not in SYSTEM:
            begun = True
        elif begun and message.role == "system":
            reason = "a system message after the conversation began: some models move it, or refuse it"
            yield Found(("messages", index), reason, _MEND)
