"""Draws a run: `run.jsonl` in, one self-contained `index.html` out.

The run is read once, line by line. Its lines go compressed into a spool file while the summary and the list
are gathered; memory grows only by the list (about 1 KB a case), not by the conversations.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from replay.atomic import write
from replay.conversation import Json
from replay.report import page
from replay.report.blocks import Blocks, around
from replay.report.sections import registry
from replay.report.summary import OUTCOMES, Collector, Row, RunSummary
from replay.runs import locate, scan

NOSCRIPT = "The list of cases needs JavaScript. What failed, and how to run it again, is below without it."
ASSETS = page.HERE / "run"
BESIDE = '<article id="case" tabindex="-1" aria-live="off" hidden></article>'


def render(run_jsonl: Path, out: Path) -> None:
    """Write the page of a run (a folder or its `run.jsonl`) to `out`, whole or not at all.

    Raises BadInput where there is no run to read, StorageError where the page cannot be written.
    """
    write(out, _pieces(locate(run_jsonl), out.parent))


def _pieces(path: Path, folder: Path) -> Iterator[bytes]:
    """Yield the page. The compressed lines wait in a file of `folder`, as the summary stands above them."""
    header, lines, faults = scan(path)
    collector = Collector()
    with tempfile.TemporaryFile(dir=folder) as spool:
        blocks = Blocks(spool)
        for line in lines:
            collector.add(line.data)
            blocks.add(line.text)
        blocks.flush()
        named = [*map(str, header.get("faults") or ()), *map(str, faults)]
        run = collector.summary(path.resolve().parent.name, header, named)
        yield from around(_frame(run, blocks.sizes), page.MARK, spool)


def _frame(run: RunSummary, block_sizes: Sequence[int]) -> str:
    return page.frame(
        ASSETS,
        tone="failed" if run.counts["failed"] + run.counts["error"] else "passed",
        title=run.name,
        name=run.name,
        skip="Skip to the cases",
        noscript=NOSCRIPT,
        sections=[(name, _section(name, run)) for name in _in_order()],
        beside=page.fill(BESIDE),
        index=page.island(index(run, block_sizes)),
    )


def _in_order() -> list[str]:
    return sorted(registry.names(), key=lambda name: (registry.get(name).order, name))


def _section(name: str, run: RunSummary) -> Json:
    try:
        return registry.get(name).html(run)
    except Exception as problem:  # noqa: BLE001 - a plugin's fault must not cost the report
        return page.fill(
            '<p class="notice">The section {{ name }} could not be drawn: {{ what }}</p>',
            name=name,
            what=f"{type(problem).__name__}: {problem}",
        )


def index(run: RunSummary, block_sizes: Sequence[int]) -> Json:
    """What the list needs of every case, in the order of the run; repeated names are numbers into `names`."""
    names: dict[str, dict[Json, int]] = {key: {} for key in ("suites", "targets", "tags", "identities")}

    def number(kind: str, value: Json) -> int:
        return names[kind].setdefault(value, len(names[kind]))

    def packed(row: Row) -> list[Json]:
        return [
            row.id,
            OUTCOMES.index(row.outcome),
            number("suites", row.suite),
            number("targets", row.target),
            [number("tags", tag) for tag in row.tags],
            [number("identities", identity) for identity in row.identities],
            row.message,
            row.tokens,
            row.cost,
            row.total_ms and round(row.total_ms),
            row.turns,
            row.command,
        ]

    rows = [packed(row) for row in run.rows]
    listed = {key: list(values) for key, values in names.items()}
    return {"outcomes": OUTCOMES, "names": listed, "rows": rows, "blocks": block_sizes}
