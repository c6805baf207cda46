"""Schemas: Gemini takes a subset of OpenAPI's in one field, JSON Schema in another.

https://ai.google.dev/api/caching#Schema. OpenAPI's type names are in capitals there (`OBJECT`), which clients
do not all write; ours are in small letters.
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
FIELD = "schema"  # noted: where the schema stands, if not where it is usually put
TYPES = "types"  # noted: that its types are in small letters
Fields = tuple[str, str]  # the field that takes OpenAPI, and the one that takes JSON Schema


def _is_openapi(schema: Json) -> bool:
    """Tell whether a schema uses only what Gemini's subset of OpenAPI has."""
    if not isinstance(schema, dict) or not schema.keys() <= _OPENAPI:
        return False
    needs = {"object": "properties", "array": "items", None: "anyOf"}  # what a schema of a type must have
    kind = schema.get("type")
    if (
        not isinstance(kind, str | None)
        or kind not in (None, *_TYPES)
        or not schema.get(needs.get(kind, "type"))
    ):
        return False
    values = schema.get("enum") or []
    texts = isinstance(values, list) and all(isinstance(value, str) for value in values)
    return texts and all(map(_is_openapi, _inside(schema)))


def _inside(schema: Object) -> list[Json]:
    found = [schema["items"]] if "items" in schema else []
    properties, choices = schema.get("properties", {}), schema.get("anyOf", [])
    found += properties.values() if isinstance(properties, dict) else [None]
    return found + (choices if isinstance(choices, list) else [None])


def read_schema(holder: Object, fields: Fields) -> tuple[Object, Object] | None:
    """Return the schema at one of `fields` and what to note about it; None where there is none."""
    field = next((field for field in fields if isinstance(holder.get(field), dict)), None)
    if field is None:
        return None
    schema = holder[field]
    small: Object = _typed(schema, _small) if field == fields[0] else schema
    notes = {FIELD: field} if field != _usual(small, fields) else {}
    if field == fields[0] and not same(_typed(small, _capital), schema):
        notes[TYPES] = "small"
    return small, notes


def write_schema(schema: Object, fields: Fields, notes: Object) -> Object:
    """Return `{field: schema}`: the inverse of `read_schema`."""
    field = notes.get(FIELD) or _usual(schema, fields)
    capital = field == fields[0] and notes.get(TYPES) != "small"
    return {field: _typed(schema, _capital) if capital else schema}


def _usual(schema: Object, fields: Fields) -> str:
    return fields[0] if _is_openapi(schema) else fields[1]


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
