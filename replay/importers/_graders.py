"""Graders of OpenAI's evals as our assertions, where they mean the same.

https://platform.openai.com/docs/guides/graders
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from replay.conversation import Json, Object
from replay.importers._records import text

_REFERENCE = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")
_REPLY = re.compile(r"\s*\{\{\s*sample\.output_text\s*\}\}\s*")


def judged(graders: Iterable[Object], item: Object) -> tuple[tuple[Json, ...], tuple[str, ...]]:
    """Return the assertions that graders are for one item, and a note for each other grader."""
    assertions, notes = [], []
    for grader in graders:
        assertion = _assertion(grader, item)
        if assertion is not None:
            assertions.append(assertion)
        else:
            kind = text(grader.get("type")) or "of no type"
            notes.append(f"the grader {text(grader.get('name')) or '(no name)'} ({kind}) is not carried over")
    return tuple(assertions), tuple(notes)


def filled(template: str, item: Object) -> str | None:
    """Put an item's values into a template, None where it has none of that name."""
    missing = False

    def value(reference: re.Match[str]) -> str:
        nonlocal missing
        found = looked_up(reference[1], item)
        missing = missing or found is None
        return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)

    written = _REFERENCE.sub(value, template)
    return None if missing else written


def looked_up(reference: str, item: Object) -> Json:
    """Return what `item.a.b` stands for, None where that is not there."""
    found: Json = {"item": item}
    for name in reference.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _assertion(grader: Object, item: Object) -> Json:
    """A check of the reply's text against a text that is known; whatever else a grader is, None."""
    checked, reference = text(grader.get("input")), text(grader.get("reference"))
    operation = grader.get("operation")
    if operation in ("eq", "ne") and _REPLY.fullmatch(reference):
        checked, reference = reference, checked
    wanted = filled(reference, item)
    if grader.get("type") != "string_check" or not _REPLY.fullmatch(checked) or wanted is None:
        return None
    said: dict[Json, Json] = {
        "eq": {"equals": wanted},
        "ne": {"not": {"equals": wanted}},
        "like": {"contains": wanted} if wanted else None,
        "ilike": {"contains": {"text": wanted, "ignore_case": True}} if wanted else None,
    }
    return said.get(operation) if isinstance(operation, str) else None
