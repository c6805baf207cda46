"""The schemas of a request, and what stands in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from replay.conversation import Json, Object
from replay.documents import Keys
from replay.turn import Request

_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_TABLES = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
_SINGLE = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")


class Node(NamedTuple):
    """A schema inside another: where it stands, and in how many objects and lists it is nested."""

    keys: Keys
    tree: Object
    depth: int


@dataclass(frozen=True)
class Schema:
    """A schema of a request: where it stands, what of, whether it is strict, and all that stand in it."""

    keys: Keys
    of: str
    tree: Object
    strict: bool

    @cached_property
    def nodes(self) -> list[Node]:
        """This schema and all inside it, none nested deeper than 100."""
        found, left = list[Node](), [Node(self.keys, self.tree, 0)]
        while left:
            node = left.pop()
            found.append(node)
            if node.depth < 100:
                left += reversed(list(_inside(node)))
        return found


def of_tools(request: Request) -> Iterator[Schema]:
    """Yield the parameters of the tools."""
    for index, tool in enumerate(request.tools):
        if tool.type == "function" and isinstance(tool.parameters, dict):
            strict = tool.extra.get("strict") is True
            yield Schema(("tools", index, "parameters"), f"tool {tool.name}", tool.parameters, strict)


def of_format(request: Request) -> Iterator[Schema]:
    """Yield the schema that the answer is to follow, if there is one."""
    given = request.params.get("response_format")
    body = given.get("json_schema") if isinstance(given, dict) else None
    if isinstance(body, dict) and isinstance(body.get("schema"), dict):
        keys = ("params", "response_format", "json_schema", "schema")
        yield Schema(keys, f"schema {body.get('name')}", body["schema"], body.get("strict") is True)


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
