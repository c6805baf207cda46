"""A tool does not say which of its parameters it needs."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint._schemas import properties
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "note"
_MEND = "list what it cannot do without under required; write required: [] where that is nothing"


def check(subject: Subject) -> Iterator[Found]:
    """Find tools with parameters and no `required` at all, none of which has a default or may be null."""
    for schema in subject.tool_schemas:
        held = properties(schema.tree)
        if held and "required" not in schema.tree and not any(map(_is_optional, held.values())):
            yield Found(schema.keys, f"{schema.of} requires none of {', '.join(held)}", _MEND)


def _is_optional(tree: object) -> bool:
    return isinstance(tree, dict) and (
        "default" in tree or "null" in str(tree.get("type") or tree.get("anyOf"))
    )
