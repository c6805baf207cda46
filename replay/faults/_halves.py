"""Texts that an answer carries, in one piece or in many, of which the second half is taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from replay.conversation import Json, Object

_PLACES = ("index", "output_index", "content_index", "item_id", "contentBlockIndex", "type")

Wanted = Callable[[str, Object], bool]
Place = tuple[Object, str]  # the object that holds a text, and its key


def halved(documents: Iterable[Object | None], wanted: Wanted) -> bool:
    """Take the second half of each text in these documents that is `wanted` (its key, what holds it).

    Pieces are of one text where they stand at the same indexes. Returns whether there was any.
    """
    texts: dict[object, list[Place]] = defaultdict(list)
    for document in documents:
        for path, holder, key in _strings(document, (), wanted):
            texts[path].append((holder, key))
    found = [_halve(pieces) for pieces in texts.values()]
    return any(found)


def _halve(pieces: list[Place]) -> bool:
    size = sum(len(holder[key]) for holder, key in pieces)
    left = size // 2
    for holder, key in pieces:
        holder[key] = holder[key][:left]
        left -= len(holder[key])
    return size > 1


def _strings(
    value: Json, path: tuple[object, ...], wanted: Wanted
) -> Iterator[tuple[tuple[object, ...], Object, str]]:
    """Yield where texts stand; a path is the keys and the indexes on the way."""
    if isinstance(value, list):
        for item in value:
            yield from _strings(item, path, wanted)
    if not isinstance(value, dict):
        return
    here = (*path, *(value.get(name) for name in _PLACES))
    for key, item in value.items():
        if isinstance(item, str) and wanted(key, value):
            yield (*here, key), value, key
        else:
            yield from _strings(item, (*here, key), wanted)
