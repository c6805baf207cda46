"""The name of the answer's schema is missing, or none that OpenAI takes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "error"
_ALLOWED = "[a-zA-Z0-9_-]{1,64}"  # https://platform.openai.com/docs/api-reference/chat/create


def check(subject: Subject) -> Iterator[Found]:
    """Find a json_schema whose name does not fit; a provider that answered took it."""
    given = subject.params.get("response_format")
    body = given.get("json_schema") if isinstance(given, dict) else None
    if not isinstance(body, dict) or subject.taken:
        return
    name = body.get("name")
    if not isinstance(name, str) or not re.fullmatch(_ALLOWED, name):
        reason = f'"{name}" cannot be the name of a schema' if name else "the schema has no name"
        keys = ("params", "response_format", "json_schema", *(["name"] if name else []))
        yield Found(keys, reason, f"give it a name that matches {_ALLOWED}")
