"""promptfoo's assertions as ours, where they mean the same.

https://www.promptfoo.dev/docs/configuration/expected-outputs/deterministic/
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from replay.conversation import Json, Object

Rule = Callable[[Object], Json]


def carried(asserted: list[Any]) -> tuple[list[Json], list[str]]:
    """Return our assertions, and a note for each that means nothing here."""
    ours: list[Json] = []
    notes: list[str] = []
    for item in asserted:
        kind = str(item.get("type")) if isinstance(item, dict) else str(item)
        found = _one(kind, item) if isinstance(item, dict) else None
        if found is None:
            notes.append(f"promptfoo's {kind} is not carried over")
        else:
            ours.append(found)
    return ours, notes


def _one(kind: str, item: Object) -> Json:
    inverse = kind.startswith("not-")
    rule = _RULES.get(kind.removeprefix("not-"))
    if rule is None or (isinstance(item.get("value"), str) and item["value"].startswith("file://")):
        return None
    found = rule(item)
    if not inverse:
        return found
    name, argument = next(iter(found.items())) if isinstance(found, dict) else (found, None)
    if name == "contains" and not (isinstance(argument, dict) and argument.get("any")):
        return {"not_contains": argument} if _single(argument) else {"not": found}
    return {"not": found}


def _single(argument: Json) -> bool:
    """Whether a text is one: not to contain all of several is not to contain none of them."""
    text = argument.get("text") if isinstance(argument, dict) else argument
    return isinstance(text, str)


def _equals(item: Object) -> Json:
    value = item.get("value")
    return {"equals": value} if isinstance(value, str) else {"equals": {"json": value}}


def _contains(**options: bool) -> Rule:
    def rule(item: Object) -> Json:
        value = item.get("value")
        text = [str(part) for part in value] if isinstance(value, list) else str(value)
        return {"contains": {"text": text} | options if options else text}

    return rule


def _listed(**options: bool) -> Rule:
    """A list may be written as one text with commas."""

    def rule(item: Object) -> Json:
        value = item.get("value")
        parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
        return _contains(**options)({"value": parts})

    return rule


def _schema(item: Object) -> Json:
    value = item.get("value")
    return {"json_schema": {"schema": value if isinstance(value, dict) else True}}


_RULES: dict[str, Rule] = {
    "equals": _equals,
    "contains": _contains(),
    "icontains": _contains(ignore_case=True),
    "contains-all": _listed(),
    "contains-any": _listed(any=True),
    "icontains-all": _listed(ignore_case=True),
    "icontains-any": _listed(any=True, ignore_case=True),
    "starts-with": lambda item: {"matches": "^" + re.escape(str(item.get("value")))},
    "regex": lambda item: {"matches": str(item.get("value"))},
    "is-json": _schema,
    "latency": lambda item: {"latency": item.get("threshold")},
    "cost": lambda item: {"cost": item.get("threshold")},
    "is-refusal": lambda _: "refusal",
    "finish-reason": lambda item: {"finish_reason": item.get("value")},
}
