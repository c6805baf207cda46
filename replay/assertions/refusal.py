"""`refusal` (the model refuses), `refusal: false` (it does not)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from replay import regexes
from replay.assertions._arguments import check_flag
from replay.assertions._found import Found, ReplyAssertion
from replay.assertions._text import said_as
from replay.diff import short
from replay.turn import Reply


@dataclass(frozen=True)
class Refusal(ReplyAssertion):
    """The model refuses to answer, by the wire's own word for it.

    That is a `refusal` beside the content, a content part of that type, or the provider's finish reason
    `refusal`. `patterns` names words by which a plain text is a refusal too.
    """

    wanted: bool = True
    patterns: list[str] | tuple[str, ...] = field(default=(), kw_only=True)
    speaking: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a pattern that cannot be compiled."""
        super().__post_init__()
        check_flag("refusal", self.wanted)
        if not isinstance(self.patterns, list | tuple):
            raise ValueError(f"patterns must be a list, not {short(self.patterns)}")
        for pattern in self.patterns:
            regexes.compiled(pattern)

    def of_reply(self, reply: Reply) -> Iterator[Found]:
        """Compare what came with what is wanted."""
        words = refusal_of(reply)
        said = reply.message.text
        if words is None and any(regexes.found(pattern, said) for pattern in self.patterns):
            words = said
        if self.wanted and words is None:
            yield Found("missing", f"expected a refusal, {said_as(said)}", True, said)
        elif not self.wanted and words is not None:
            yield Found("unexpected", f"expected no refusal, came {short(words, 160)}", False, words)


def refusal_of(reply: Reply) -> str | None:
    """Return the words of a refusal, None when the reply is none."""
    words = reply.message.extra.get("refusal")
    if words:
        return str(words)
    if isinstance(reply.message.content, list):
        for part in reply.message.content:
            if part.get("type") == "refusal":
                return str(part.get("refusal") or "")
    return reply.message.text if reply.native_finish_reason == "refusal" else None
