"""More tools are offered than a model chooses well from."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "warning"
# https://platform.openai.com/docs/guides/function-calling#best-practices-for-defining-functions
_MANY = 20
_MOST = 128  # https://platform.openai.com/docs/api-reference/chat/create


def check(subject: Subject) -> Iterator[Found]:
    """Find twenty tools or more."""
    count = len(subject.request.tools)
    if count >= _MANY:
        refused = f"; OpenAI takes no more than {_MOST}" if count > _MOST else ""
        reason = f"{count} tools: fewer than {_MANY} are chosen from reliably{refused}"
        yield Found(
            ("tools",), reason, "offer those that this step needs, or join tools that are used together"
        )
