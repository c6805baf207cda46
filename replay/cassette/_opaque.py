"""Credentials without any prefix, in prose: a long random word near a word that says what it is.

Half of the providers' keys are 32 hex digits, or 32 to 64 letters and digits. So are hashes and ids: only
what is said around them tells. What is the whole value of a JSON field is left to the field's name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from math import log2

from replay.cassette._flatten import DEPTHS

BEFORE, AFTER = 120, 60  # bytes around, in the same text, in which a telling word is looked for

_WORD = re.compile(
    rb"(?<![\w+/.-])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z0-9+/]{32,128}={0,2})(?![\w+/=-])",
    re.ASCII,
)
_OTHER_KEYS = rb"cache|public|primary|foreign|partition|sort|idempotency|page|next|hash"
_TELLING = re.compile(
    rb"(?<![A-Za-z])(?P<other>%s)?(?<!REDACTED)[ _-]?"
    rb"(?:keys?|tokens?|secrets?|password|passwd|credentials?|bearer|A[KS]IA[A-Z2-7]{16})(?![A-Za-z])"
    % _OTHER_KEYS,
    re.IGNORECASE,
)
_FIELD_BEFORE = re.compile(rb"[:,\[]\s*[%s]\Z" % DEPTHS)
_FIELD_EDGE = re.compile(rb"[%s]\s*[:,]|[{}]" % DEPTHS)


def hinted(raw: bytes, words: list[bytes]) -> bool:
    """Tell quickly whether one of raw text's long words may be such a one, and is no field's whole value."""
    return any(len(word) >= 32 and b'"%s"' % word not in raw for word in words)


def opaque(flat: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield `(start, end, kind)` of random words that prose calls a secret, in the flat view."""
    for word in _WORD.finditer(flat):
        start, end = word.span()
        if _is_random(word[0]) and not _is_field(flat, start, end) and _is_called_secret(flat, start, end):
            yield start, end, "opaque key"


def entropy(word: bytes) -> float:
    """Return Shannon's entropy of the characters of a word, in bits for each."""
    return -sum(count / len(word) * log2(count / len(word)) for count in Counter(word).values())


def _is_random(word: bytes) -> bool:
    """Tell random text from words and paths: letters and digits are mixed, and few come often."""
    if word.count(b"/") > len(word) // 8 or not re.search(rb"\d", word) or not re.search(rb"[A-Za-z]", word):
        return False
    return entropy(word) >= (3.0 if re.fullmatch(rb"[0-9a-f-]+", word) else 3.8)


def _is_field(flat: bytes, start: int, end: int) -> bool:
    quote = flat[end : end + 1]
    return (
        quote in DEPTHS and quote != b"" and _FIELD_BEFORE.search(flat, max(0, start - 8), start) is not None
    )


def _is_called_secret(flat: bytes, start: int, end: int) -> bool:
    before = _FIELD_EDGE.split(flat[max(0, start - BEFORE) : start])[-1]
    after = _FIELD_EDGE.split(flat[end : end + AFTER], maxsplit=1)[0].partition(b"\n")[0]
    return any(not word["other"] for text in (before, after) for word in _TELLING.finditer(text))
