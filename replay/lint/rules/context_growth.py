"""The context is about to be full."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint._models import window
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "warning"
_FULL = 0.8  # of the window
_SOON = 3  # turns
_MEND = "drop or summarise old turns before then, or cut what tools answer"


def check(subject: Subject) -> Iterator[Found]:
    """Find a prompt that fills most of the model's window, or will within three more turns."""
    size = window(subject.request.model) if subject.request.model else None
    if size is None:
        return
    tokens, turn = subject.tokens, _growth(subject)
    left = (size - tokens) / turn if turn > 0 else None
    if tokens > _FULL * size or (left is not None and left < _SOON):
        reason = f"about {tokens:,} of the {size:,} tokens of {subject.request.model} are used"
        if left is not None:
            reason += f", and {turn:,} more with each turn: full after {max(0, int(left))} more"
        yield Found(("messages",), reason, _MEND)


def _growth(subject: Subject) -> int:
    """Return the tokens that a turn adds: measured in a log, else what the turns so far have on average."""
    before = subject.before
    if before is not None and before.prompt_tokens:
        return subject.tokens - before.prompt_tokens
    turns = sum(message.role == "user" for message in subject.messages)
    said = sum(len(text.text) for text in subject.of("user", "assistant", "tool", "function"))
    return said // 4 // turns if turns > 1 else 0
