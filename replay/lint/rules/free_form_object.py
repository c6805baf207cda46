"""A parameter is an object of which nothing is said."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint._schemas import Node
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "note"
_SAYS = {"properties", "$ref", "anyOf", "oneOf", "allOf", "enum", "const", "patternProperties"}


def check(subject: Subject) -> Iterator[Found]:
    """Find objects inside the parameters of a tool that name no property and have no schema for others."""
    for schema in subject.tool_schemas:
        for node in schema.nodes:
            if node.keys != schema.keys and _is_free(node):
                reason = f"in {schema.of}: {node.keys[-1]} is an object that may hold anything"
                yield Found(node.keys, reason, "name its properties, or take the text that is meant")


def _is_free(node: Node) -> bool:
    others = node.tree.get("additionalProperties")
    described = isinstance(others, dict) and bool(others)
    return node.tree.get("type") == "object" and not _SAYS & node.tree.keys() and not described
