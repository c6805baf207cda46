"""`equals: Done.`, or `equals: {json: {ok: true}}` for a reply that is JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from replay.assertions._answer import Answer
from replay.assertions._arguments import check_choice, check_number
from replay.assertions._found import Found, ReplyAssertion
from replay.assertions._text import TextAssertion, said_as
from replay.conversation import Json
from replay.diff import Difference, differences, readable, short
from replay.turn import Reply


@dataclass(frozen=True)
class Equals(ReplyAssertion):
    """The reply's text is `text`, or is JSON equal to `json` (1 is 1.0, and is not true).

    `whitespace: ignore` takes any run of white space for one space and none at the ends. `ignore` (paths) and
    `tolerance` (of numbers) are for `json`.
    """

    text: str | None = None
    json: Json = None
    whitespace: str = field(default="exact", kw_only=True)
    ignore: list[str] | tuple[str, ...] = field(default=(), kw_only=True)
    tolerance: float = field(default=0.0, kw_only=True)
    speaking: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse two expectations, or none."""
        super().__post_init__()
        if (self.text is None) == (self.json is None):
            raise ValueError("equals needs one of text and json")
        if self.text is not None and not isinstance(self.text, str):
            raise ValueError(f"text must be text, not {short(self.text)}; write it in quotes, or under json")
        check_choice("whitespace", self.whitespace, ("exact", "ignore"))
        check_number("tolerance", self.tolerance)

    def of_reply(self, reply: Reply) -> Iterator[Found]:
        """Compare, and show the difference."""
        if self.text is None:
            answer = Answer.of(reply)
            found = answer.wrong or self._json(answer.value)
            return iter([found] if found else [])
        return self.of_text(reply.message.text)

    def of_text(self, said: str) -> Iterator[Found]:
        """Compare a text."""
        one, other = self._spaced(self.text or ""), self._spaced(said)
        if one != other:
            diff = readable([Difference("content", "changed", one, other)])
            yield Found("changed", f"expected {short(one, 160)}, {said_as(said)}", self.text, said, diff)

    def _spaced(self, text: str) -> str:
        return text if self.whitespace == "exact" else " ".join(text.split())

    def _json(self, value: Json) -> Found | None:
        found = differences(self.json, value, ignore=self.ignore, tolerance=self.tolerance)
        if not found:
            return None
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        return Found(
            "changed", f"the reply's JSON is another: {found[0]}{more}", self.json, value, readable(found)
        )

    def excludes(self, other: Any) -> bool:
        """Tell whether the one text that passes here fails there."""
        if self.text is None:
            return False
        if isinstance(other, Equals):
            return other.text is not None and any(other.of_text(self.text))
        return isinstance(other, TextAssertion) and any(other.of_text(self.text))
