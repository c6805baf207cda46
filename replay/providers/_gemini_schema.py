"""Schemas: Gemini takes a subset of OpenAPI's in one field, JSON Schema in another.

https://ai.google.dev/api/caching#Schema. OpenAPI's type names may be in capitals (`OBJECT`); ours are not.
"""

from __future__ import annotations

from collections.abc import Callable

from replay.conversation import Json, Object
from replay.jsontext import same

_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_OPENAPI = frozenset(
    {
        "anyOf",
        "default",
        "description",
        "enum",
        "example",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "nullable",
        "pattern",
        "properties",
        "propertyOrdering",
        "required",
        "title",
        "type",
    }
)
CAPITALS = "capitals"


def is_openapi(schema: Json) -> bool:
    """Tell whether a schema uses only what Gemini's subset of OpenAPI has."""
    if not isinstance(schema, dict) or not schema.keys() <= _OPENAPI or schema.get("type") not in _TYPES:
        return isinstance(schema, dict) and schema.keys() <= _OPENAPI and "anyOf" in schema
    if schema["type"] == "object" and not schema.get("properties"):
        return False  # an object needs properties there
    values = schema.get("enum") or []
    texts = isinstance(values, list) and all(isinstance(value, str) for value in values)
    return texts and all(map(is_openapi, _inside(schema)))


def _inside(schema: Object) -> list[Json]:
    found = [schema["items"]] if "items" in schema else []
    properties, choices = schema.get("properties", {}), schema.get("anyOf", [])
    found += properties.values() if isinstance(properties, dict) else [None]
    return found + (choices if isinstance(choices, list) else [None])


def read_schema(schema: Object) -> tuple[Object, str | None]:
    """Return a schema with its types in small letters, and `CAPITALS` where all of them were in capitals."""
    found: Object = _typed(schema, _small)
    return (schema, None) if same(found, schema) else (found, CAPITALS)


def write_schema(schema: Object, types: Json) -> Object:
    """Return a schema as it is sent: the inverse of `read_schema`."""
    return _typed(schema, _capital) if types == CAPITALS else schema


def _small(name: str) -> str:
    return name.lower() if name.isupper() and name.lower() in _TYPES else name


def _capital(name: str) -> str:
    return name.upper() if name in _TYPES else name


def _typed(schema: Json, change: Callable[[str], str]) -> Json:
    """Change the names of types, wherever a schema may stand in a schema."""
    if isinstance(schema, list):
        return [_typed(item, change) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found: Object = {}
    for name, value in schema.items():
        if name == "type" and isinstance(value, str):
            found[name] = change(value)
        elif name in ("properties", "$defs", "defs") and isinstance(value, dict):
            found[name] = {key: _typed(item, change) for key, item in value.items()}
        elif name in ("items", "anyOf", "any_of", "oneOf", "allOf", "additionalProperties"):
            found[name] = _typed(value, change)
        else:
            found[name] = value
    return found
