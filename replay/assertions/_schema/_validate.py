"""Validators that are made once for each schema, and what they find in plain words."""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from replay.assertions._found import Found
from replay.assertions._schema._dialect import BadSchema, check_by_dialect, dialect_of
from replay.assertions._schema._ecma import declares, engine
from replay.assertions._schema._references import Files, Inspection
from replay.conversation import Json
from replay.diff import path_text, short

SHOWN = 5  # findings for one value


def check(schema: Json, value: Json, *, base: Path | None = None, root: Path | None = None) -> list[Found]:
    """Judge a value by a schema. Raises BadSchema, TimeLimit."""
    try:
        errors = list(islice(validator(schema, base=base, root=root).iter_errors(value), SHOWN))
    except RecursionError:
        return [Found("too_deep", "the value is nested too deeply to be checked")]
    except OverflowError:
        return [Found("not_finite", "the value holds a number too big to be checked")]
    return [_found(error) for error in errors]


def validator(schema: Json, *, base: Path | None = None, root: Path | None = None) -> Any:
    """Return the validator of a schema, made once for each schema text. Raises BadSchema.

    `base` is the file it stands in (relative `$ref` start there), `root` the folder that they may reach.
    """
    try:
        return _made(json.dumps(schema), base and str(base), root and str(root))
    except RecursionError:
        raise BadSchema("the schema is nested too deeply") from None


def referred(schema: Json, *, base: Path, root: Path) -> tuple[Path, ...]:
    """Return the files that a schema refers to, each once. Raises BadSchema."""
    return tuple(dict.fromkeys(_resolved(schema, str(base), str(root))[2].read))


@lru_cache(maxsize=2048)
def _made(text: str, base: str | None, root: str | None) -> Any:
    """Check a schema and make its validator; the text is the key because schemas are not hashable."""
    schema = json.loads(text)
    dialect, registry, _ = _resolved(schema, base, root)
    return engine(dialect)({"$ref": Path(base).as_uri()} if base else schema, registry=registry)


def _resolved(schema: Json, base: str | None, root: str | None) -> tuple[Any, Any, Files]:
    """Check a schema and what it refers to; return its dialect, the registry and what reads files for it."""
    from referencing import Registry
    from referencing.jsonschema import specification_with

    dialect = dialect_of(schema)
    check_by_dialect(dialect, schema)
    specification = specification_with(dialect.META_SCHEMA["$schema"])
    resource = specification.create_resource(schema)
    uri = Path(base).as_uri() if base else ""
    files = Files(Path(root) if root else None, specification)
    registry: Any = Registry(retrieve=files)  # type: ignore[call-arg]
    registry = registry.with_resource(uri, resource)
    Inspection(schema, specification).inspect(resource, registry.resolver(uri))
    return dialect, registry, files


def _found(error: Any) -> Found:
    """Put a ValidationError in plain words; the kind is the keyword that was broken."""
    from jsonschema.exceptions import best_match

    error = best_match([error]) or error
    place = path_text(error.absolute_path)
    where = place or "the value"
    keyword, wanted, value = error.validator or "false", error.validator_value, error.instance
    if keyword == "required" and isinstance(wanted, list):
        message = f"{where} has no {', '.join(name for name in wanted if name not in value)}"
    elif keyword == "additionalProperties" and wanted is False:
        extra = ", ".join(name for name in value if not declares(name, error.schema))
        message = f"{where} has {extra}, which the schema does not know"
    else:
        message = f"{where} is {short(value)}, the schema wants {keyword} {short(wanted)}"
    return Found(keyword, message, {keyword: wanted}, value)
