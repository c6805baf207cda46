"""The system text says one thing and its opposite."""

from __future__ import annotations

import re
from collections.abc import Iterator

from replay.diff import short
from replay.lint.finding import Found
from replay.lint.subject import SYSTEM, Subject

SEVERITY = "warning"
_MEND = "keep one of the two, or say when each holds"
_SENTENCE = re.compile(r"[^.!?\n;]+")
_CONDITION = re.compile(
    r"\b(?:if|when|unless|except|only|until|otherwise|after|before|while)\b", re.IGNORECASE
)
_ORDER = re.compile(r"\b(always|never|must not|do not|don't)\s+([\w'-]+(?:\s+[\w'-]+){1,3})", re.IGNORECASE)
_LANGUAGES = (
    "English|French|German|Spanish|Italian|Portuguese|Chinese|Japanese|Korean|Dutch|Russian|Polish|Arabic"
)
_LANGUAGE = re.compile(
    rf"\b(?:answer|respond|reply|write|speak)\b[^.\n]{{0,20}}\bin ({_LANGUAGES})\b", re.IGNORECASE
)
_ANSWER = r"\b(?:be|answer|respond|reply)\s+(?:very |extremely |as )?"
_LENGTHS = (
    re.compile(rf"{_ANSWER}(?:brief|concise|short)", re.IGNORECASE),
    re.compile(rf"{_ANSWER}(?:detailed|verbose|thorough|at length)", re.IGNORECASE),
)


def check(subject: Subject) -> Iterator[Found]:
    """Find always against never of the same thing, two languages, and brief against detailed answers.

    Sentences with a condition (if, when, unless, ...) are left out: they may both hold.
    """
    sentences = [
        (text.keys, " ".join(sentence.split()))
        for text in subject.of(*SYSTEM)
        for sentence in _SENTENCE.findall(text.text)
        if not _CONDITION.search(sentence)
    ]
    told: dict[str, tuple[bool | str, str]] = {}
    for keys, sentence in sentences:
        for topic, says in _says(sentence):
            before = told.setdefault(topic, (says, sentence))
            if before[0] != says:
                reason = f"{short(sentence, 80)} contradicts {short(before[1], 80)}"
                yield Found(keys, reason, _MEND)


def _says(sentence: str) -> Iterator[tuple[str, bool | str]]:
    for order in _ORDER.finditer(sentence):
        yield " ".join(order[2].lower().split()), order[1].lower() == "always"
    for language in _LANGUAGE.finditer(sentence):
        yield "(language)", language[1].lower()
    for number, pattern in enumerate(_LENGTHS):
        if pattern.search(sentence):
            yield "(length)", bool(number)
