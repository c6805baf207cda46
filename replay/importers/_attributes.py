"""Attributes of spans: by their dotted names, flat or nested, with lists by number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from replay.conversation import Json, Object
from replay.jsontext import parse


def get(attributes: Object, *names: str) -> Json:
    """Return the first of these attributes that is there, wherever a nested form keeps it."""
    for name in names:
        value = _nested(attributes, name)
        if value is not None:
            return value
    return None


def _nested(data: Object, name: str) -> Json:
    if name in data:
        return data[name]
    cut = name.find(".")
    while cut > 0:
        inner = data.get(name[:cut])
        if isinstance(inner, dict):
            return _nested(inner, name[cut + 1 :])
        cut = name.find(".", cut + 1)
    return None


def text(attributes: Object, *names: str) -> str:
    """Return the first of these attributes that is text and not empty."""
    values = (get(attributes, name) for name in names)
    return next((value for value in values if isinstance(value, str) and value), "")


def tree(attributes: Object, *names: str) -> Json:
    """Return the first of these attributes as what it holds: JSON in text is read.

    Raises ValueError where that is cut.
    """
    for name in names:
        value = get(attributes, name)
        if isinstance(value, str) and value[:1] in ("{", "["):
            try:
                return parse(value)
            except ValueError as problem:
                raise ValueError(f"{name} is no whole JSON: {problem}") from None
        if value not in (None, ""):
            return value
    return None


def branch(attributes: Object, name: str) -> Json:
    """Return everything under a name: objects and lists are put together of flat attributes."""
    whole = get(attributes, name)
    if whole is not None:
        return parse(whole) if isinstance(whole, str) and whole[:1] in ("{", "[") else whole
    start = f"{name}."
    found: Object = {}
    for key, value in attributes.items():
        if key.startswith(start) and value is not None:
            _put(found, key[len(start) :].split("."), value)
    return _lists(found) if found else None


def _put(data: Object, path: list[str], value: Json) -> None:
    for step in path[:-1]:
        inner = data.get(step)
        if not isinstance(inner, dict):
            inner = data[step] = {}
        data = inner
    data.setdefault(path[-1], value)


def _lists(data: Json) -> Any:
    if not isinstance(data, dict):
        return data
    if data and all(key.isdecimal() for key in data):
        return [_lists(data[key]) for key in sorted(data, key=int)]
    return {key: _lists(value) for key, value in data.items()}


def under(attributes: Object, *starts: str) -> Object:
    """Return the attributes that begin with any of these, by the rest of their names; the first one wins."""
    found: Object = {}
    for start in starts:
        inner = get(attributes, start.rstrip("."))
        pairs: Iterable[Any] = inner.items() if isinstance(inner, dict) else ()
        flat = ((key[len(start) :], value) for key, value in attributes.items() if key.startswith(start))
        for key, value in (*flat, *pairs):
            found.setdefault(key, value)
    return found
