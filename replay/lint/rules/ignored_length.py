"""A reply was cut off at the token limit, and the next turn builds on it."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "warning"
_MEND = "look at finish_reason: raise the limit, ask to go on, or drop the piece before the next turn"
_GOES_ON = ("continue", "go on", "keep going", "carry on", "finish")


def check(subject: Subject) -> Iterator[Found]:
    """Find turns of a log that go on from a reply with finish_reason length, and do not ask to finish it."""
    before = subject.before
    if before is None or before.finish_reason != "length":
        return
    asked = [text for text in subject.of("user") if text.keys[1] >= before.messages]  # type: ignore[operator]
    if not any(word in text.text.lower() for text in asked for word in _GOES_ON):
        reason = f"the reply in the history was cut off (finish_reason length, {before.place})"
        yield Found(("messages", before.messages), reason, _MEND)
