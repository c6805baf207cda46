"""A schema cannot be meant as it is written."""

from __future__ import annotations

from collections.abc import Iterator

from replay.conversation import Json
from replay.errors import nearest
from replay.lint._schemas import Node, properties
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "error"
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_ALMOST = {"dict": "object", "map": "object", "float": "number", "double": "number", "int": "integer"}
_ALMOST |= {"list": "array", "tuple": "array", "str": "string", "text": "string", "bool": "boolean"}


def check(subject: Subject) -> Iterator[Found]:
    """Find types that JSON Schema lacks, empty enums, and required properties that are not declared."""
    for schema in subject.schemas:
        for node in schema.nodes:
            for key, problem, mend in _problems(node):
                yield Found((*node.keys, key), f"in {schema.of}: {problem}", mend)


def _problems(node: Node) -> Iterator[tuple[str, str, str]]:
    kinds = node.tree.get("type")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind is not None and not _is_type(kind):
            yield "type", f"JSON Schema has no type {kind!r}", _advice(kind)
    if node.tree.get("enum") == []:
        yield "enum", "enum is empty, so nothing fits", "list the values, or remove it"
    missing = _undeclared(node)
    if missing:
        yield (
            "required",
            f"required names {', '.join(missing)}, which is no property",
            "declare it, or drop it",
        )


def _is_type(kind: Json) -> bool:
    """Gemini writes types in capitals."""
    return isinstance(kind, str) and (kind in _TYPES or (kind.isupper() and kind.lower() in _TYPES))


def _advice(kind: Json) -> str:
    word = str(kind).lower()
    return f'did you mean "{_ALMOST[word]}"?' if word in _ALMOST else nearest(word, _TYPES)


def _undeclared(node: Node) -> list[str]:
    required = node.tree.get("required")
    if not isinstance(required, list) or "properties" not in node.tree:
        return []
    return [str(name) for name in required if str(name) not in properties(node.tree)]
