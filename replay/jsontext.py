"""JSON as text: canonical form, strict reading, and equality as JSON means it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any


def canonical(value: Any) -> str:
    """Write JSON with sorted keys, no spaces and one spelling for each number (1.0 is 1, -0.0 is 0)."""
    return json.dumps(_numbers(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _numbers(value: Any) -> Any:
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_numbers(item) for item in value]
    return value


def same(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are equal as JSON: `1` is `1.0` but not `true`; NaN equals NaN."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other or (one != one and other != other)  # noqa: PLR0124 - NaN is the one that differs from itself
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def inside(value: Any, *names: str) -> dict[str, Any]:
    """Return the object that these keys lead to, an empty one where they lead to none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def strings(value: Any) -> Iterator[str]:
    """Yield the texts in a JSON value, without the names of its objects."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a list, none of what is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


class NotStrict(ValueError):
    """Text that Python reads as JSON and should not: `kind` is duplicate_keys, not_finite or too_deep."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def parse(text: str | bytes, *, strict: bool = False) -> Any:
    """Read JSON. Raises ValueError, also where the nesting is deeper than Python can follow.

    With `strict`, duplicate keys, the non-JSON words NaN and Infinity and numbers too big for a float are
    refused too (NotStrict).
    """
    try:
        if strict:
            return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)
        return json.loads(text)
    except RecursionError:
        raise NotStrict("too_deep", "nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen = dict(pairs)
    if len(seen) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise NotStrict("duplicate_keys", f'key "{twice}" is given twice')
    return seen


def _refuse(word: str) -> Any:
    raise NotStrict("not_finite", f"{word} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise NotStrict("not_finite", f"{digits} is too big a number")
    return number
