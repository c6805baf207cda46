"""Numbers in files: what is one, and what to write instead."""

from __future__ import annotations

import math
import re
from typing import Any

from replay.conversation import Json

_OCTAL = re.compile(r"[-+]?0o?([0-7]+)")
_HEX = re.compile(r"[-+]?0x[0-9a-fA-F]+")
_GROUPED = re.compile(r"[-+]?[0-9][0-9_]*")
_COMMA = re.compile(r"([-+]?[0-9]+),([0-9]+)")
_LARGEST = 2**63


def number_fault(
    value: Json,
    *,
    whole: bool = False,
    least: float | None = None,
    most: float | None = None,
) -> str | None:
    """Say what is wrong with a number and what to write, None when it is one within the limits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _no_number(value, whole)
    return _no_size(value, whole) or _outside(value, least, most)


def _no_size(value: float, whole: bool) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    if whole and not isinstance(value, int):
        return (
            f"must be a whole number; write {int(value)}" if value == int(value) else "must be a whole number"
        )
    if abs(value) > _LARGEST:
        return "does not fit into 64 bits"
    return None


def _outside(value: float, least: float | None, most: float | None) -> str | None:
    if least is not None and value < least:
        return f"must be {least:g} or more, not {value:g}"
    if most is not None and value > most:
        return f"must be {most:g} or less, not {value:g}"
    return None


def _no_number(value: Any, whole: bool) -> str:
    what = "a whole number" if whole else "a number"
    if not isinstance(value, str):
        return f"must be {what}"
    if len(value) > 40:
        return f"must be {what}, not {len(value)} characters of text"
    advice = spelled(value)
    return f'must be {what}, not "{value}"' + (f"; write {advice}" if advice else "")


def spelled(text: str) -> str | None:
    """Return how a number that was written in another way is written in JSON, None if it is no number."""
    text = text.strip()
    if octal := _OCTAL.fullmatch(text):
        return f"{int(octal[1], 8)} or {int(octal[1])} (it can be read as either)"
    if _HEX.fullmatch(text):
        return str(int(text, 16))
    if _GROUPED.fullmatch(text):
        return str(int(text.replace("_", "")))
    if comma := _COMMA.fullmatch(text):
        return f"{int(comma[1])}.{comma[2]}"
    return _as_float(text)


def _as_float(text: str) -> str | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return f"{value:g}" if math.isfinite(value) else None
