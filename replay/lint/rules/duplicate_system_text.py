"""The same instruction stands twice in the system text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from replay.diff import short
from replay.documents import Keys
from replay.lint.finding import Found
from replay.lint.subject import SYSTEM, Subject

SEVERITY = "warning"
_LINE = re.compile(r"[^\n]+")
_SHORTEST = 40  # characters; shorter lines are headings and the ends of lists
_MOST = 3  # findings in one request: what is pasted twice has many lines


def check(subject: Subject) -> Iterator[Found]:
    """Find lines that are there again, in one system message or in two."""
    seen: dict[str, Keys] = {}
    twice = 0
    for text in subject.of(*SYSTEM):
        for line in _LINE.findall(text.text):
            plain = " ".join(line.split()).lower()
            if len(plain) < _SHORTEST or not any(map(str.isalpha, plain)):
                continue
            if plain in seen and twice < _MOST:
                twice += 1
                reason = f"the system text says twice: {short(' '.join(line.split()), 80)}"
                yield Found(text.keys, reason, "say it once: repeats cost tokens and drift apart")
            seen.setdefault(plain, text.keys)
