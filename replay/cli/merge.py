"""`replay merge`."""

from __future__ import annotations

from pathlib import Path

import click

from replay.cli._shared import JSON, PATHS, drawn, say


@click.command()
@PATHS
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder of the joined run.")
@JSON
def merge(paths: tuple[Path, ...], out: Path, as_json: bool) -> None:
    """Join the runs of shards into one run and one report."""
    from replay import runs

    run = runs.merge(paths, out)
    page, faults = drawn(run), runs.read(run).header.get("faults", [])
    say({"run": str(run), "report": page, "faults": faults}, "\n".join([*faults, page]), as_json)
