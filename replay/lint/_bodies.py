"""Where the keys of a request in the common words lead in the body that was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from replay.conversation import Json, Object
from replay.documents import Keys
from replay.jsontext import parse, same

_SCHEMAS = (("parameters",), ("input_schema",), ("inputSchema", "json"), ("parametersJsonSchema",))
_DEEPEST = {"messages": 4, "tools": 2}  # keys that lead to a message or its call, and to a tool


def where(body: Object, told: Object, keys: Keys, find: Callable[[Keys], Keys]) -> Keys:
    """Return where a body says what keys lead to; `told` is the request in the common words.

    Where it says that in other words, the message, call or tool it belongs to is meant, whose place `find`
    knows; () is the whole body.
    """
    if keys[:1] == ("params",):
        return _named(body, str(keys[1])) if len(keys) > 1 else ()
    keys = unwrapped(body, keys)
    here, value = at(body, keys, None), at(told, keys, None)
    if here is not None and (value is None or same(here, value)):
        return keys
    head = keys[: 4 if keys[2:3] == ("tool_calls",) else 2]
    found = head if _is_named(body, told, head) else find(head) if len(keys) > 1 else ()
    rest = keys[_DEEPEST.get(str(keys[0]), 1) :] if keys else ()
    if keys[:1] == ("tools",):
        return _in_tool(body, rest, found)
    if not found or keys[-1] in ("content", "text"):
        return _said(body, value, found)
    return _same(body, value, found) if len(keys) > 2 else found


def _is_named(body: Object, told: Object, head: Keys) -> bool:
    """Tell whether a tool of that name stands there: most wires list them as they are."""
    name = at(told, (*head, "function", "name"), None)
    return name is not None and at(body, (*head, "name"), None) == name


def unwrapped(data: Json, keys: Keys) -> Keys:
    """A tool of a fixture may stand in the wire's form, its function inside."""
    if keys[:1] == ("tools",) and len(keys) > 2 and "function" in at(data, keys[:2], {}):
        return (*keys[:2], "function", *keys[2:])
    return keys


def at(data: Json, keys: Keys, otherwise: Json) -> Json:
    """Return what keys lead to."""
    for key in keys:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return otherwise
    return data


def _said(body: Object, value: Json, found: Keys) -> Keys:
    """Return where a text stands: in what was found, else anywhere."""
    said = value.get("content") if isinstance(value, dict) else value
    below = _same(body, said, found) if said else found
    if below != found or not said:
        return below
    return next((path for path, one in _walk(body, ()) if same(one, said)), found)


def _same(body: Object, value: Json, found: Keys) -> Keys:
    """Return where a value stands below a place, as it is or as what its JSON means; else the place."""
    meant = _meaning(value)
    below = _walk(at(body, found, None), found)
    return next((path for path, one in below if same(one, value) or (meant and same(one, meant))), found)


def _meaning(value: Json) -> Json:
    try:
        return parse(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _in_tool(body: Object, rest: Keys, found: Keys) -> Keys:
    """Return where keys lead in a tool; where it is written otherwise, the tool itself."""
    rest = rest[1:] if rest[:1] == ("function",) else rest
    inner = [inside + rest[1:] for inside in _SCHEMAS] if rest[:1] == ("parameters",) else [rest]
    inner += [("function", *keys) for keys in inner]
    keys = ((*found, *keys) for keys in inner if found)
    return next((path for path in keys if at(body, path, None) is not None), found)


def _named(body: Object, name: str) -> Keys:
    if name in body:
        return (name,)
    plain = name.replace("_", "").lower()
    keys = (path for path, _ in _walk(body, ()) if isinstance(path[-1], str))
    return next((path for path in keys if str(path[-1]).replace("_", "").lower() == plain), ())


def _walk(value: Json, keys: Keys) -> Iterator[tuple[Keys, Json]]:
    held: Iterator[tuple[str | int, Json]] = iter(())
    if isinstance(value, dict):
        held = iter(value.items())
    elif isinstance(value, list):
        held = iter(enumerate(value))
    for key, item in held:
        yield (*keys, key), item
        yield from _walk(item, (*keys, key))
