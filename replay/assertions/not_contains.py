"""`not_contains: sorry` or `not_contains: {text: [sorry, unable], ignore_case: true}`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from replay.assertions._found import Found
from replay.assertions._text import TextAssertion, said_as
from replay.diff import short


@dataclass(frozen=True)
class NotContains(TextAssertion):
    """The reply's text contains none of the texts."""

    def of_text(self, said: str) -> Iterator[Found]:
        """Yield one finding for each text that is there."""
        for text in self.within(said):
            yield Found("unexpected", f"expected no {short(text)}, {said_as(said)}", None, said)

    def excludes(self, other: Any) -> bool:
        """Tell whether another assertion asks for a text with a forbidden one in it."""
        if not isinstance(other, TextAssertion) or isinstance(other, NotContains):
            return False
        hits = [any(self.within(text)) for text in other.wanted]
        return all(hits) if getattr(other, "any", False) else any(hits)
