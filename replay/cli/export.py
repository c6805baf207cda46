"""`replay export`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("case")
@click.option("--as", "form", required=True, metavar="FORM", help="curl, python, node or pytest.")
@click.option("--turn", type=click.IntRange(1), metavar="N", help="Default: the last one; of pytest all.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: printed.")
def export(case: str, form: str, turn: int | None, out: Path | None) -> None:
    """Write what a CASE asks as something that runs by itself; keys are named by their variables.

    CASE is a case's id, a conversation with one target, or RUN::CASE.
    """
    from replay import documents
    from replay.export import export as exported

    found = exported(case, form, turn)
    if found.redacted:
        click.echo("warning: secrets or personal data in it were replaced", err=True)
    if out is None:
        click.echo(found.text, nl=False)
        return
    if out.exists():
        raise click.UsageError(f"--out {out} is there already; choose another name")
    documents.write(out, found.text)
    click.echo(str(out))
