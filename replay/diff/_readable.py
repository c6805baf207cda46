"""Differences as lines of text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from itertools import zip_longest

from replay.diff._json import Difference
from replay.diff._text import WORDS_AT_MOST, short, visible, words


def readable(found: Iterable[Difference]) -> str:
    """Write differences as lines: `- path: gone`, `+ path: new`, `~ path: was -> is`, texts as word diffs.

    In a word diff `[-so-]` was taken away and `{+so+}` was added.
    """
    return "\n".join(line for item in found for line in _lines(item))


def _lines(item: Difference) -> Iterator[str]:
    if item.kind == "added":
        yield f"+ {item.path}: {short(item.after, 200)}"
    elif item.kind == "removed":
        yield f"- {item.path}: {short(item.before, 200)}"
    elif isinstance(item.before, str) and isinstance(item.after, str):
        yield from _text_lines(item.path, item.before, item.after)
    else:
        yield f"~ {item.path}: {short(item.before, 200)} -> {short(item.after, 200)}"


def _text_lines(path: str, before: str, after: str) -> Iterator[str]:
    old, new = before.split("\n"), after.split("\n")
    many = len(old) > 1 or len(new) > 1
    if len(old) + len(new) > WORDS_AT_MOST:
        pairs = enumerate(zip_longest(old, new), 1)
        first = next(number for number, (was, now) in pairs if was != now)
        yield f"~ {path}: {len(new)} lines, {len(old)} before; the first that differs is line {first}"
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for number, (was, now) in enumerate(zip_longest(old[i1:i2], new[j1:j2]), i1 + 1):
            yield _text_line(f"{path}:{number}" if many else path, was, now)


def _text_line(place: str, was: str | None, now: str | None) -> str:
    if was is None or now is None:
        mark, text = ("+", now) if was is None else ("-", was)
        return f"{mark} {place}: {_seen(text or '') or '⏎'}"
    alike = unicodedata.normalize("NFC", was) == unicodedata.normalize("NFC", now)
    show = {" ": _plain, "-": _escaped if alike else _seen, "+": _escaped if alike else _seen}
    frame = {" ": "{}", "-": "[-{}-]", "+": "{{+{}+}}"}
    return f"~ {place}: " + "".join(frame[mark].format(show[mark](text)) for mark, text in words(was, now))


def _plain(text: str) -> str:
    return visible(text if len(text) <= 120 else f"{text[:60]} … {text[-60:]}")


def _seen(text: str) -> str:
    """Make white space at the ends visible, and everything else that cannot be seen."""
    marks = str.maketrans({" ": "·", "\t": "⇥"})
    body = text.strip(" \t")
    if not body:
        return text.translate(marks)
    head, _, tail = text.partition(body)
    return (
        head.translate(marks)
        + visible(body if len(body) <= 1000 else f"{body[:1000]}…")
        + tail.translate(marks)
    )


def _escaped(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()
