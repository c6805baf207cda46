"""A message has a role that chat models do not know."""

from __future__ import annotations

from collections.abc import Iterator

from replay.errors import nearest
from replay.fixtures import ROLES
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Found]:
    """Find roles that are none, in a request that was not answered all the same."""
    for index, message in enumerate(subject.messages):
        if message.role not in ROLES and not subject.taken:
            reason = f'role "{message.role}" is none that chat models know'
            yield Found(("messages", index, "role"), reason, nearest(message.role, ROLES))
