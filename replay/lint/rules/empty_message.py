"""A message says nothing."""

from __future__ import annotations

from collections.abc import Iterator

from replay.conversation import Message
from replay.lint.finding import Found
from replay.lint.subject import SYSTEM, Subject

SEVERITY = "warning"
_MEND = "leave the message out, or say what was meant: some providers refuse empty content"


def check(subject: Subject) -> Iterator[Found]:
    """Find messages of the system, a user or the assistant without content, calls or anything beside it."""
    for index, message in enumerate(subject.messages):
        if message.role in (*SYSTEM, "user", "assistant") and _is_empty(message):
            yield Found(("messages", index), f"the {message.role} message is empty", _MEND)


def _is_empty(message: Message) -> bool:
    content = message.content
    said = content.strip() if isinstance(content, str) else [part for part in content or () if _says(part)]
    beside = {name for name, value in message.extra.items() if value and name != "name"}
    return not (said or message.tool_calls or beside)


def _says(part: dict[str, object]) -> bool:
    return part.get("type") != "text" or bool(str(part.get("text") or "").strip())
