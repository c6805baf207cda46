"""Something that changes with each call stands at the top, so that no cached prompt fits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import SYSTEM, Subject

SEVERITY = "warning"
_TOP = 400  # characters
_CACHED = (
    1024  # tokens: shorter prompts are cached nowhere, https://platform.openai.com/docs/guides/prompt-caching
)
_CHANGING = (
    ("a time", re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d")),
    ("a time", re.compile(r"\b(?:current|today'?s?|now)\b[^\n]{0,30}\b\d{1,2}:\d\d\b", re.IGNORECASE)),
    (
        "a date",
        re.compile(r"\b(?:current date|today(?:'s date)?|date today)\b[^\n]{0,30}\b\d{4}\b", re.IGNORECASE),
    ),
    (
        "a date",
        re.compile(
            r"^\W*(?:date|datetime|time|timestamp)\W[^\n]{0,20}\b\d{4}\b", re.IGNORECASE | re.MULTILINE
        ),
    ),
    (
        "a UUID",
        re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE),
    ),
    (
        "an id",
        re.compile(r"\b(?:session|request|trace|conversation)[ _-]?id\b\W{1,4}[\w-]{8,}", re.IGNORECASE),
    ),
)
_MEND = (
    "move it to the end of the prompt, into the last user's message: all that stands before it can be cached"
)


def check(subject: Subject) -> Iterator[Found]:
    """Find times, dates of today and ids in the first 400 characters of a prompt long enough to be cached."""
    if not subject.texts or subject.tokens < _CACHED:
        return
    top = subject.texts[0]
    for what, pattern in _CHANGING if top.role in (*SYSTEM, "user") else ():
        if pattern.search(top.text[:_TOP]):
            yield Found(top.keys, f"{what} at the top of the prompt makes every prompt a new one", _MEND)
            return
