"""Python that asks once: a client, the request, and the expression that sends it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from inspect import signature
from typing import Any

from replay.conversation import Json, Object
from replay.export._call import Call
from replay.export._words import SERVER

WIDTH = 88
SECONDS = 600


@dataclass(frozen=True, slots=True)
class Script:
    """How to ask: expressions of `client` and `request`, and of the `answer` that came.

    `parts` iterates over an answer that is streamed.
    """

    imports: tuple[str, ...]
    client: str
    request: Json
    send: str
    answer: str = "answer"
    parts: str = "answer"


def literal(value: Json, indent: int = 0) -> str:
    """Write a value as Python, on one line where it fits."""
    flat = _flat(value)
    if len(flat) + indent <= WIDTH or not isinstance(value, dict | list):
        return flat
    pad, ends = " " * (indent + 4), "{}" if isinstance(value, dict) else "[]"
    items: Iterable[tuple[str, Json]] = (
        ((f"{_flat(name)}: ", item) for name, item in value.items())
        if isinstance(value, dict)
        else (("", item) for item in value)
    )
    lines = "".join(f"{pad}{name}{literal(item, indent + 4)},\n" for name, item in items)
    return f"{ends[0]}\n{lines}{' ' * indent}{ends[1]}"


def _flat(value: Json) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flat(name)}: {_flat(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flat, value)) + "]"
    if isinstance(value, str) and value.isprintable():
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def called(function: str, arguments: Iterable[tuple[str, str | None]]) -> str:
    """Write a call with keywords, one a line; those of None are left out."""
    lines = [f"    {name}={value},\n" for name, value in arguments if value is not None]
    return f"{function}(\n{''.join(lines)})"


def server(call: Call, path: str = "") -> str:
    """Write where the provider is, with a path below its host."""
    base = f'os.environ.get("{SERVER}", {literal(call.origin)})'
    return f"{base} + {literal(path)}" if path else base


def key(call: Call) -> str:
    """Write the key, which is asked for when the script runs."""
    return f'os.environ["{call.key.variable}"]' if call.key else '"not-needed"'


def typed(function: Any, body: Object) -> Object:
    """Give a body to a function of an SDK as its keywords, and as `extra_body` what it has no keyword for."""
    known = signature(function).parameters
    extra = {name: value for name, value in body.items() if name not in known}
    return {name: value for name, value in body.items() if name in known} | (
        {"extra_body": extra} if extra else {}
    )


def headers_of(call: Call) -> str | None:
    """Write the headers that are the target's own, None where there are none."""
    own = {
        name: value
        for name, value in call.headers.items()
        if name not in ("content-type", "anthropic-version")
    }
    return literal(own) if own else None
