"""`replay sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from replay.cli._shared import JSON, Number, hidden


@click.command()
@click.argument("cassette", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--command", "line", required=True, metavar="LINE", help="What runs the app, as `node app.js`.")
@click.option("--base-url-env", metavar="NAME", help="One more variable that holds the address to ask.")
@click.option("--only", multiple=True, metavar="POINT", help="Only these points; cut@* names several.")
@click.option("--cuts", type=click.IntRange(0), help="Cuts inside chunks, of each answer; default: 64.")
@click.option("--attempts", type=click.IntRange(1), help="How often a call may be asked; default: 3.")
@click.option("--seconds", type=Number(0, min_open=True), help="How long a run may be; default: 30.")
@click.option("--invariant", "invariants", multiple=True, metavar="NAME", help="Check only these.")
@click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True, help="Runs at once.")
@click.option("--list", "listed", is_flag=True, help="List the points, and run nothing.")
@JSON
def sweep(
    cassette: Path,
    line: str,
    base_url_env: str | None,
    only: tuple[str, ...],
    cuts: int | None,
    jobs: int,
    listed: bool,
    as_json: bool,
    **limits: Any,
) -> int:
    """Run an app against every fault and every cut of a recording.

    CASSETTE holds what the app asks and is answered. The app, in any language, finds a local server at the
    address in OPENAI_BASE_URL (ANTHROPIC_BASE_URL, ..., REPLAY_BASE_URL), answers on standard output with
    exit code 0, or tells an error by another. For each write it adds a line to the file in REPLAY_WRITES.
    """
    import json

    from replay.config import Project
    from replay.sweep import CUTS, Limits, derive
    from replay.sweep._command import Command
    from replay.sweep._told import text, to_json

    given = {name: value for name, value in limits.items() if value}
    most = CUTS if cuts is None else cuts
    command = Command(line, cassette, Project.find(cassette.parent), Limits(**given), base_url_env, most)
    points = derive(command.interactions, command.cuts)
    chosen = points.chosen(only)
    if listed:
        click.echo("\n".join(f"{point.name}: {point.where}" for point in chosen))
        return 0
    swept = list(command.sweep(chosen, command.usual(), jobs))
    told = json.dumps(to_json(points, swept, command), indent=2) if as_json else text(points, swept, command)
    click.echo(hidden(told))
    return int(any(one.bad for one in swept))
