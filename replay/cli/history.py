"""`replay history`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from replay.cli._shared import JSON, say


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--suite", "suites", multiple=True, metavar="NAME", help="Only this suite.")
@click.option("--target", "targets", multiple=True, metavar="NAME", help="Only this target.")
@click.option("--since", metavar="WHEN", help="Only runs from a date on (2026-03-01), or of days (30d).")
@JSON
def history(paths: tuple[Path, ...], as_json: bool, **options: Any) -> None:
    """Show how runs developed, and where they changed; also as reports/history.html.

    PATHS are runs or folders of runs; reports/ by default.
    """
    from replay.config import Project
    from replay.history import draw, read, words

    project = Project.find(Path())
    found = read(project, paths, **options)
    page = draw(found, project.reports / "history.html")
    say(found.to_json() | {"page": str(page)}, f"{words(found)}\n{page}", as_json)
