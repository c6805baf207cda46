"""`replay export`."""

from __future__ import annotations

from pathlib import Path

import click

from replay.cli._shared import JSON, say


@click.command()
@click.argument("case")
@click.option("--as", "form", required=True, metavar="FORM", help="curl, python, node or pytest.")
@click.option("--turn", type=click.IntRange(1), metavar="N", help="Default: the last one; of pytest all.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: printed.")
@JSON
def export(case: str, form: str, turn: int | None, out: Path | None, as_json: bool) -> None:
    """Write what a CASE asks as something that runs by itself; keys are named by their variables.

    CASE is a case's id, a conversation with one target, or RUN::CASE.
    """
    from replay import documents
    from replay.export import export as exported

    found = exported(case, form, turn)
    if found.redacted:
        click.echo("warning: secrets or personal data in it were replaced", err=True)
    told = {"case": found.case, "turns": list(found.turns), "redacted": found.redacted}
    if out is None:
        say(told | {"text": found.text}, found.text.removesuffix("\n"), as_json)
        return
    if out.exists():
        raise click.UsageError(f"--out {out} is there already; choose another name")
    documents.write(out, found.text)
    say(told | {"written": str(out)}, str(out), as_json)
