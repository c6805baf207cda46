"""GitHub's annotations: the verdict, and each lost conversation at its suite's file.

The format: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Iterator

from replay.comparison import Change, Comparison, Versus
from replay.report.comparison import words
from replay.report.text import visible

MOST = 10  # GitHub shows so many of a level for a step
LEVELS = {"switch": "notice", "undecided": "warning", "do not switch": "error"}


def annotate(comparison: Comparison) -> Iterator[str]:
    """Yield the lines to print: a verdict for each candidate, then up to MOST lost conversations.

    What was lost is an error where the candidate is refused for it, else a warning.
    """
    for versus in comparison.versus:
        yield _line(LEVELS[versus.decision], words.headline(versus), "\n".join(_summary(versus)))
    lost = [(versus, change) for versus in comparison.versus for change in _lost(versus)]
    for versus, change in lost[:MOST]:
        yield _lost_line(versus, change, comparison.baseline)
    rest = sum(versus.changed.get("lost", 0) for versus in comparison.versus) - len(lost[:MOST])
    if rest > 0:
        yield _line("notice", "Replay", f"and {rest:,} more lost conversations; the report has them")


def _summary(versus: Versus) -> Iterator[str]:
    yield words.changed(versus)
    yield from versus.reasons


def _lost(versus: Versus) -> list[Change]:
    return [change for change in versus.changes if change.kind == "lost"]


def _lost_line(versus: Versus, change: Change, baseline: str) -> str:
    level = "error" if versus.decision == "do not switch" else "warning"
    before, _, after = words.passed(change).partition(" → ")
    told = f"passed {before} with {baseline}, {after} with {versus.candidate}"
    why = ", ".join(words.failures(change))
    return _line(level, f"lost: {change.conversation}", f"{told}: {why}" if why else told, change.file)


def _line(level: str, title: str, message: str, file: str = "") -> str:
    place = f"file={_property(file)},line=1," if file else ""
    return f"::{level} {place}title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
