"""Regular expressions that stop: a pattern from a file on a text from a model gets one second."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from replay.diff import short

SECONDS = 1.0


class TimeLimit(Exception):
    """A pattern was stopped."""


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """Compile a pattern of the `regex` package. Raises ValueError that names the position."""
    import regex

    if not isinstance(pattern, str):
        raise ValueError(f"a pattern must be text, not {short(pattern)}")
    try:
        return regex.compile(pattern)
    except regex.error as problem:
        raise ValueError(f"pattern {short(pattern)} is wrong: {problem}") from None


def found(pattern: str, text: str, *, whole: bool = False) -> bool:
    """Tell whether a pattern is found in a text (or, with `whole`, matches all of it). Raises TimeLimit."""
    search = compiled(pattern).fullmatch if whole else compiled(pattern).search
    try:
        return search(text, timeout=SECONDS) is not None
    except TimeoutError:
        raise TimeLimit(f"pattern {short(pattern)} stopped after {SECONDS:g} s") from None


def spans(pattern: str, text: str, group: str = "") -> Iterator[tuple[int, int]]:
    """Yield where a pattern is found (its `group`, where it has one), never empty. Raises TimeLimit."""
    expression = compiled(pattern)
    part = group if group in expression.groupindex else 0
    try:
        for match in expression.finditer(text, timeout=SECONDS):
            start, end = match.span(part)
            if start < end:
                yield start, end
    except TimeoutError:
        raise TimeLimit(f"pattern {short(pattern)} stopped after {SECONDS:g} s") from None
