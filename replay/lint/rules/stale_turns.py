"""Old turns have nothing to do with what is talked of now."""

from __future__ import annotations

import re
from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import CHARACTERS, SYSTEM, Subject, Text

SEVERITY = "note"
_RECENT = 6  # messages at the end that say what is talked of
_FEWEST, _TOKENS = 8, 1500  # messages and tokens that are worth dropping
_WORD = re.compile(r"[^\W\d_]{5,}|\w*\d\w*")


def check(subject: Subject) -> Iterator[Found]:
    """Find a long run of messages at the beginning that shares hardly a word with the end."""
    said = [text for text in subject.texts if text.keys[0] == "messages" and text.role not in SYSTEM]
    recent = {word for text in said[-_RECENT:] for word in _words(text)}
    stale: list[Text] = []
    for text in said[:-_RECENT]:
        if len(_words(text) & recent) > 1:
            break
        stale.append(text)
    tokens = sum(len(text.text) for text in stale) // CHARACTERS
    if len(stale) >= _FEWEST and tokens >= _TOKENS:
        what = f"{len(stale)} messages from here on, about {tokens:,} tokens"
        reason = f"{what}, share no topic with the last {_RECENT}"
        yield Found(("messages", stale[0].keys[1]), reason, "drop or summarise them")


def _words(text: Text) -> set[str]:
    return set(_WORD.findall(text.text.lower()))
