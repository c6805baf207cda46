"""What a project adds to the rules: patterns of its own, and values that are never to be touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from replay import regexes
from replay.errors import BadInput

Span = tuple[int, int, str]


def patterns(added: dict[str, str]) -> Callable[[bytes], Iterator[Span]]:
    """Return what finds a project's own patterns in the flat view: `(start, end, kind)`.

    A group `secret`, where a pattern has one, is what is found. What finds raises BadInput for a pattern that
    had to be stopped: then nothing is written.
    """

    def find(flat: bytes) -> Iterator[Span]:
        text = flat.decode("utf-8", "surrogateescape")
        for name, pattern in added.items():
            try:
                spans = list(regexes.spans(pattern, text, "secret"))
            except regexes.TimeLimit as problem:
                raise BadInput(f"redaction: patterns.{name}: {problem}; nothing was written") from None
            yield from ((*span, f"pattern {name}") for span in _in_bytes(text, spans))

    return find


def allowed(entries: Iterable[str]) -> Callable[[bytes], bool]:
    """Return what tells whether a value is never to be touched: an entry is it, or `/matches/` all of it."""
    entries = list(entries)
    values = frozenset(entry.encode() for entry in entries)
    expressions = [entry[1:-1] for entry in entries if len(entry) > 1 and entry[0] == entry[-1] == "/"]

    def is_allowed(value: bytes) -> bool:
        text = value.decode("utf-8", "replace")
        return value in values or any(_matches(expression, text) for expression in expressions)

    return is_allowed


def _matches(expression: str, text: str) -> bool:
    try:
        return regexes.found(expression, text, whole=True)
    except regexes.TimeLimit:
        return False  # what cannot be told is hidden


def _in_bytes(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    done = offset = 0
    for start, end in spans:
        first = offset + len(text[done:start].encode("utf-8", "surrogateescape"))
        offset = first + len(text[start:end].encode("utf-8", "surrogateescape"))
        done = end
        yield first, offset
