"""Which JSON Schema a schema is written in, and whether it keeps its rules."""

from __future__ import annotations

from typing import Any

from replay.conversation import Json
from replay.diff import path_text, short
from replay.errors import nearest

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


class BadSchema(ValueError):
    """A schema cannot be used; the message says where in it and why."""


class NeedsFiles(BadSchema):
    """A schema refers to a file beside it, and it is not known yet where it stands."""


def dialect_of(schema: Json) -> Any:
    """Return jsonschema's validator class for the schema's `$schema`; draft 2020-12 where it names none."""
    from jsonschema import validators

    if not isinstance(schema, dict | bool):
        raise BadSchema(f"a schema is a mapping, not {short(schema)}")
    named = schema.get("$schema") if isinstance(schema, dict) else None
    if named is None:
        return validators.Draft202012Validator
    known = validators.validator_for(schema, default=None) if isinstance(named, str) else None  # type: ignore[arg-type]
    if known is None:
        latest = validators.Draft202012Validator.META_SCHEMA["$schema"]
        raise BadSchema(f"$schema {short(named)} is not known; use {latest}, or a draft from 3 to 2019-09")
    return known


def check_by_dialect(dialect: Any, schema: Json) -> None:
    """Judge a schema by its own dialect's rules. Raises BadSchema."""
    from jsonschema import FormatChecker, SchemaError

    try:
        dialect.check_schema(schema, format_checker=FormatChecker(formats=()))
    except SchemaError as error:
        place = path_text(error.absolute_path) or "the schema"
        raise BadSchema(f"{place}: {_misuse(error)}") from None


def _misuse(error: Any) -> str:
    keyword = error.absolute_path[-1] if error.absolute_path else ""
    if keyword == "type" and isinstance(error.instance, str):
        return f"type {short(error.instance)} is not known; {nearest(error.instance, TYPES)}"
    if keyword in ("exclusiveMaximum", "exclusiveMinimum") and isinstance(error.instance, bool):
        draft = "http://json-schema.org/draft-04/schema#"
        return f'true or false is draft 4; write the number itself, or "$schema": "{draft}" at the top'
    rule = f"{error.validator}: {short(error.validator_value)}"
    return f"{short(error.instance)} breaks the rules of JSON Schema ({rule})"
