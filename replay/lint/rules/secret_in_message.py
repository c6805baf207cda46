"""A message holds a key, a token or a password."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from replay.documents import Keys
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "error"
_MEND = "revoke it, take it out of what is sent, and of what is kept: replay redact"


def check(subject: Subject) -> Iterator[Found]:
    """Find what redaction would take for a credential; what it is is never said."""
    for keys, text in _said(subject):
        kinds = Counter(kind for kind, _ in subject.around.redactor.find(text))
        for kind, count in kinds.items():
            yield Found(keys, f"{count} x {kind}" if count > 1 else kind, _MEND)


def _said(subject: Subject) -> Iterator[tuple[Keys, str]]:
    yield from ((text.keys, text.text) for text in subject.texts)
    for index, message in enumerate(subject.messages):
        for number, call in enumerate(message.tool_calls):
            yield ("messages", index, "tool_calls", number, "function", "arguments"), call.arguments
