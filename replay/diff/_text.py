"""Values and texts made visible, and texts compared word by word."""

from __future__ import annotations

import json
import re
from difflib import SequenceMatcher

from replay.conversation import Json

WORDS_AT_MOST = 4000  # SequenceMatcher is quadratic; longer texts are compared as a whole


def short(value: Json, limit: int = 60) -> str:
    """Write a value as JSON of at most `limit` characters, with what cannot be seen written as escapes."""
    try:
        text = visible(json.dumps(value, ensure_ascii=False, default=str))
    except RecursionError:
        text = "(nested too deeply)"
    return text if len(text) <= limit else text[: limit - 1] + "…"


_UNSEEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)


def visible(text: str) -> str:
    r"""Write control, zero-width, direction and lone surrogate characters as `\uXXXX`."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def words(before: str, after: str) -> list[tuple[str, str]]:
    """Compare two texts word by word: `(" " | "-" | "+", text)` pieces, in order."""
    one, other = (re.findall(r"\w+|\s+|[^\w\s]", text) for text in (before, after))
    if len(one) + len(other) > WORDS_AT_MOST:
        one, other = [before], [after]
    pieces: list[tuple[str, str]] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        marks = " " if tag == "equal" else "-+"
        sides = ("".join(one[i1:i2]), "".join(other[j1:j2]))
        pieces += [(mark, text) for mark, text in zip(marks, sides, strict=False) if text]
    return pieces
