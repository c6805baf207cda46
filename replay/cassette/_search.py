"""Everything in a text that must not be written down, in order and without overlaps."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from replay.cassette import _added, _fields, _opaque, _patterns, _pii
from replay.cassette._entities import entities
from replay.cassette._flatten import Flat
from replay.cassette._known import SHORTEST, Form, forms, known, there
from replay.cassette._pseudonyms import PLACEHOLDER
from replay.conversation import Json

Spans = list[tuple[int, int]]  # sorted, without overlaps
Found = tuple[int, int, int, str, str]  # start, end, rank, kind, family

Find = Callable[[bytes], Iterator[tuple[int, int, str]]]
Rule = Callable[[bytes], Iterator[Found]]

SECRET, TERM, PERSONAL = range(3)  # what overlaps: a secret hides a term, a term hides personal data

_ESCAPES = ((b"\\u00", re.compile(rb"\\u00[0-7]")), (b"%", re.compile(rb"%[0-7][0-9A-Fa-f]")))
_MEDIA = re.compile(rb"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{512,}={0,2}")


class Hit(NamedTuple):
    """A place in raw text, what is there (`kind`, for people), and what its pseudonym is made of."""

    start: int
    end: int
    rank: int
    kind: str
    family: str
    value: bytes


class Search:
    """Finds known values, secrets by name and by form, terms, and (with `personal`) personal data.

    What a project adds: `patterns` by name, `keys` (names of fields that are secret), `allow` (values that
    are never found), `presidio` (the setting of that name). Raises BadInput.
    """

    def __init__(
        self,
        values: Iterable[str],
        terms: Iterable[str] = (),
        *,
        personal: bool = True,
        patterns: Mapping[str, str] | None = None,
        keys: Iterable[str] = (),
        allow: Iterable[str] = (),
        presidio: Json = None,
    ) -> None:
        values = {value for value in values if len(value) >= SHORTEST}
        self._known = [form for value in sorted(values) for form in forms(value)]
        self._personal = personal
        self._keys = frozenset(map(_fields.plain, keys))
        self._allowed = _added.allowed(allow) if allow else None
        self._always = [_terms_rule(terms)] if any(term.strip() for term in terms) else []
        if patterns:
            self._always.append(_secret_rule(_added.patterns(dict(patterns))))
        if presidio and personal:
            self._always.append(_family_rule(entities(presidio), PERSONAL))

    def hits(self, raw: bytes, words: list[bytes]) -> list[Hit]:
        """Return what to replace in raw text, whose long words are given.

        What touches a placeholder is left alone: it was redacted before.
        """
        found = [] if b"\0" in raw else list(self._searched(raw, words))
        live = there(raw, words, self._known)
        if not found and not live:
            return []
        kept = [place.span() for place in PLACEHOLDER.finditer(raw)]
        found += _live(raw, live, kept)
        return _in_order(
            hit
            for hit in found
            if not _touches(kept, hit.start, hit.end) and not (self._allowed and self._allowed(hit.value))
        )

    def _searched(self, raw: bytes, words: list[bytes]) -> Iterator[Hit]:
        named, formed = self._rules(raw, words)
        if not named and not formed:
            return
        for start, end, kind in _fields.parameters(raw, self._keys) if named else ():
            yield Hit(start, end, SECRET, kind, "key", unquote_to_bytes(raw[start:end]))
        flat = Flat(raw)
        media = [run.span() for run in _MEDIA.finditer(flat.data)] if formed else []
        for start, end, rank, kind, family in chain.from_iterable(rule(flat.data) for rule in named):
            yield Hit(*flat.span(start, end), rank, kind, family, flat.data[start:end])
        for start, end, rank, kind, family in chain.from_iterable(rule(flat.data) for rule in formed):
            if not _inside(media, start, end):  # in a run of base64 a form means nothing
                yield Hit(*flat.span(start, end), rank, kind, family, flat.data[start:end])

    def _rules(self, raw: bytes, words: list[bytes]) -> tuple[list[Rule], list[Rule]]:
        """Return the rules that may find something, by name and by form, to judge by a quick look."""
        escaped = _is_escaped(raw)  # then no look at the raw text can tell
        named, formed = list(self._always), list[Rule]()
        if escaped or self._keys or _fields.hinted(raw):
            named.append(_secret_rule(lambda flat: _fields.fields(flat, self._keys)))
        if escaped or _patterns.hinted(raw, words):
            formed.append(_secret_rule(_patterns.keys))
        if escaped or _opaque.hinted(raw, words):
            formed.append(_secret_rule(_opaque.opaque))
        if self._personal:
            finders = _pii.FINDERS if escaped else _pii.finders(raw)
            formed += (_family_rule(finder, PERSONAL) for finder in finders)
        return named, formed


def _is_escaped(raw: bytes) -> bool:
    return any(mark in raw and escape.search(raw) for mark, escape in _ESCAPES)


def _live(raw: bytes, live: list[Form], kept: Spans) -> Iterator[Hit]:
    start = 0
    for end, after in [*kept, (len(raw), len(raw))]:
        for first, last, plain in known(raw[start:end], live):
            yield Hit(start + first, start + last, SECRET, "known value", "key", plain)
        start = after


def _secret_rule(find: Find) -> Rule:
    return lambda flat: ((start, end, SECRET, kind, "key") for start, end, kind in find(flat))


def _family_rule(find: Find, rank: int) -> Rule:
    return lambda flat: ((start, end, rank, family, family) for start, end, family in find(flat))


def _terms_rule(terms: Iterable[str]) -> Rule:
    words = sorted({term for term in terms if term.strip()}, key=len, reverse=True)
    pattern = b"|".join(re.escape(word.encode()) for word in words)
    expression = re.compile(rb"(?<!\w)(?:%s)(?!\w)" % pattern, re.IGNORECASE)
    return lambda flat: ((*term.span(), TERM, "term", "term") for term in expression.finditer(flat))


def _touches(spans: Spans, start: int, end: int) -> bool:
    before = bisect_left(spans, (end, 0)) - 1
    return before >= 0 and spans[before][1] > start


def _inside(spans: Spans, start: int, end: int) -> bool:
    before = bisect_left(spans, (start + 1, 0)) - 1
    return before >= 0 and spans[before][1] >= end


def _in_order(hits: Iterable[Hit]) -> list[Hit]:
    """Sort; of two that overlap the higher ranked stays, and two of one rank become one."""
    ordered: list[Hit] = []
    for hit in sorted(hits):
        last = ordered[-1] if ordered else None
        if last is None or hit.start >= last.end:
            ordered.append(hit)
        elif hit.rank == last.rank:
            ordered[-1] = _union(last, hit)
        elif hit.rank < last.rank:
            ordered[-1] = hit
    return ordered


def _union(one: Hit, other: Hit) -> Hit:
    widest = max(one, other, key=lambda hit: hit.end - hit.start)
    if widest.start <= other.start and widest.end >= max(one.end, other.end):
        return widest
    return one._replace(end=other.end, value=one.value + b"\0" + other.value)
