"""`replay reproduce`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from replay.cli._probing import OFFLINE, ending, probing
from replay.cli._shared import JSON, hidden, say


@click.command()
@click.argument("source")
@click.option(
    "--expect",
    "keep",
    default="failing-assertion",
    show_default=True,
    metavar="FAILURE",
    help="What counts: any failing assertion, one of this name, or one of this kind ('tool_calls: missing').",
)
@click.option("--repeats", type=click.IntRange(1, 1000), default=20, show_default=True, help="Attempts.")
@click.option(
    "--try",
    "trials",
    multiple=True,
    default=("temperature=0", "seed=1"),
    show_default=True,
    metavar="NAME=VALUE",
    help="A parameter to ask with as well, as often; NAME= is without it.",
)
@click.option("--no-try", is_flag=True, help="Ask only as it was asked.")
@click.option("--format", "log_format", default="auto", show_default=True, help="The log's format.")
@click.option("--model", metavar="NAME", help="The model of a request that names none.")
@probing
@OFFLINE
@JSON
def reproduce(
    source: str,
    order: Any,
    repeats: int,
    trials: tuple[str, ...],
    no_try: bool,
    log_format: str,
    model: str | None,
    as_json: bool,
) -> int:
    """Ask again what went wrong, and say how often it does, in which ways, and what changes that.

    SOURCE is a conversation of the project, a log (with #LINE or #ID, of a record or a trace, to pick an
    exchange), or - for a request on standard input. What shows the failure is written into the project.
    Exits with 0 where it was seen, with 1 where it was not.
    """
    from replay import reproduce as room
    from replay.config import Project
    from replay.errors import BadInput
    from replay.oracle import open_for

    project = Project.find(Path()).for_tenant()
    chosen = [] if no_try else [room.Trial.parse(text) for text in trials]
    if not order.asks:
        raise BadInput("reproducing asks a target; --expect names an assertion, not a function")
    with ending():
        given = room.source(source, replace(order, keep=""), project, log_format, model)
        opened = open_for(order, given.project, given.probe, room.expected(given, order.failure))
        found = room.reproduce(given.probe, opened, repeats, chosen)
    files = room.kept(found, given, opened) if found.attempt else []
    shown = [given.project.shown(path) for path in files]
    as_logged = given.logged and [list(one) for one in given.logged.wrong]
    text = "\n".join((found.text(), *shown))
    say(found.to_json() | {"logged": as_logged, "written": shown}, hidden(text), as_json)
    return 0 if found.attempt else 1
