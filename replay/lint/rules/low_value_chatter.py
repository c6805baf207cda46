"""Messages of pleasantries are carried along."""

from __future__ import annotations

import re
from collections.abc import Iterator

from replay.diff import short
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "note"
_FEWEST = 3
_PHRASES = (
    r"ok(?:ay)?|thanks?(?: you)?(?: (?:so|very) much| a lot)?|great|perfect|cool|nice|awesome|got it|sure",
    r"hello|hi(?: there)?|hey|good (?:morning|evening|day)|bye|goodbye|have a (?:great|nice|good) day",
    r"you(?:'|’)?re welcome|no problem|my pleasure|happy to help|glad i could help|that(?:'|’)?s all",
    r"(?:is there )?anything else(?: i can (?:help|assist)(?: you)?(?: with)?)?(?: today)?",
    r"how can i (?:help|assist)(?: you)?(?: today)?",
)
_CHATTER = re.compile(rf"(?:(?:{'|'.join(_PHRASES)})[\s,.!?:)☺🙂😊-]*)+", re.IGNORECASE)


def check(subject: Subject) -> Iterator[Found]:
    """Find three messages or more before the last one that say nothing but ok, thanks or welcome."""
    said = subject.of("user", "assistant")[:-1]
    chatter = [text for text in said if _is_chatter(text.text.strip())]
    if len(chatter) >= _FEWEST:
        words = ", ".join(short(text.text.strip(), 30) for text in chatter[:_FEWEST])
        reason = f"{len(chatter)} messages say nothing that later turns need: {words}"
        yield Found(
            ("messages", chatter[0].keys[1]), reason, "leave pleasantries out of the history that is sent"
        )


def _is_chatter(text: str) -> bool:
    return len(text) < 160 and _CHATTER.fullmatch(text) is not None
