"""Users speak twice in a row: the reply between them is missing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "note"
_MEND = "put the assistant's reply back between them, or join the two messages into one"


def check(subject: Subject) -> Iterator[Found]:
    """Find two messages of a user in a row after the first reply.

    Before it, several messages in a row are how context is often given beside a question.
    """
    roles = [message.role for message in subject.messages]
    begun = roles.index("assistant") if "assistant" in roles else len(roles)
    for index, pair in enumerate(pairwise(roles), 1):
        if pair == ("user", "user") and index > begun:
            reason = "this message and the one before it are both a user's, with no reply between them"
            yield Found(("messages", index), reason, _MEND)
