r"""`matches: "order [A-Z]-\\d+"` or `matches: {pattern: "yes|no", whole: true}`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from replay import regexes
from replay.assertions._arguments import check_flag, texts
from replay.assertions._found import Found, ReplyAssertion
from replay.assertions._text import said_as
from replay.diff import short
from replay.turn import Reply


@dataclass(frozen=True)
class Matches(ReplyAssertion):
    """Each pattern is found in the reply's text; with `whole`, matches all of it.

    Patterns are those of the `regex` package (`(?i)` for any case). One that runs for a second is stopped
    and fails.
    """

    pattern: str | list[str]
    whole: bool = field(default=False, kw_only=True)
    speaking: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a pattern that cannot be compiled, with the position."""
        super().__post_init__()
        check_flag("whole", self.whole)
        for pattern in texts("pattern", self.pattern):
            regexes.compiled(pattern)

    def of_reply(self, reply: Reply) -> Iterator[Found]:
        """Search for each pattern."""
        said = reply.message.text
        for pattern in texts("pattern", self.pattern):
            if not regexes.found(pattern, said, whole=self.whole):
                verb = "all of it to match" if self.whole else "a match of"
                yield Found("missing", f"expected {verb} {short(pattern)}, {said_as(said)}", pattern, said)
