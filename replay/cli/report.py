"""`replay report`."""

from __future__ import annotations

from pathlib import Path

import click

from replay.cli._shared import JSON, PATHS, drawn, each, say


@click.command()
@PATHS
@JSON
def report(paths: tuple[Path, ...], as_json: bool) -> int:
    """Draw the report of runs again: RUN is a folder under reports/ or its run.jsonl."""
    pages, code = each(paths, drawn)
    say({"reports": pages}, "\n".join(pages), as_json)
    return code
