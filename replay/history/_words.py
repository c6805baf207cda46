"""Trends and changes as a person reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from replay.history._read import History
from replay.history._trend import Change, Point, Trend
from replay.report.numbers import chance, compact, dollars, milliseconds, percent, plural
from replay.report.text import visible

NAMES = {
    "rate": "pass rate",
    "tokens": "tokens of a case",
    "cost": "cost of a case",
    "latency": "latency of a turn, median",
    "p95": "latency of a turn, p95",
}
_SHOWN: dict[str, Callable[[float], str]] = {
    "rate": percent,
    "tokens": compact,
    "cost": dollars,
    "latency": milliseconds,
    "p95": milliseconds,
}
_BARS = "▁▂▃▄▅▆▇█"
_SPARK = 24  # runs in a sparkline, the newest
_FLAT = 0.1  # what a sparkline of rates spans at least
_LISTED = 12  # groups of changes in the terminal


def shown(measure: str, value: float | None) -> str:
    """Return a value of a measure with its unit."""
    return "–" if value is None else _SHOWN[measure](value)


def rate(point: Point) -> str:
    """Return a pass rate with its interval: `95.8% (88–99)`."""
    if not point.said["rate"]:
        return "–"
    value, low, high = point.said["rate"]
    return percent(value) + (f" ({100 * low:.0f}–{100 * high:.0f})" if low is not None else "")


def day(run: str) -> str:
    """Return the name of a run; of one that is named by its time, the day."""
    return run[:10] if run[4:5] == "-" and run[10:11] == "T" else run


def told(change: Change) -> str:
    """Return a change as one sentence, without the suite and target it is of."""
    moved = "rose" if change.after > change.before else "fell"
    levels = f"{shown(change.measure, change.before)} → {shown(change.measure, change.after)}"
    return f"{NAMES[change.measure]} {moved}: {levels} (p {_p(change.p)})"


def when(change: Change) -> str:
    """Return when a change was: the day, and between which days it must have been."""
    text = f"{change.at:%Y-%m-%d}"
    if change.earliest != change.latest:
        text += f" (between {day(change.earliest)} and {day(change.latest)})"
    return text


def why(change: Change) -> str:
    """Return what else changed there."""
    return "; ".join(change.causes) or "nothing else that the runs say"


def grouped(changes: Iterable[Change]) -> list[list[Change]]:
    """Put together what changed in one trend at one run for one reason; the order is kept."""
    groups: dict[object, list[Change]] = {}
    for one in changes:
        groups.setdefault((one.run, one.suite, one.target, one.causes), []).append(one)
    return list(groups.values())


def _p(p: float) -> str:
    text = chance(p)
    return f"< {text[1:]}" if text.startswith("<") else f"= {text}"


def sparkline(values: Sequence[float | None], least: float = 0.0) -> str:
    """Return values as bars between their least and most, a dot for None; `least` is what they span."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    top = max(known)
    span = max(top - min(known), least) or 1.0
    low = top - span
    return "".join("·" if v is None else _BARS[min(int((v - low) / span * 8), 7)] for v in values)


def words(found: History) -> str:
    """Return what the terminal shows: the newest run of each trend, the changes, and what is left out."""
    head = ["suite", "target", "runs", "pass rate", "", "tokens", "cost", "median", "p95"]
    lines = _table([head, *map(_row, found.trends)])
    count = len(found.changes)
    lines += ["", f"{plural(count, 'change')} in {plural(found.runs, 'run')}" + (":" if count else "")]
    groups = grouped(found.changes)
    for group in groups[:_LISTED]:
        lines += [f"  {group[0].suite} × {group[0].target}:"]
        lines += [f"    {when(change)}: {told(change)}" for change in group]
        lines += [f"      there: {why(group[0])}"]
    more = sum(map(len, groups[_LISTED:]))
    lines += [f"  and {more} more (--json lists them)"] if more else []
    lines += [f"run left out: {fault}" for fault in found.faults]
    return visible("\n".join(lines))


def _row(one: Trend) -> list[str]:
    rates = [None if point.partial else point.value("rate") for point in one.points[-_SPARK:]]
    amounts = [shown(measure, one.last.value(measure)) for measure in ("tokens", "cost", "latency", "p95")]
    return [one.suite or "(no suite)", one.target, str(len(one.points)), rate(one.last),
            sparkline(rates, _FLAT), *amounts]  # fmt: skip


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left = ("suite", "target", "")
    sides = [str.ljust if name in left else str.rjust for name in rows[0]]
    lines = ("  ".join(side(cell, width) for side, cell, width in zip(sides, row, widths, strict=True))
             for row in rows)  # fmt: skip
    return [line.rstrip() for line in lines]
