"""A tool that writes takes no key by which a repeated call is known."""

from __future__ import annotations

import re
from collections.abc import Iterator

from replay.conversation import Tool
from replay.lint._schemas import properties
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "note"
_WRITES = re.compile(
    r"(?:.*_)?(?:pay|charge|refund|transfer|purchase|buy|send|submit)_\w+|(?:book|order|place)_\w+|"
    r"(?:.*_)?create_(?:appointment|booking|charge|invoice|order|payment|refund|reservation|ticket|transfer)"
)
_READS = re.compile(
    r"(?:get|list|search|find|lookup|look_up|fetch|read|check|track|view|show)_\w+|"
    r"\w+_(?:details?|history|info|list|lookup|search|status|summary)"
)
_HANDS_OVER = re.compile(
    r"(?:.*_)?transfer_(?:to_\w+|agent|call|control|conversation|task)"
)  # to another agent
_KEY = re.compile(
    r"idempoten|dedup|(?:request|client|transaction|operation)_?(?:id|token|key)|nonce", re.IGNORECASE
)
_MEND = "take an idempotency_key, made once for each intent: a retry after a timeout then does nothing twice"


def check(subject: Subject) -> Iterator[Found]:
    """Find tools with `effect: write`, or named for sending, paying or booking, without such a parameter."""
    for keys, tool in subject.functions:
        if _writes(tool) and not any(map(_KEY.search, properties(tool.parameters or {}))):
            yield Found(keys, f"tool {tool.name} writes, and takes no key against doing it twice", _MEND)


def _writes(tool: Tool) -> bool:
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[.-]", "_", tool.name).lower()
    guessed = _WRITES.fullmatch(name) and not (_READS.fullmatch(name) or _HANDS_OVER.fullmatch(name))
    return tool.effect == "write" or (tool.effect is None and bool(guessed))
