"""A comparison in the terminal: as wide as it is, 80 columns where it is a pipe, and without colour there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from replay.comparison import Comparison, Judged, Versus
from replay.report import numbers
from replay.report.comparison import words
from replay.report.text import visible

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table

COLOURS = {
    "switch": "green",
    "not worse": "green",
    "do not switch": "red",
    "worse": "red",
    "undecided": "yellow",
}


def terminal(comparison: Comparison) -> Group:
    """Return what rich's `Console.print` writes: of each candidate the decision, table and reasons."""
    from rich.console import Group

    parts = [part for versus in comparison.versus for part in _versus(comparison, versus)]
    return Group(*parts, *(_text(note) for note in comparison.notes))


def _versus(comparison: Comparison, versus: Versus) -> Iterator[RenderableType]:
    yield _text(words.headline(versus), f"bold {COLOURS[versus.decision]}")
    yield _text("")
    if versus.judged:
        yield _table(comparison, versus)
        yield _text("")
    yield from map(_text, versus.reasons)
    yield from (_text(f"to settle {assertion}: {more}") for assertion, more in words.missing(versus))
    yield _text("")
    yield _text(words.changed(versus))
    yield from map(_text, words.ratios(versus.amounts))
    yield _text("")


def _table(comparison: Comparison, versus: Versus) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("assertion", overflow="fold")
    for name in (comparison.baseline, versus.candidate):
        table.add_column(_text(name), justify="right", no_wrap=True, max_width=14)
    table.add_column("difference, points", justify="right", no_wrap=True)
    table.add_column("finding", no_wrap=True)
    for one in versus.judged:
        table.add_row(*_cells(one))
    return table


def _cells(one: Judged) -> Iterator[RenderableType]:
    yield _text(one.assertion)
    yield _text(numbers.percent(one.baseline.rate.value))
    yield _text(numbers.percent(one.candidate.rate.value))
    yield _text(words.estimate(one.difference, numbers.points))
    yield _text(one.finding, COLOURS[one.finding])


def _text(text: str, style: str = "") -> RenderableType:
    """Text that is no markup of rich's; the long minus is no sign of every terminal's."""
    from rich.text import Text

    return Text(visible(" ".join(text.split())).replace("−", "-"), style)
