"""The model has been shut down."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.rules._shutdown import found
from replay.lint.subject import Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Found]:
    """Find models whose day has passed."""
    return found(subject, lambda days: days <= 0)
