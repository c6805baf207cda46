"""An argument of a tool call is a prompt of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from replay.conversation import Json, ToolCall
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "note"
_LEAST = 200  # characters
_PROMPT = re.compile(
    r"\b(?:you are an?|you must|your (?:task|goal|job) is|please|make sure|do not|don't|ensure that|"
    r"step by step|(?:respond|answer) (?:with|in)|your (?:final )?answer|instructions?:|the expected)\b",
    re.IGNORECASE,
)
_SIGNS = 3
_MEND = "give the tool parameters for what the text asks of it: a prompt cannot be checked, matched or cached"


def check(subject: Subject) -> Iterator[Found]:
    """Find texts of 200 characters or more with three different phrases of a prompt."""
    for index, message in enumerate(subject.messages):
        for number, call in enumerate(message.tool_calls):
            for name, text in _texts(call):
                signs = {sign.lower() for sign in _PROMPT.findall(text)}
                if len(text) >= _LEAST and len(signs) >= _SIGNS:
                    reason = f"{name} of {call.name} is a prompt ({', '.join(sorted(signs))})"
                    yield Found(
                        ("messages", index, "tool_calls", number, "function", "arguments"), reason, _MEND
                    )


def _texts(call: ToolCall) -> Iterator[tuple[str, str]]:
    try:
        arguments: Json = call.parsed()
    except ValueError:
        return
    for name, value in arguments.items() if isinstance(arguments, dict) else ():
        if isinstance(value, str):
            yield name, value
