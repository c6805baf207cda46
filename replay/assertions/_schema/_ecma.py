"""The keywords of JSON Schema that hold patterns: ECMA's, run by the `regex` package under a time limit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from replay import regexes
from replay.conversation import Json


@lru_cache(maxsize=16)
def engine(dialect: Any) -> Any:
    """Return the dialect with patterns that are ECMA's and that stop."""
    from jsonschema import validators

    own = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    }
    extend: Any = validators.extend
    return extend(dialect, {key: own[key] for key in own if key in dialect.VALIDATORS})


_DOLLAR = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\$", re.DOTALL)


@lru_cache(maxsize=1024)
def ecma(pattern: str) -> str:
    r"""Write an ECMA pattern for `regex`: `$` there is the very end, not the place before a last newline."""
    return _DOLLAR.sub(lambda part: r"\Z" if part[0] == "$" else part[0], pattern)


def _pattern(_: Any, pattern: str, instance: Json, __: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if isinstance(instance, str) and not regexes.found(ecma(pattern), instance):
        yield ValidationError(f"{instance!r} does not match")


def _pattern_properties(validator: Any, patterns: Json, instance: Json, _: Any) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    for pattern, schema in patterns.items():
        for key, value in instance.items():
            if regexes.found(ecma(pattern), key):
                yield from validator.descend(value, schema, path=key, schema_path=pattern)


def _additional_properties(validator: Any, additional: Json, instance: Json, schema: Json) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not isinstance(instance, dict):
        return
    extra = [key for key in instance if not declares(key, schema)]
    if additional is False:
        if extra:
            yield ValidationError(f"{extra} not expected")
    elif additional is not True:
        for key in extra:
            yield from validator.descend(instance[key], additional, path=key)


def declares(key: str, schema: Json) -> bool:
    """Tell whether a schema names a property, by itself or by a pattern. Raises TimeLimit."""
    patterns = schema.get("patternProperties", {})
    return key in schema.get("properties", {}) or any(regexes.found(ecma(item), key) for item in patterns)
