"""Two tools do almost the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from replay.conversation import Tool
from replay.lint._schemas import properties
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "warning"
_ALIKE = 0.85  # of the words that either has
_FEWEST = 4  # words: fewer say too little to compare
_MOST = 200  # tools: pairs are compared
_MEND = "join them into one tool with a parameter, or say in both descriptions when to use which"


def check(subject: Subject) -> Iterator[Found]:
    """Find pairs with nearly the same words in their descriptions and the same parameters."""
    tools = [(keys, tool, _words(tool)) for keys, tool in subject.functions][:_MOST]
    for (_, one, ours), (keys, other, theirs) in combinations(tools, 2):
        if one.name != other.name and _alike(ours, theirs) and _takes(one) == _takes(other):
            reason = f"{other.name} reads like {one.name}, with the same parameters"
            yield Found(keys, reason, _MEND)


def _words(tool: Tool) -> set[str]:
    return set(re.findall(r"\w+", (tool.description or "").lower()))


def _alike(ours: set[str], theirs: set[str]) -> bool:
    return min(len(ours), len(theirs)) >= _FEWEST and len(ours & theirs) >= _ALIKE * len(ours | theirs)


def _takes(tool: Tool) -> set[str]:
    return set(properties(tool.parameters or {}))
