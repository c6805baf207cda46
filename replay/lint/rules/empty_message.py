"""A message says nothing."""

from __future__ import annotations

from collections.abc import Iterator

from replay.conversation import Message, Object
from replay.lint.finding import Found
from replay.lint.subject import SYSTEM, Subject

SEVERITY = "warning"
_FORM = ("name", "native")  # whose it is, and how its wire wrote what stands in it
_MEND = "leave the message out, or say what was meant: some providers refuse empty content"


def check(subject: Subject) -> Iterator[Found]:
    """Find messages of the system, a user or the assistant without content, calls or anything beside it."""
    for index, message in enumerate(subject.messages):
        if message.role in (*SYSTEM, "user", "assistant") and _is_empty(message):
            yield Found(("messages", index), f"the {message.role} message is empty", _MEND)


def _is_empty(message: Message) -> bool:
    content = message.content
    said = content.strip() if isinstance(content, str) else any(map(_says, content or ()))
    beside = {name for name, value in message.extra.items() if value and name not in _FORM}
    return not (said or message.tool_calls or beside)


def _says(part: Object) -> bool:
    """A text that is empty says nothing; one that is signed, or anything else, does."""
    own = next((held for name, held in part.items() if name != "type"), None)
    block = own if part.get("type") == "native" and isinstance(own, dict) else part
    blank = block.get("type") == "text" and not str(block.get("text") or "").strip()
    return not blank or "native" in block
