"""Gemini's JSON has two spellings of each field, and fields that Chat Completions has no word for.

Both are kept as what is left over: a thing is put into common words, written back, and what the original had
beside it goes into `native`. What does not come back exactly stays in Gemini's own words as a whole.
"""

from __future__ import annotations

import re

from replay.conversation import Json, Object
from replay.jsontext import same
from replay.providers import _native

WIRE = "gemini"
SPELLING = "spelling"  # the fields that were written in snake_case
CONTENT = "content"  # that a message begins a content, and what this says beside role and parts
# What stands under these is the user's own, field names included.
_OPAQUE = frozenset(
    {
        "args",
        "labels",
        "parameters",
        "parametersJsonSchema",
        "partMetadata",
        "response",
        "responseJsonSchema",
        "responseSchema",
    }
)
_UNDERSCORE = re.compile(r"(?<=[a-z0-9])_([a-z0-9])")


def camel(name: str) -> str:
    """Return a field's name in camelCase."""
    return _UNDERSCORE.sub(lambda match: match[1].upper(), name)


def in_camel(value: Json, snake: set[str]) -> Json:
    """Return `value` with every field in camelCase; those that were not are added to `snake`."""
    if isinstance(value, list):
        return [in_camel(item, snake) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, item in value.items():
        common = camel(name)
        if common != name:
            snake.add(name)
        found[common] = item if common in _OPAQUE else in_camel(item, snake)
    return found


def respelled(value: Json, snake: list[str]) -> Json:
    """Return `value` with the fields of `snake` spelled so: the inverse of `in_camel`."""
    return _respelled(value, {camel(name): name for name in snake}) if snake else value


def _respelled(value: Json, names: dict[str, str]) -> Json:
    if isinstance(value, list):
        return [_respelled(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        names.get(name, name): item if name in _OPAQUE else _respelled(item, names)
        for name, item in value.items()
    }


def beyond(whole: Object, part: Object) -> Object | None:
    """Return what `whole` says beside `part`, for `merged`; None if `part` says anything that it does not."""
    rest: Object = {}
    for name, value in part.items():
        if name not in whole:
            return None
        if isinstance(value, dict) and isinstance(whole[name], dict) and name not in _OPAQUE:
            inner = beyond(whole[name], value)
            if inner is None:
                return None
            rest |= {name: inner} if inner else {}
        elif not same(value, whole[name]):
            return None
    return rest | {name: value for name, value in whole.items() if name not in part}


def merged(one: Object, other: Object) -> Object:
    """Return both, object by object; where both say something else, what `other` says."""
    found = dict(one)
    for name, value in other.items():
        old: Json = found.get(name)
        mixed = isinstance(value, dict) and isinstance(old, dict)
        found[name] = merged(old, value) if mixed else value
    return found


def left_over(whole: Object, written: Object, snake: set[str]) -> Object | None:
    """Return as an `extra` what `whole` says beside `written`; None where `written` says something else."""
    rest = beyond(whole, written)
    if rest is None:
        return None
    return _native.keep(WIRE, rest | ({SPELLING: sorted(snake)} if snake else {}))


def completed(written: Object, holder: Object) -> Object:
    """Add to `written` what `holder` keeps for this wire: the inverse of `left_over`."""
    own = {name: value for name, value in _native.own(holder, WIRE).items() if name != CONTENT}
    snake = own.pop(SPELLING, None)
    sent: Object = respelled(merged(written, own), snake if isinstance(snake, list) else [])
    return sent
