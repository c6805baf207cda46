"""What a suite says must hold of a conversation, as it is written."""

from __future__ import annotations

from replay import fixtures
from replay.conversation import Json, Object

Asserted = list[tuple[str, Json]]


def asserted(data: Object, conversation: str) -> Asserted:
    """Return the names and arguments of a conversation's assertions: a case's before those of its suite."""
    found = _pairs(data)
    for case in data.get("cases") or ():
        if _names(case["conversation"], conversation):
            own = _pairs(case)
            found = [pair for pair in found if pair[0] not in dict(own)] + own
    return found


def faulted(data: Object, conversation: str) -> list[Json]:
    """Return a conversation's faults as they are written: those of its suite, then those of its cases."""
    own = (case for case in data.get("cases") or () if _names(case["conversation"], conversation))
    return [fault for said in (data, *own) for fault in said.get("faults") or ()]


def _names(pattern: str, conversation: str) -> bool:
    if not fixtures.is_glob(pattern):
        return pattern == conversation
    return bool(fixtures.glob(pattern).fullmatch(conversation))


def _pairs(data: Object) -> Asserted:
    items = data.get("assert") or ()
    return [(item, None) if isinstance(item, str) else next(iter(item.items())) for item in items]
