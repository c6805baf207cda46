"""max_tokens and max_completion_tokens are both given."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "error"
_NAMES = ("max_tokens", "max_completion_tokens")


def check(subject: Subject) -> Iterator[Found]:
    """Find a request with both limits."""
    if all(subject.params.get(name) is not None for name in _NAMES):
        reason = "max_tokens and max_completion_tokens are both given: OpenAI refuses that"
        yield Found(("params", "max_tokens"), reason, "keep max_completion_tokens, which all its models take")
