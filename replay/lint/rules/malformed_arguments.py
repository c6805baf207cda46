"""The arguments of a tool call are not JSON."""

from __future__ import annotations

from collections.abc import Iterator

from replay.conversation import ToolCall
from replay.jsontext import NotStrict, parse
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "warning"
_MEND = (
    "check arguments before they are used, and answer the call with what is wrong so that the model mends it"
)


def check(subject: Subject) -> Iterator[Found]:
    """Find calls in the history whose arguments no JSON parser reads as an object."""
    for index, message in enumerate(subject.messages):
        for number, call in enumerate(message.tool_calls):
            if problem := _wrong(call):
                keys = ("messages", index, "tool_calls", number, "function", "arguments")
                yield Found(keys, f"the arguments of {call.name} {problem}", _MEND)


def _wrong(call: ToolCall) -> str:
    if call.type == "custom" or not call.arguments.strip():
        return ""
    try:
        value = parse(call.arguments, strict=True)
    except NotStrict as problem:
        return f"are not strict JSON: {problem}"
    except ValueError as problem:
        return f"are not JSON: {problem}"
    return "" if isinstance(value, dict) else "are no JSON object"
