"""TOML tables as text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from replay.conversation import Json


def table(name: str, values: Mapping[str, Json]) -> str:
    """Write a table; `name` is written as it stands. TOML has no word for null, and no value may be one."""
    return f"[{name}]\n" + "".join(f"{key(name)} = {value(item)}\n" for name, item in values.items())


def key(name: str) -> str:
    """Write a key, in quotes where it needs them."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else value(name)


def value(item: Json) -> str:
    """Write a value on one line."""
    if isinstance(item, dict):
        return "{" + ", ".join(f"{key(name)} = {value(inner)}" for name, inner in item.items()) + "}"
    if isinstance(item, list | tuple):
        return "[" + ", ".join(map(value, item)) + "]"
    return json.dumps(item, ensure_ascii=False).replace("\x7f", "\\u007f")
