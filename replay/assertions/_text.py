"""What the assertions on a reply's text share."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from replay.assertions._arguments import check_flag, texts
from replay.assertions._found import Found, ReplyAssertion
from replay.diff import short
from replay.turn import Reply


@dataclass(frozen=True)
class TextAssertion(ReplyAssertion):
    """Looks for texts in what the reply says; with `ignore_case`, whatever their case."""

    text: str | list[str]
    ignore_case: bool = field(default=False, kw_only=True)
    speaking: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse what is no text, and the empty text, which every reply contains."""
        super().__post_init__()
        texts("text", self.text)
        check_flag("ignore_case", self.ignore_case)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The texts as a tuple."""
        return texts("text", self.text)

    def folded(self, text: str) -> str:
        """Return the text as it is compared."""
        return text.casefold() if self.ignore_case else text

    def within(self, text: str) -> Iterator[str]:
        """Yield those of the texts that are in `text`."""
        folded = self.folded(text)
        return (wanted for wanted in self.wanted if self.folded(wanted) in folded)

    def of_reply(self, reply: Reply) -> Iterator[Found]:
        """Judge the text of the reply."""
        return self.of_text(reply.message.text)

    def of_text(self, said: str) -> Iterator[Found]:
        """Yield what is wrong with a text."""
        raise NotImplementedError


def said_as(text: str) -> str:
    """Quote what a reply says, shortened: `the reply says "..."` or that it says nothing."""
    return f"the reply says {short(text, 160)}" if text else "the reply is empty"


def normal_form_hint(wanted: str, text: str) -> str:
    """Say so where only the Unicode normal form keeps a text from being found."""
    forms = (unicodedata.normalize("NFC", part) for part in (wanted, text))
    return "; it is there in another Unicode normal form (NFC or NFD)" if next(forms) in next(forms) else ""
