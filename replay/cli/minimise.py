"""`replay minimise`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from replay.cli._probing import ERROR, GO_ON, OFFLINE, ONCE, UNDECIDED, ending, probing
from replay.cli._shared import JSON, hidden, say


@click.command()
@click.argument("conversation")
@click.option(
    "--keep",
    default="",
    metavar="FAILURE",
    help="'tool_calls: missing', or python:path.py::function; default: the first failure that is seen.",
)
@click.option("--name", default="", help="Of the new conversation; default: <conversation>-minimal.")
@probing
@ERROR
@ONCE
@OFFLINE
@JSON
def minimise(conversation: str, order: Any, error: float, name: str, as_json: bool) -> int:
    """Find the smallest conversation that still fails the same way, and write it beside the original.

    What was asked before is not asked again: an interrupted search goes on when the same is typed again.
    Exits with 0 where nothing more can be left out, with 8 where the search ended before it knew.
    """
    from replay import minimise as room
    from replay.config import Project
    from replay.oracle import opened, probe_of

    project = Project.find(Path()).for_tenant()
    with ending():
        probe = probe_of(order, project, conversation)
        oracle = opened(order, project, probe)
        found = room.minimise(
            probe,
            oracle.oracle,
            oracle.failure,
            project,
            error=error,
            told=lambda line: click.echo(line, err=True),
        )
    files = [project.shown(path) for path in room.kept(found, oracle, project, name)]
    told = "\n".join((found.text(), "", *files))
    say(found.to_json() | {"written": files}, hidden(told), as_json)
    if found.ended:
        click.echo(GO_ON, err=True)
    return 0 if found.minimal else UNDECIDED
