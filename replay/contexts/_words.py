"""A report as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from replay.contexts._report import Report, Row, Step
from replay.diff import visible


def words(report: Report) -> str:
    """Return a table of policies, what each breaks, and a table of prompt tokens by turn."""
    judged = report.suite or "what was recorded: the same tool calls, and the contract"
    lines = [f"{report.conversation} against {report.target}, judged by {judged}", ""]
    head = ("policy", "prompt", "summaries", "saved", "broken", "mended")
    lines += _table([head, *(_policy(row, report.full) for row in report.rows)])
    lines += [f"{row.policy} was not played to its end: {row.problem}" for row in report.rows if row.problem]
    broken = [line for row in report.rows for line in _broken(row)]
    lines += ["", *broken] if broken else []
    lines += ["", *_table(list(_turns(report))), f"report: {report.page}"]
    return visible("\n".join(lines))


def _policy(row: Row, full: Row) -> tuple[str, ...]:
    share = f" ({row.saved / full.prompt_tokens:.0%})" if full.prompt_tokens and row is not full else ""
    counts = (f"{row.prompt_tokens:,}", f"{row.summary_tokens:,}", f"{row.saved:,}{share}")
    return (row.policy, *counts, str(row.broken), str(row.mended))


def _broken(row: Row) -> Iterator[str]:
    for step in row.steps:
        where = f"turn {step.turn}" if step.turn else "in all"
        for verdict in step.broken:
            message = verdict.message.partition("\n")[0].removeprefix(f"{where}: ")
            yield f"{row.policy}, {where}: {verdict.assertion} ({verdict.kind}): {message}"


def _turns(report: Report) -> Iterator[tuple[str, ...]]:
    """Prompt tokens turn by turn; ! where an assertion is broken, + the tokens of a summary."""
    yield ("turn", *(row.policy for row in report.rows))
    columns = [{step.turn: step for step in row.steps} for row in report.rows]
    last = max((step.turn or 0 for row in report.rows for step in row.steps), default=0)
    for number in range(1, last + 1):
        yield (str(number), *(_cell(column.get(number)) for column in columns))


def _cell(step: Step | None) -> str:
    if step is None:
        return "-"
    summary = f" +{step.summary_tokens:,}" if step.summary_tokens else ""
    return f"{step.prompt_tokens:,}{summary}{' !' if step.broken else ''}"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Columns as wide as they need be, the first to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        cells = [
            first.ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)),
        ]
        yield "  ".join(cells).rstrip()
