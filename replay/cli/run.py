"""`replay run`."""

from __future__ import annotations

from pathlib import Path

import click

from replay.cli._shared import JSON, say


@click.command()
@click.argument("capsule", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--trust", is_flag=True, help="Run the code that is inside.")
@click.option("--report", type=click.Path(path_type=Path), metavar="DIR", help="Write run and report there.")
@JSON
def run(capsule: Path, trust: bool, report: Path | None, as_json: bool) -> int:
    """Play a CAPSULE offline, and say whether it comes out as it did where it was made: 0 yes, 1 no.

    Suites of a project are run by pytest: `pytest suites/`.
    """
    from replay.capsule import run as played

    found = played(capsule, trust=trust, report=report)
    if found.versions:
        click.echo(f"warning: made with other versions: {', '.join(found.versions)}", err=True)
    say(found.to_json(), found.text(), as_json)
    return int(not found.reproduces)
