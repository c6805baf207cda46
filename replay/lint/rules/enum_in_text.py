"""A description lists the values of a parameter, and its schema does not."""

from __future__ import annotations

import re
from collections.abc import Iterator

from replay.lint._schemas import Node
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "note"
_VALUE = r"""["'`][\w.+/ -]{1,30}["'`]"""
_BEFORE = r"one of|either|must be|can be|(?:allowed |possible |valid )?(?:values|options)(?: are)?"
_BETWEEN = r"\s*(?:,|or|and|\||/)+\s*(?:or |and )?"
_LISTED = re.compile(rf"(?:{_BEFORE})\s*:?\s*[\[(]?\s*{_VALUE}(?:{_BETWEEN}{_VALUE})+", re.IGNORECASE)


def check(subject: Subject) -> Iterator[Found]:
    """Find text parameters whose description names their values in quotes, and that have no enum."""
    for schema in subject.tool_schemas:
        for node in schema.nodes:
            if found := _listed(node):
                reason = (
                    f"in {schema.of}: the description lists the values ({found}), the schema takes any text"
                )
                yield Found(node.keys, reason, "list them as enum: then no other can be written")


def _listed(node: Node) -> str:
    said = node.tree.get("description")
    free = node.tree.get("type") == "string" and not node.tree.keys() & {"enum", "const", "pattern", "format"}
    if not free or not isinstance(said, str) or re.search(r"e\.g\.|for example|such as", said, re.IGNORECASE):
        return ""
    found = _LISTED.search(said)
    return found[0] if found else ""
