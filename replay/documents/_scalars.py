"""What an unquoted word means: the YAML 1.2 core schema (https://yaml.org/spec/1.2.2/#103-core-schema).

Numbers whose value depends on who reads them (`010`, `0o10`, `0x1F`, `1_000`, `22:22:22`) stay text as
written: a text field keeps them, and a number field can refuse them by what was written.
"""

from __future__ import annotations

import re
from typing import Any

_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS = frozenset("+-.0123456789")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MAX_DIGITS = 4000  # Python refuses to convert more than 4,300 digits, in both directions

_TAGGED: dict[str, type | tuple[type, ...]] = {"null": type(None), "bool": bool, "int": int, "float": float}


def resolve(text: str) -> Any:
    """Return the value of a plain scalar."""
    if text[:1] in _NUMBER_STARTS:
        return _number(text)
    return _WORDS.get(text, text)


def _number(text: str) -> Any:
    if _INT.fullmatch(text):
        return int(text) if len(text) <= _MAX_DIGITS else text
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def tagged(tag: str, text: str) -> Any:
    """Return the value of a scalar with a tag of the core schema. Raises ValueError for any other."""
    word = tag.removeprefix("tag:yaml.org,2002:")
    if tag == "!" or word == "str":
        return text
    if tag == word or word not in _TAGGED:
        raise ValueError(f"tag {shown(tag)} is not supported; only plain JSON data is read")
    value = resolve(text)
    if word == "float" and type(value) is int:
        return float(value)
    if type(value) is not _TAGGED[word]:
        raise ValueError(f'"{text}" is not a YAML {word}; remove {shown(tag)} or write a {word}')
    return value


def shown(tag: str) -> str:
    """Return a tag as people write it."""
    return tag.replace("tag:yaml.org,2002:", "!!", 1)
