"""`replay schema`."""

from __future__ import annotations

from pathlib import Path

import click

from replay.cli._shared import JSON, say


@click.command()
@click.argument("kind", required=False)
@click.option("--write", is_flag=True, help="Put copies into fixtures/.schemas of the project, for editors.")
@JSON
def schema(kind: str | None, write: bool, as_json: bool) -> None:
    """Print the JSON Schema of a KIND of file, or write all of them into the project."""
    from replay import schemas
    from replay.config import Project
    from replay.errors import BadInput, nearest

    if write:
        written = [str(path) for path in schemas.write(Project.find(Path()).root)]
        say({"written": written}, "\n".join(written) or "all are up to date", as_json)
    elif kind in schemas.KINDS:
        say(schemas.schema(kind), schemas.text(kind).rstrip(), as_json)
    else:
        raise BadInput(f'no kind of file is called "{kind or ""}"; {nearest(kind or "", schemas.KINDS)}')
