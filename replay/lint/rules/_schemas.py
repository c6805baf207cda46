"""The schemas of a request, and what stands in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from replay.conversation import Json, Object, Tool
from replay.documents import Keys
from replay.lint.subject import Subject

_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_TABLES = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
_SINGLE = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")


class Schema(NamedTuple):
    """A schema of a request: where it stands, what of, and whether it is strict."""

    keys: Keys
    of: str
    tree: Object
    strict: bool


class Node(NamedTuple):
    """A schema inside another: where it stands, and in how many objects and lists it is nested."""

    keys: Keys
    tree: Object
    depth: int


def functions(subject: Subject) -> Iterator[tuple[Keys, Tool]]:
    """Yield the tools that are functions."""
    for index, tool in enumerate(subject.request.tools):
        if tool.type == "function":
            yield ("tools", index), tool


def of_tools(subject: Subject) -> Iterator[Schema]:
    """Yield the parameters of the tools."""
    for keys, tool in functions(subject):
        if isinstance(tool.parameters, dict):
            strict = tool.extra.get("strict") is True
            yield Schema((*keys, "parameters"), f"tool {tool.name}", tool.parameters, strict)


def of_format(subject: Subject) -> Iterator[Schema]:
    """Yield the schema that the answer is to follow, if there is one."""
    given = subject.params.get("response_format")
    body = given.get("json_schema") if isinstance(given, dict) else None
    if isinstance(body, dict) and isinstance(body.get("schema"), dict):
        keys = ("params", "response_format", "json_schema", "schema")
        yield Schema(keys, f"schema {body.get('name')}", body["schema"], body.get("strict") is True)


def nodes(schema: Schema) -> Iterator[Node]:
    """Yield a schema and all that stand in it, none deeper than 100."""
    left = [Node(schema.keys, schema.tree, 0)]
    while left:
        node = left.pop()
        yield node
        if node.depth < 100:
            left += reversed(list(_inside(node)))


def _inside(node: Node) -> Iterator[Node]:
    for name, value in node.tree.items():
        deeper = node.depth + (name in ("properties", "items", "prefixItems"))
        for keys, tree in _held(name, value):
            if isinstance(tree, dict):
                yield Node((*node.keys, *keys), tree, deeper)


def _held(name: str, value: Json) -> Iterator[tuple[Keys, Json]]:
    if name in _SINGLE:
        yield (name,), value
    elif name in _LISTS and isinstance(value, list):
        yield from (((name, index), item) for index, item in enumerate(value))
    elif name in _TABLES and isinstance(value, dict):
        yield from (((name, key), item) for key, item in value.items())


def properties(tree: Object) -> Object:
    """Return the properties of an object's schema."""
    held = tree.get("properties")
    return held if isinstance(held, dict) else {}


def is_object(tree: Object) -> bool:
    """Tell whether a schema describes objects."""
    kinds = tree.get("type")
    return kinds == "object" or (isinstance(kinds, list) and "object" in kinds) or "properties" in tree
