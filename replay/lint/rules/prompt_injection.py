"""A text from outside tries to give the model orders."""

from __future__ import annotations

import re
from collections.abc import Iterator

from replay.diff import short
from replay.lint.finding import Found
from replay.lint.subject import RESULTS, Subject, Text

SEVERITY = "warning"
_WHOSE = r"(?:all\s+|any\s+)?(?:of\s+)?(?:the\s+|your\s+)?"
_TOLD = r"(?:instructions?|prompts?|messages?|rules|context|directions)"
_HELD = r"(?:system\s+prompt|initial\s+instructions|hidden\s+instructions)"
_MARKERS = (
    (
        "orders to drop its instructions",
        rf"\b(?:ignore|disregard|forget|override)\s+{_WHOSE}(?:previous|prior|above|earlier|system)\s+{_TOLD}",
    ),
    (
        "orders to drop its instructions",
        r"\b(?:ignore|disregard|forget)\s+(?:everything|all)\s+(?:above|before|you were told)",
    ),
    (
        "orders to drop its instructions",
        r"\b(?:ignore|disregard|forget|override)\s+(?:all\s+)?your\s+(?:\w+\s+)?(?:instructions|guidelines|rules|training)\b",
    ),
    ("another role", r"\byou are now\s+(?:DAN|an? (?:unrestricted|unfiltered|jailbroken|evil)|in \w+ mode)"),
    ("another role", r"\b(?:developer|god|jailbreak) mode (?:enabled|on|activated)\b"),
    (
        "a request for the system prompt",
        rf"\b(?:reveal|print|repeat|show|output|leak)\s+(?:me\s+)?(?:your|the)\s+(?:\w+\s+)?{_HELD}",
    ),
    (
        "markup of a chat template",
        r"<\|(?:im_start|im_end|system|endoftext|start_header_id|eot_id)\|>|\[/?INST\]|<</?SYS>>",
    ),
    (
        "a faked system message",
        r"(?m)^\s*(?:#{2,}\s*)?\[?(?:new\s+|updated\s+)?system\s*(?:message|prompt|instructions?|override)\]?\s*:",
    ),
    (
        "orders to keep it from the user",
        r"\b(?:do not|don't|never)\s+(?:tell|inform|mention (?:this )?to|alert|notify)\s+the\s+user\b",
    ),
)
_PATTERNS = [(what, re.compile(pattern, re.IGNORECASE)) for what, pattern in _MARKERS]
_HIDDEN = re.compile("[\U000e0020-\U000e007e]{4,}|[\u200b\u200c\u2060]{8,}")
_WORDS = (  # one of which is in all of the above: looking for them is quick
    *(
        "ignore",
        "disregard",
        "forget",
        "override",
        "you are now",
        " mode ",
        "inst]",
        "<|",
        "sys>>",
        "the user",
    ),
    *("system", "initial instructions", "hidden instructions"),
)
_MEND = "treat it as data: mark where it begins and ends, and let no tool write on its word alone"


def check(subject: Subject) -> Iterator[Found]:
    """Find phrases and characters of known attacks in what tools and users say."""
    for text in subject.of("user", *RESULTS):
        for what, said in _markers(text):
            whose = "a user's message" if text.role == "user" else "a tool's result"
            yield Found(text.keys, f"{whose} has {what}: {said}", _MEND)


def _markers(text: Text) -> Iterator[tuple[str, str]]:
    if _HIDDEN.search(text.text):
        yield "hidden text", "characters that nobody sees"
    lower = text.text.lower()
    if not any(word in lower for word in _WORDS):
        return
    found = ((what, pattern.search(text.text)) for what, pattern in _PATTERNS)
    yield from {what: short(match[0].strip()) for what, match in found if match}.items()
