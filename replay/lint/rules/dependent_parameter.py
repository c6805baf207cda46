"""A parameter does nothing, or is refused, without another that is missing."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "error"
# https://platform.openai.com/docs/api-reference/chat/create
_NEEDS = {"top_logprobs": "logprobs", "stream_options": "stream"}
_TOOLS = ("tool_choice", "parallel_tool_calls")


def check(subject: Subject) -> Iterator[Found]:
    """Find parameters without the one they need; what a provider answered to is none of them."""
    if subject.taken or subject.provider in ("openai_responses", "gemini"):  # both have words of their own
        return
    params = {name: value for name, value in subject.params.items() if value not in (None, False)}
    for name, needed in _NEEDS.items():
        if name in params and needed not in params:
            yield _found(name, f"{needed} is not on", f"set {needed}: true, or leave {name} out")
    given = subject.request.tools or {"tools", "functions"} & params.keys() or _native(subject)
    for name in _TOOLS if not given else ():
        if subject.params.get(name) not in (None, "none", "auto"):
            yield _found(name, "there are no tools", f"give the tools, or leave {name} out")


def _native(subject: Subject) -> bool:
    return bool(subject.body and {"tools", "toolConfig", "tool_config"} & subject.body.keys())


def _found(name: str, why: str, mend: str) -> Found:
    return Found(("params", name), f"{name} is given, and {why}", mend)
