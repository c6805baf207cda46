"""`replay accept`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from replay.cli._shared import JSON, say


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option(
    "--accept",
    "kinds",
    default="new,changed",
    show_default=True,
    metavar="KINDS",
    help="Which changes: new, changed, unused, with commas between.",
)
@click.option("--yes", is_flag=True, help="Accept without asking.")
@click.option("--add-variant", is_flag=True, help="Keep what was accepted before as a variant.")
@click.option("--update", is_flag=True, help="Write even where CI is set.")
@JSON
def accept(run: Path | None, kinds: str, yes: bool, add_variant: bool, update: bool, as_json: bool) -> None:
    """Look at replies that differ from their baselines, and accept them. RUN is the newest by default."""
    from replay import baselines
    from replay.accept import changes

    found = changes(run, kinds.split(","), add_variant=add_variant)
    chosen = [change for change in found if yes or _wanted(change)]
    written = [str(path) for path in baselines.apply(chosen, update=update)]
    say({"changes": len(found), "written": written}, "\n".join(written) or "nothing to accept", as_json)


def _wanted(change: Any) -> bool:
    from replay.diff import visible
    from replay.documents import dump

    shown = change.diff or (dump(list(change.after)) if change.after else "")
    click.echo(visible(f"{change.kind}: {change.path}\n{shown}"), err=True)
    return click.confirm("accept?", err=True)
