"""`replay merge`."""

from __future__ import annotations

from pathlib import Path

import click

from replay.cli._shared import JSON, PATHS, drawn, is_comparison, say


@click.command()
@PATHS
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder of the joined run.")
@JSON
def merge(paths: tuple[Path, ...], out: Path, as_json: bool) -> int:
    """Join the runs of shards into one run and one report.

    A comparison is decided by all of its shards: this exits as replay compare does without --shard.
    """
    from replay import runs

    run = runs.merge(paths, out)
    faults = runs.read(run).header.get("faults", [])
    if is_comparison(run):
        return _compared(run, faults, as_json)
    page = drawn(run)
    say({"run": str(run), "report": page, "faults": faults}, "\n".join([*faults, page]), as_json)
    return 0


def _compared(run: Path, faults: list[str], as_json: bool) -> int:
    from replay import compare as room

    found = room.compare(run)
    page = str(room.keep(found, run))
    data = {"run": str(run), "report": page, "faults": faults, "comparison": found.to_json()}
    say(data, "\n".join((*room.told(found), f"report: {page}")), as_json)
    return room.exit_code(found)
