"""Checks of YAML arguments, with the message that says what to write."""

from __future__ import annotations

import math
from collections.abc import Iterable

from replay.conversation import Json
from replay.diff import short
from replay.errors import nearest


def check_number(name: str, value: Json, *, least: float = 0.0, whole: bool = False) -> None:
    """Raise ValueError unless the value is a finite number of at least `least`."""
    kind = "a whole number" if whole else "a number"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be {kind}, not {short(value)}")
    if not math.isfinite(value) or value < least or (whole and not isinstance(value, int)):
        raise ValueError(f"{name} must be {kind} of at least {least:g}, not {value}")


def texts(name: str, value: Json) -> tuple[str, ...]:
    """Read one text or a list of texts, none of them empty. Raises ValueError."""
    items = value if isinstance(value, list | tuple) else [value]
    for item in items:
        if not isinstance(item, str):
            raise ValueError(f"{name} must be text, not {short(item)}; write {short(short(item))}")
        if not item:
            raise ValueError(f"{name} is empty")
    if not items:
        raise ValueError(f"{name} is an empty list")
    return tuple(items)


def check_choice(name: str, value: Json, known: Iterable[str]) -> None:
    """Raise ValueError, with the nearest, unless the value is a known word."""
    known = list(known)
    if value not in known:
        raise ValueError(f"{name} {short(value)} is not known; {nearest(str(value), known)}")


def check_flag(name: str, value: Json) -> None:
    """Raise ValueError unless the value is true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, not {short(value)}")
