"""What a comparison leaves behind: pages, a summary, JSON; and what it tells a terminal and a CI service."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from replay.atomic import write
from replay.compare._analysis import compare
from replay.comparison import Comparison, Decision

EXIT_CODES: dict[Decision, int] = {"switch": 0, "do not switch": 1, "undecided": 8}
WIDTH = 100  # characters, where no terminal says
PAGE, CASES, DATA, SUMMARY = "index.html", "cases.html", "comparison.json", "summary.md"


def draw(run_jsonl: Path) -> Path:
    """Analyse a run and write all its files again; return its page."""
    return keep(compare(run_jsonl), run_jsonl)


def keep(found: Comparison, run_jsonl: Path) -> Path:
    """Write the page, the page of all cases, the JSON and the Markdown beside the run; return the page."""
    from replay.report.comparison.markdown import markdown
    from replay.report.comparison.render import render
    from replay.report.render import render as render_cases

    folder = run_jsonl.parent
    write(folder / DATA, [json.dumps(found.to_json(), indent=2), "\n"])
    write(folder / SUMMARY, [markdown(found, PAGE)])
    render_cases(run_jsonl, folder / CASES)
    render(found, run_jsonl, folder / PAGE, CASES)
    return folder / PAGE


def told(found: Comparison) -> Iterator[str]:
    """Yield what is printed: the table, and annotations where GitHub Actions reads them."""
    yield _table(found)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from replay.report.comparison.annotations import annotate

        yield from annotate(found)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        from replay.report.comparison.markdown import markdown

        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(markdown(found))
        except OSError as problem:  # the decision stands, and is in the run's own files
            yield f"GitHub's summary cannot be written ({problem}); {SUMMARY} beside the report has it"


def _table(found: Comparison) -> str:
    """The table as text, in colour where standard output is a terminal."""
    from rich.console import Console

    from replay.report.comparison.table import terminal

    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    with console.capture() as captured:
        console.print(terminal(found))
    return captured.get().rstrip("\n")


def exit_code(found: Comparison) -> int:
    """0 where every candidate may take over, 1 where one must not, 8 where nothing is decided of one.

    Also 0 for a shard: what is decided is for all of them together to say.
    """
    if found.header.get("shard"):
        return 0
    codes = {EXIT_CODES[versus.decision] for versus in found.versus}
    return next(code for code in (1, 8, 0) if code in codes)
