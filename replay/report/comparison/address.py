"""Where something opens on the comparison's page."""

from __future__ import annotations

from replay.comparison import Change, Versus
from replay.report.summary import anchor


def key(change: Change) -> str:
    """The name of a change within its candidate; another suite may have the same conversation."""
    return f"{change.suite}::{change.conversation}"


def address(versus: Versus, change: Change | None = None) -> str:
    """Return `#candidate=...`, of a change `#candidate=...&change=<suite>::<conversation>`."""
    if change is None:
        return anchor(candidate=versus.candidate)
    return anchor(candidate=versus.candidate, change=key(change))
