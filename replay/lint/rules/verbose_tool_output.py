"""A tool answers far more than a model needs."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import CHARACTERS, RESULTS, Subject

SEVERITY = "note"
_TOKENS = 4000
_MEND = "return the fields that are used, the first rows, or a page at a time"


def check(subject: Subject) -> Iterator[Found]:
    """Find results of more than 4,000 tokens: every later turn pays for them again."""
    for text in subject.of(*RESULTS):
        tokens = len(text.text) // CHARACTERS
        if tokens > _TOKENS:
            yield Found(text.keys, f"a tool's result of about {tokens:,} tokens", _MEND)
