"""`replay lint`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from replay.cli._shared import say


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.option("--format", "log_format", default="auto", show_default=True, help="The logs' format.")
@click.option(
    "--target", metavar="NAME", help="What the conversations are asked of: a target of the project."
)
@click.option("--model", metavar="NAME", help="The model of requests that name none.")
@click.option("--select", multiple=True, metavar="RULE", help="Only these rules; tool-* names several.")
@click.option("--ignore", multiple=True, metavar="RULE", help="All rules but these.")
@click.option(
    "--severity", "levels", multiple=True, metavar="RULE=LEVEL", help="error, warning, note or off."
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "note", "never"]),
    help="Exit with 1 when something this bad is found; default: error.",
)
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="The day that shutdowns are counted from.")
@click.option("--rules", "listed", is_flag=True, help="List the rules that look, and their severities.")
@click.option("--sarif", "shape", flag_value="sarif", help="Print a SARIF log, as code scanning takes it.")
@click.option("--github", "shape", flag_value="github", help="Print annotations of GitHub Actions.")
@click.option("--json", "shape", flag_value="json", help="Print one JSON object, for machines.")
def lint(
    paths: tuple[Path, ...],
    levels: tuple[str, ...],
    fail_on: str | None,
    listed: bool,
    shape: str | None,
    **options: Any,
) -> int:
    """Look for mistakes in conversations, logs or a request, without asking a model.

    PATHS are fixtures, logs, folders of them, or a file with the body of a request; - is a request on
    standard input. Without any, the conversations of the project.
    """
    from replay.config import Project
    from replay.lint import Linter, output
    from replay.lint.rules import summary

    start = next((path for path in paths if str(path) != "-"), Path())
    project = Project.find(start if start.is_dir() else start.parent)
    options["today"] = options["today"] and options["today"].date()
    linter = Linter(project, rules=_pairs(levels), **options)
    if listed:
        found = {rule: f"{level}: {summary(rule)}" for rule, level in linter.severities.items()}
        say(found, "\n".join(f"{rule}: {told}" for rule, told in found.items()), shape == "json")
        return 0
    for piece in output.written(linter, paths, shape):
        click.echo(piece, nl=False)
    return int(linter.failed(fail_on or project.settings.get("lint", {}).get("fail_on", "error")))


def _pairs(given: Iterable[str]) -> dict[str, str]:
    from replay.errors import BadInput

    pairs = [item.partition("=") for item in given]
    for name, equals, level in pairs:
        if not (name and equals and level):
            raise BadInput(f'--severity "{name}{equals}{level}" must be RULE=LEVEL, as in empty-message=off')
    return {name: level for name, _, level in pairs}
