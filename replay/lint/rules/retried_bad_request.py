"""A request that was refused is sent again as it was."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "warning"
_FINAL = ("invalid_request", "not_found", "content_filter")
_MEND = "retry 408, 409, 429 and 5xx only: a refused request is refused again"


def check(subject: Subject) -> Iterator[Found]:
    """Find a request of a log that had failed before with an error which no retry mends."""
    failed = subject.failed
    if failed is not None and failed.error is not None and failed.error.kind in _FINAL:
        status = failed.error.status or 0
        why = f"{failed.error.kind} {status}" if status >= 400 else failed.error.kind
        yield Found((), f"the same request was refused before: {why} ({failed.place})", _MEND)
