"""Faults by name, as a header says them: `rate_limit; first=1, cut=3`."""

from __future__ import annotations

import re
from typing import Any

from replay import faults
from replay.conversation import Json
from replay.errors import BadInput
from replay.jsontext import parse

_ITEM = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')
_PART = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*"?)+')


def around(transport: Any, text: str) -> Any:
    """Put the faults that a text names around a transport, the first one outermost. Raises BadInput.

    A fault is its name and perhaps arguments, `name; field=value`; `name=value` gives its first field. Values
    are JSON, or else text.
    """
    for item in reversed(_ITEM.findall(text)):
        transport = _fault(item.strip())(transport)
    return transport


def _fault(item: str) -> faults.Fault:
    name, *fields = (part.strip() for part in _PART.findall(item))
    name, given, first = (part.strip() for part in name.partition("="))
    pairs = dict(_field(field, item) for field in fields)
    if given and pairs:
        raise BadInput(f'fault "{item}": name its first argument too, as the others')
    try:
        return faults.build(name, _value(first) if given else pairs or None)
    except ValueError as wrong:
        raise BadInput(f"fault {wrong}") from None


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
