"""A strict schema breaks the rules of strict mode."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from replay.documents import Keys
from replay.lint._schemas import Node, Schema, is_object, properties
from replay.lint.finding import Found
from replay.lint.subject import Subject

# Rules and limits: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
SEVERITY = "error"
_UNSUPPORTED = (
    "allOf",
    "not",
    "dependentRequired",
    "dependentSchemas",
    "if",
    "then",
    "else",
    "patternProperties",
)
_PROPERTIES, _DEPTH, _CHARACTERS, _ENUM_VALUES = 5000, 10, 120_000, 1000
_LONG_ENUM, _ENUM_CHARACTERS = 250, 15_000
_WIRES = ("", "openai", "openai_responses", "azure", "openai_compatible")


def check(subject: Subject) -> Iterator[Found]:
    """Find what OpenAI refuses in schemas with `strict: true`; what it answered to is none of that."""
    if subject.provider not in _WIRES or subject.taken:
        return
    for schema in subject.schemas:
        if schema.strict:
            for keys, problem, mend in _problems(schema):
                yield Found(keys, f"in strict {schema.of}: {problem}", mend)


def _problems(schema: Schema) -> Iterator[tuple[Keys, str, str]]:
    if "anyOf" in schema.tree or schema.tree.get("type") != "object":
        yield schema.keys, "the root is no object", "wrap it in an object with one property"
    found = schema.nodes
    for node in found:
        yield from _in_node(node)
    yield from ((schema.keys, problem, "split the schema, or shorten it") for problem in _sizes(found))


def _in_node(node: Node) -> Iterator[tuple[Keys, str, str]]:
    if is_object(node.tree):
        if node.tree.get("additionalProperties") is not False:
            yield (
                node.keys,
                "an object without additionalProperties: false",
                "add additionalProperties: false",
            )
        optional = [name for name in properties(node.tree) if name not in (node.tree.get("required") or ())]
        if optional:
            mend = 'require all properties; an optional one has the type ["string", "null"] or the like'
            yield node.keys, f"{', '.join(optional)} is not required", mend
    for name in _UNSUPPORTED:
        if name in node.tree:
            yield (*node.keys, name), f"{name} is not supported", "say it in the description, or with anyOf"


def _sizes(found: list[Node]) -> Iterator[str]:
    names = [
        name for node in found for key in ("properties", "$defs", "definitions") for name in _names(node, key)
    ]
    enums = [node.tree["enum"] for node in found if isinstance(node.tree.get("enum"), list)]
    count = sum(len(properties(node.tree)) for node in found)
    depth = max(node.depth for node in found)
    characters = _length(names) + sum(map(_length, enums))
    characters += _length(node.tree["const"] for node in found if "const" in node.tree)
    if count > _PROPERTIES:
        yield f"{count} properties, more than the {_PROPERTIES} that fit"
    if depth > _DEPTH:
        yield f"nested {depth} deep, more than the {_DEPTH} levels that fit"
    if characters > _CHARACTERS:
        yield f"{characters} characters of names and values, more than the {_CHARACTERS} that fit"
    if sum(map(len, enums)) > _ENUM_VALUES:
        yield f"{sum(map(len, enums))} enum values, more than the {_ENUM_VALUES} that fit"
    if any(len(values) > _LONG_ENUM and _length(values) > _ENUM_CHARACTERS for values in enums):
        yield f"an enum of more than {_LONG_ENUM} values has more than {_ENUM_CHARACTERS} characters"


def _names(node: Node, key: str) -> Iterable[str]:
    held = node.tree.get(key)
    return held if isinstance(held, dict) else ()


def _length(values: Iterable[object]) -> int:
    return sum(len(str(value)) for value in values)
