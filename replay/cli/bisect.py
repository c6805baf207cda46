"""`replay bisect`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from replay.cli._probing import ERROR, OFFLINE, ONCE, ending, probing
from replay.cli._shared import JSON, hidden, say


@click.command()
@click.argument("conversation")
@click.option("--good", default="", metavar="REF", help="A commit at which it did not fail.")
@click.option("--bad", default="HEAD", show_default=True, metavar="REF", help="A commit at which it fails.")
@click.option(
    "--targets", default="", metavar="A,B,C", help="Over these targets instead, the good one first."
)
@click.option("--keep", default="", metavar="FAILURE", help="'tool_calls: missing'; default: the first seen.")
@probing
@ERROR
@ONCE
@OFFLINE
@JSON
def bisect(
    conversation: str, good: str, bad: str, targets: str, order: Any, error: float, as_json: bool
) -> None:
    """Find the commit, or the target, since which a conversation fails.

    Of each commit come the conversation, the files that it names, and the target; from git's objects, the
    work tree is left alone. It is judged by the suites as they are now.
    """
    from replay import bisect as room
    from replay.config import Project
    from replay.errors import BadInput
    from replay.oracle import opened, probe_of

    if bool(good) == bool(targets):
        raise BadInput("say what to search: --good REF (and --bad REF), or --targets A,B,C")
    project = Project.find(Path()).for_tenant()
    names = [name.strip() for name in targets.split(",") if name.strip()]
    with ending():
        first = replace(order, target=names[0]) if names else order
        probe = probe_of(first, project, conversation)
        if names:
            steps = room.over_targets(project, probe, names)
        else:
            steps = room.over_commits(project, probe, good, bad)
        last = steps[-1].probe
        if last is None:
            raise BadInput(f"nothing can be asked at {steps[-1].name}: {steps[-1].reason}")
        others = (step.probe for step in steps if names and step.probe)
        oracle = opened(order, project, last, *others)
        found = room.bisect(
            steps, oracle.oracle, oracle.failure, error=error, told=lambda line: click.echo(line, err=True)
        )
    say(found.to_json(), hidden(found.text()), as_json)
