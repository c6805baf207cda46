"""The model will be shut down within 120 days."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.rules._shutdown import found
from replay.lint.subject import Subject

SEVERITY = "warning"
_NEAR = 120  # days: the notice that providers give is sixty at least


def check(subject: Subject) -> Iterator[Found]:
    """Find models whose day is near."""
    return found(subject, lambda days: 0 < days <= _NEAR)
