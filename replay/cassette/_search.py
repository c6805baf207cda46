"""Everything in a text that must not be written down, in order and without overlaps."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from replay.cassette import _fields, _opaque, _patterns, _pii
from replay.cassette._flatten import Flat
from replay.cassette._known import SHORTEST, forms, known
from replay.cassette._pseudonyms import PLACEHOLDER
from replay.cassette._words import long_words

Spans = list[tuple[int, int]]  # sorted, without overlaps
Found = tuple[int, int, int, str, str]  # start, end, rank, kind, family

Rule = Callable[[bytes], Iterator[Found]]

SECRET, TERM, PERSONAL = range(3)  # what overlaps: a secret hides a term, a term hides personal data

_ESCAPED = re.compile(rb"\\u00[0-7]|%[0-7][0-9A-Fa-f]")
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
    """Finds known values, secrets by name and by form, terms, and (with `personal`) personal data."""

    def __init__(self, values: Iterable[str], terms: Iterable[str], personal: bool) -> None:
        values = {value for value in values if len(value) >= SHORTEST}
        self._known = [form for value in sorted(values) for form in forms(value)]
        words = sorted({term for term in terms if term.strip()}, key=len, reverse=True)
        pattern = b"|".join(re.escape(word.encode()) for word in words)
        self._terms = re.compile(rb"(?<!\w)(?:%s)(?!\w)" % pattern, re.IGNORECASE) if words else None
        self._personal = personal

    def hits(self, raw: bytes) -> list[Hit]:
        """Return what to replace. What touches a placeholder is left alone: it was redacted before."""
        found = [] if b"\0" in raw else list(self._searched(raw))
        if not found and not any(form.text in raw for form in self._known):
            return []
        kept = [place.span() for place in PLACEHOLDER.finditer(raw)]
        found += self._live(raw, kept)
        return _in_order(hit for hit in found if not _touches(kept, hit.start, hit.end))

    def _live(self, raw: bytes, kept: Spans) -> Iterator[Hit]:
        start = 0
        for end, after in [*kept, (len(raw), len(raw))]:
            for first, last, plain in known(raw[start:end], self._known):
                yield Hit(start + first, start + last, SECRET, "known value", "key", plain)
            start = after

    def _searched(self, raw: bytes) -> Iterator[Hit]:
        named, formed = self._rules(raw)
        if not named and not formed:
            return
        for start, end, kind in _fields.parameters(raw) if named else ():
            yield Hit(start, end, SECRET, kind, "key", unquote_to_bytes(raw[start:end]))
        flat = Flat(raw)
        media = [run.span() for run in _MEDIA.finditer(flat.data)] if formed else []
        for start, end, rank, kind, family in chain.from_iterable(rule(flat.data) for rule in named):
            yield Hit(*flat.span(start, end), rank, kind, family, flat.data[start:end])
        for start, end, rank, kind, family in chain.from_iterable(rule(flat.data) for rule in formed):
            if not _inside(media, start, end):  # in a run of base64 a form means nothing
                yield Hit(*flat.span(start, end), rank, kind, family, flat.data[start:end])

    def _rules(self, raw: bytes) -> tuple[list[Rule], list[Rule]]:
        """Return the rules that may find something, by name and by form, to judge by a quick look."""
        escaped = _ESCAPED.search(raw) is not None  # then no look at the raw text can tell
        words = [] if escaped else long_words(raw)
        named: list[Rule] = [_fields_rule] if escaped or _fields.hinted(raw) else []
        formed: list[Rule] = [_keys_rule] if escaped or _patterns.hinted(raw, words) else []
        if escaped or _opaque.hinted(raw, words):
            formed.append(_opaque_rule)
        if self._terms:
            named.append(self._terms_rule)
        if self._personal:
            formed += map(_personal_rule, _pii.FINDERS if escaped else _pii.finders(raw))
        return named, formed

    def _terms_rule(self, flat: bytes) -> Iterator[Found]:
        for term in self._terms.finditer(flat) if self._terms else ():
            yield *term.span(), TERM, "term", "term"


def _fields_rule(flat: bytes) -> Iterator[Found]:
    return ((start, end, SECRET, kind, "key") for start, end, kind in _fields.fields(flat))


def _keys_rule(flat: bytes) -> Iterator[Found]:
    return ((start, end, SECRET, kind, "key") for start, end, kind in _patterns.keys(flat))


def _opaque_rule(flat: bytes) -> Iterator[Found]:
    return ((start, end, SECRET, kind, "key") for start, end, kind in _opaque.opaque(flat))


def _personal_rule(finder: _pii.Finder) -> Rule:
    return lambda flat: ((start, end, PERSONAL, family, family) for start, end, family in finder(flat))


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
