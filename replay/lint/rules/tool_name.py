"""The name of a tool is none that the provider takes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "error"
_CHAT = "[a-zA-Z0-9_-]{1,64}"  # https://platform.openai.com/docs/api-reference/chat/create
_NAMES = {
    "anthropic": "[a-zA-Z0-9_-]{1,128}",  # https://docs.claude.com/en/docs/agents-and-tools/tool-use
    "gemini": "[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}",  # https://ai.google.dev/api/caching#FunctionDeclaration
}


def check(subject: Subject) -> Iterator[Found]:
    """Find names of functions that do not fit; a provider that answered took them."""
    allowed = _NAMES.get(subject.provider, _CHAT)
    for keys, tool in subject.functions:
        if not re.fullmatch(allowed, tool.name) and not subject.taken:
            reason = f'"{tool.name[:80]}" cannot be the name of a tool: it must match {allowed}'
            yield Found((*keys, "name"), reason, "use letters, digits, _ and - only")
