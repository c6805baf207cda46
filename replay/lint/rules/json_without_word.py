"""json_object is asked for, and no message says JSON."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "error"
_WIRES = ("", "openai", "openai_responses", "openai_compatible", "azure")


def check(subject: Subject) -> Iterator[Found]:
    """Find JSON mode without the word, which OpenAI demands of the messages; Gemini and others do not."""
    given = subject.params.get("response_format")
    asked = isinstance(given, dict) and given.get("type") == "json_object"
    if not asked or subject.provider not in _WIRES or subject.taken:
        return
    if not any("json" in text.text.lower() for text in subject.texts):
        reason = "response_format is json_object, and no message has the word JSON: OpenAI refuses that"
        mend = "say in the system message which JSON is wanted, or give the schema with json_schema"
        yield Found(("params", "response_format"), reason, mend)
