"""`replay contexts`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from replay.cli._shared import DOLLARS, JSON, say


@click.command()
@click.argument("conversation")
@click.option(
    "--policies",
    default="full,last:6,summary,drop_tool_output",
    show_default=True,
    metavar="A,B",
    help="With commas between: names, last:6 for the last six turns, or the path of a file with your own.",
)
@click.option(
    "--target", default="", metavar="NAME", help="Which one; default: the suite's, or the only one."
)
@click.option(
    "--suite",
    type=click.Path(exists=True, path_type=Path),
    help="Whose assertions; default: the first that has it.",
)
@click.option(
    "--record-mode",
    "mode",
    type=click.Choice(["none", "once", "new_episodes", "all"]),
    default="none",
    show_default=True,
    help="What is not recorded is asked with new_episodes.",
)
@click.option("--max-cost", type=DOLLARS, metavar="DOLLARS", help="Ask nothing beyond this.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="The run's folder; default: reports/."
)
@JSON
def contexts(policies: str, out: Path | None, as_json: bool, **order: Any) -> int:
    """Play a long CONVERSATION under context policies: tokens saved against assertions broken, by turn.

    Each policy is a target of its own, with a cassette of its own. Exits with 1 where one was not played.
    """
    from replay import contexts as room
    from replay.errors import BadInput
    from replay.pytest_plugin.options import in_ci

    if order["mode"] != "none" and in_ci():
        raise BadInput(f"--record-mode={order['mode']} writes recordings, and CI is set")
    specs = tuple(spec for spec in policies.split(",") if spec.strip())
    trial = room.opened(room.Order(policies=specs, **order), Path())
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")[:-3]
    found = trial.play(out or trial.project.reports / now, ("replay", *sys.argv[1:]))
    say(found.to_json(), room.words(found), as_json)
    return 0 if found.played else 1
