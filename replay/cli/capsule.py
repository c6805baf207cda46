"""`replay capsule`."""

from __future__ import annotations

from pathlib import Path

import click

from replay.cli._shared import JSON, say


@click.command()
@click.argument("cases", nargs=-1, required=True, metavar="CASE_OR_RUN...")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="As bug.capsule.")
@click.option("--all", "every", is_flag=True, help="Of a run take all cases, not only those that failed.")
@JSON
def capsule(cases: tuple[str, ...], out: Path, every: bool, as_json: bool) -> None:
    """Pack cases, with all they need and without secrets, into one file that `replay run` plays anywhere.

    CASE is a case's id as reports and pytest show it, a conversation, or a suite; RUN is a folder of a run,
    whose failed cases are taken, or RUN::CASE one of its cases.
    """
    from replay.capsule import make

    made = make(cases, out, every=every)
    for warning in made.warnings:
        click.echo(f"warning: {warning}", err=True)
    say(made.to_json(), made.text(), as_json)
