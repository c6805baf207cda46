"""`contains: refund` or `contains: {text: [refund, A-1001], any: true}`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from replay.assertions._arguments import check_flag
from replay.assertions._found import Found
from replay.assertions._text import TextAssertion, normal_form_hint, said_as
from replay.diff import short


@dataclass(frozen=True)
class Contains(TextAssertion):
    """The reply's text contains each of the texts; with `any`, at least one of them."""

    any: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse an `any` that is not true or false."""
        super().__post_init__()
        check_flag("any", self.any)

    def of_text(self, said: str) -> Iterator[Found]:
        """Yield one finding for each text that is missing, or one for all."""
        there = set(self.within(said))
        if self.any and not there:
            wanted = " or ".join(short(text) for text in self.wanted)
            yield Found("missing", f"expected {wanted}, {said_as(said)}", list(self.wanted), said)
        elif not self.any:
            for text in self.wanted:
                if text not in there:
                    hint = normal_form_hint(text, said)
                    yield Found("missing", f"expected {short(text)}, {said_as(said)}{hint}", text, said)
