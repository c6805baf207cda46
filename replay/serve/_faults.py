"""Faults by name, as a header says them: `rate_limit; first=1, cut=3`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from replay import faults
from replay.conversation import Json
from replay.errors import BadInput
from replay.jsontext import parse
from replay.registry import arguments

_ITEM = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')
_PART = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*"?)+')


def around(transport: Any, text: str) -> Any:
    """Put the faults that a text names around a transport, the first one outermost. Raises BadInput.

    A fault is its name and perhaps arguments, `name; field=value`; `name=value` is its first field. Values
    are JSON, or else text. What a fault waits is waited for, unless `pace=false`: this client has a clock of
    its own.
    """
    return faults.Faults(_fault(item.strip()) for item in _ITEM.findall(text))(transport)


def _fault(item: str) -> faults.Fault:
    name, *fields = (part.strip() for part in _PART.findall(item))
    name, given, first = (part.strip() for part in name.partition("="))
    pairs = dict(_field(field, item) for field in fields)
    plugin = faults.registry.get(name)
    try:
        own = arguments(name, plugin, _value(first)) if given else {}
        fault: Any = faults.build(name, own | pairs)
    except ValueError as wrong:
        raise BadInput(f"fault {wrong}") from None
    found: faults.Fault = replace(fault, pace=True) if _waits(fault, pairs) else fault
    return found


def _waits(fault: Any, pairs: dict[str, Json]) -> bool:
    return "pace" not in pairs and getattr(fault, "pace", None) is False


def _field(text: str, item: str) -> tuple[str, Json]:
    name, given, value = (part.strip() for part in text.partition("="))
    if not given:
        raise BadInput(f'fault "{item}": write arguments as name=value')
    return name, _value(value)


def _value(text: str) -> Json:
    try:
        return parse(text)
    except ValueError:
        return text
