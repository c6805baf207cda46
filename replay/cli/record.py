"""`replay record`."""

from __future__ import annotations

import collections
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from replay.cli._shared import FILES, JSON


@click.command()
@FILES
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path(), help="The project folder; default: here."
)
@click.option("--suite", required=True, metavar="NAME", help="The name of the suite to write.")
@click.option("--format", "log_format", default="auto", show_default=True, help="The logs' format.")
@click.option("--model", metavar="NAME", help="The model of requests that name none.")
@click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="Only conversations with an exchange that meets it: model=gpt-4*, status>=400, text~refund.",
)
@click.option(
    "--sample", type=int, metavar="N", help="Only N conversations, which cover most of what occurs."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed is another sample.")
@click.option("--strict", is_flag=True, help="Refuse all when any exchange is refused or odd.")
@JSON
def record(
    paths: tuple[Path, ...],
    out: Path,
    suite: str,
    log_format: str,
    strict: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Turn logged traffic into conversation fixtures, cassettes and a suite."""
    from replay.record import Bar, Recording, Tally, rehearse

    if strict:
        rehearse(paths, suite, log_format, **options)
    bar = Bar() if sys.stderr.isatty() else None
    recording, tally = Recording(paths, out, suite, log_format, progress=bar, **options), Tally()
    outcomes = (_counted(tally, outcome) for outcome in recording)
    if as_json:
        _stream_list("outcomes", (outcome.to_json() for outcome in outcomes))
    else:
        collections.deque(outcomes, maxlen=0)
    targets = [target.name for target in recording.targets.new]
    told = recording.suite, len(recording.files), targets, recording.coverage
    click.echo(json.dumps(tally.to_json(*told), indent=2)[1:].lstrip() if as_json else tally.text(*told))
    return 5 if tally.nothing else 0


def _counted(tally: Any, outcome: Any) -> Any:
    tally.add(outcome)
    return outcome


def _stream_list(name: str, items: Iterable[Any]) -> None:
    """Begin a JSON object with a list, which is printed item by item; what follows closes the object."""
    click.echo(f'{{\n  "{name}": [', nl=False)
    for number, item in enumerate(items):
        click.echo(("," if number else "") + "\n    " + json.dumps(item), nl=False)
    click.echo("\n  ],\n  ", nl=False)
