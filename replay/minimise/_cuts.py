"""Cuts: places in a conversation's JSON that are left out, many of them at once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from replay.conversation import Json
from replay.jsontext import parse

INSIDE = "(json)"  # in a path: what follows stands in the JSON that the text here is
Span = tuple[int, int]  # in a path, the last: characters of a text
Cut = tuple[str | int | Span, ...]

_GONE: Any = object()


def without(document: Json, cuts: Iterable[Cut]) -> Json:
    """Return a copy of JSON without what the cuts lead to. Cuts may lie in each other."""
    tree: Json = {}
    for cut in cuts:
        _plant(tree, cut)
    return _pruned(document, tree)


def _plant(tree: Any, cut: Cut) -> None:
    *way, last = cut
    for step in way:
        tree = tree.setdefault(step, {})
        if tree is _GONE:
            return
    tree[last] = _GONE


def _pruned(value: Json, tree: Any) -> Json:
    if not tree:
        return value
    if isinstance(value, str):
        if INSIDE in tree:
            return json.dumps(_pruned(parse(value), tree[INSIDE]), ensure_ascii=False)
        return _rest(value, sorted(tree))
    items = value.items() if isinstance(value, dict) else enumerate(value)
    kept = ((key, _pruned(item, tree.get(key))) for key, item in items if tree.get(key) is not _GONE)
    return dict(kept) if isinstance(value, dict) else [item for _, item in kept]


def _rest(text: str, spans: list[Span]) -> str:
    """Return a text without spans; white space that stood between words does not stand at its end."""
    kept, place = [], 0
    for start, end in spans:
        kept.append(text[place:start])
        place = max(place, end)
    rest = "".join((*kept, text[place:]))
    return rest.rstrip() if text == text.rstrip() else rest
