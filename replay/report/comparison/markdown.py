"""A comparison as Markdown, for a pull request (GitHub Flavored Markdown, https://github.github.com/gfm/)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape

from replay.comparison import Change, Comparison, Judged, Versus
from replay.report import numbers
from replay.report.comparison import words
from replay.report.comparison.address import address
from replay.report.text import visible

SHOWN = 10  # conversations
MARKS = {"not worse": "✅", "worse": "❌", "undecided": "❔"}
SPECIAL = re.compile(r"[\\`*_{}\[\]<>|~&$]")
BLOCK = re.compile(r"^(\d*)([-+=#.)])")  # what would begin a list or a heading
MENTION = re.compile(r"(?<=[@#])(?=\w)")  # @someone, #123
PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


def markdown(comparison: Comparison, page: str = "") -> str:
    """Return the summary. With the address of the HTML page, conversations link to where they open there."""
    parts = [part for versus in comparison.versus for part in _versus(comparison, versus, page)]
    notes = [f"- {_prose(note)}" for note in comparison.notes]
    return "\n\n".join([*parts, "\n".join(notes)] if notes else parts) + "\n"


def _versus(comparison: Comparison, versus: Versus, page: str) -> Iterator[str]:
    yield f"### {words.headline(versus, _code)}"
    yield "\n".join(f"- {_prose(reason)}" for reason in versus.reasons)
    if versus.judged:
        yield "\n".join(_judged(comparison, versus))
    if ratios := ", ".join(words.ratios(versus.amounts)):
        yield f"Per attempt: {_prose(ratios)}"
    yield f"**{words.changed(versus)}**"
    if versus.changes:
        yield "\n".join(_changes(versus, page))
    if needed := [f"- {_code(assertion)}: {more}" for assertion, more in words.missing(versus)]:
        yield "Evidence that is missing:"
        yield "\n".join(needed)


def _judged(comparison: Comparison, versus: Versus) -> Iterator[str]:
    sides = [_code(comparison.baseline), _code(versus.candidate)]
    yield _row(["assertion", *sides, "difference in points", "lost", "won", "finding"])
    yield "|---|--:|--:|--:|--:|--:|---|"
    yield from (_row(_cells(one)) for one in versus.judged)


def _cells(one: Judged) -> list[str]:
    return [
        _code(one.assertion),
        numbers.percent(one.baseline.rate.value),
        numbers.percent(one.candidate.rate.value),
        words.estimate(one.difference, numbers.points),
        f"{one.table.lost:,}",
        f"{one.table.won:,}",
        f"{MARKS[one.finding]} {one.finding}",
    ]


def _changes(versus: Versus, page: str) -> Iterator[str]:
    yield _row(["", "conversation", "passed", "what differs"])
    yield "|---|---|--:|---|"
    shown = words.first(versus.changes, SHOWN)
    for change in shown:
        what = ", ".join(map(_code, words.failures(change)))
        yield _row([change.kind, _link(versus, change, page), words.passed(change), what])
    rest = sum(versus.changed.get(kind, 0) for kind in words.KINDS) - len(shown)
    if rest > 0:
        yield f"\nand {rest:,} more"


def _link(versus: Versus, change: Change, page: str) -> str:
    name = _code(change.conversation)
    return f"[{name}]({page}{address(versus, change)})" if page else name


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    """A name as code. Nothing in it is read as Markdown, a mention or the end of a table's cell."""
    line = _line(text) or "(no name)"
    if not set(line) & set("`|\\"):
        return f"`{line}`"
    return f"<code>{PUNCTUATION.sub(lambda found: f'&#{ord(found[0])};', line)}</code>"


def _prose(text: str) -> str:
    """Text that stays text: nothing in it is read as Markdown, HTML, a mention or an issue's number."""
    quoted = SPECIAL.sub(
        lambda found: escape(found[0]) if found[0] in "<>&" else f"\\{found[0]}", _line(text)
    )
    return MENTION.sub("\u200b", BLOCK.sub(r"\1\\\2", quoted))


def _line(text: str) -> str:
    return visible(" ".join(text.split()))
