"""`replay compare`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from replay.cli._shared import DOLLARS, JSON, SHARE, hidden, say


@click.command()
@click.argument("targets", nargs=-1)
@click.option(
    "--suite",
    "suites",
    multiple=True,
    default=("suites",),
    show_default=True,
    type=click.Path(exists=True, path_type=Path),
    help="A suite, or a folder of suites; more than once for more.",
)
@click.option("--repeats", type=click.IntRange(1, 1000), default=1, show_default=True, help="Of each case.")
@click.option(
    "--margin",
    multiple=True,
    metavar="[ASSERTION=]SHARE",
    help="How much lower a rate may be: 0.02, or tool_calls=0.05. Default: what suites say, or 0.05.",
)
@click.option("--alpha", type=SHARE, default=0.05, show_default=True, help="The chance of a wrong claim.")
@click.option("--power", type=SHARE, default=0.8, show_default=True, help="Of the plan for more evidence.")
@click.option(
    "--until-decided", "until", is_flag=True, help="Ask only as much as it takes; looks as it goes."
)
@click.option("--max-cost", type=DOLLARS, metavar="DOLLARS", help="Of the whole run: ask nothing beyond.")
@click.option(
    "--max-tokens", type=click.IntRange(1), metavar="N", help="Of the whole run: ask nothing beyond."
)
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and what it would cost; send nothing.")
@click.option(
    "--resume", type=click.Path(exists=True, path_type=Path), metavar="RUN", help="Go on with a run."
)
@click.option("--offline", is_flag=True, help="Compare what is recorded in the project's cassettes.")
@click.option("--engine", default="threads", show_default=True, help="threads, ray or batch.")
@click.option("--shard", default="", metavar="I/N", help="Only this part; join the parts by replay merge.")
@click.option("--tenant", default="", help="Whose limits and keys; default: REPLAY_TENANT.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the order and of drawn tests.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="The run's folder; default: reports/."
)
@JSON
def compare(
    max_cost: float | None, max_tokens: int | None, dry_run: bool, as_json: bool, **order: Any
) -> int:
    """Compare targets on the same conversations: BASELINE CANDIDATE...

    A target is one of the project's, or a variant of one: gpt-4o+prompts/new.yaml.
    Exits with 0 for switch, 1 for do not switch, 8 for undecided; a shard, which decides nothing, with 0.
    """
    from replay import compare as room
    from replay.limits import Budget
    from replay.progress import Progress, await_calls

    session = room.opened(room.Order(**order), Path(), ("replay", *sys.argv[1:]))
    forecast = session.forecast()
    budget = Budget(max_cost, max_tokens, *forecast.spent)
    if dry_run:
        say(forecast.to_json(), forecast.text(budget), as_json)
        return 0
    click.echo(forecast.text(budget), err=True)
    gate = session.gate(budget)
    try:
        ended = session.ask(gate, Progress(forecast.cases, gate))
    except KeyboardInterrupt:
        click.echo(f"interrupted; go on: {session.resume(budget)}", err=True)
        await_calls(gate)
        raise
    if ended:
        click.echo(hidden(f"ended early: {ended}\ngo on: {session.resume(budget)}"), err=True)
    return _compared(session.folder, as_json)


def _compared(folder: Path, as_json: bool) -> int:
    from replay import compare as room

    found = room.compare(folder)
    page = room.keep(found, folder / "run.jsonl")
    say(found.to_json(), "\n".join((*room.told(found), f"report: {page}")), as_json)
    return room.exit_code(found)
