"""Texts in spans: paragraphs, sentences and words, each with the white space behind it."""

from __future__ import annotations

import re

Spans = list[tuple[int, int]]

_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
_SENTENCE = re.compile(r"(?<=[.!?:;])[\"')\]]*\s+|\n+|(?<=[。！？])")
_WORD = re.compile(r"\s+|(?<=[\u3040-\u30ff\u3400-\u9fff])")


def paragraphs(text: str) -> Spans:
    """Cut where lines are empty."""
    return _between(text, _PARAGRAPH)


def sentences(text: str) -> Spans:
    """Cut behind the ends of sentences and lines."""
    return _between(text, _SENTENCE)


def words(text: str) -> Spans:
    """Cut behind white space, and behind each character of a script that writes none."""
    return _between(text, _WORD)


def _between(text: str, edge: re.Pattern[str]) -> Spans:
    """The spans from edge to edge: together they are the whole text."""
    ends = [found.end() for found in edge.finditer(text) if 0 < found.end() < len(text)]
    starts = [0, *dict.fromkeys(ends)]
    return list(zip(starts, [*starts[1:], len(text)], strict=True)) if text else []
