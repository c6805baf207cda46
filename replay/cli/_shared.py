"""What verbs of the command line have in common."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from replay.errors import ReplayError

PATHS = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
FILES = click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
T = TypeVar("T")


class Number(click.FloatRange):
    """A number within a range; "nan", which no range keeps out, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read what was typed."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


SHARE = Number(0, 1, min_open=True, max_open=True)
DOLLARS = Number(0)


def each(paths: Iterable[Path], do: Callable[[Path], T]) -> tuple[list[T], int]:
    """Do something with each path; say what went wrong with one and go on. Returns the exit code too."""
    done, code = list[T](), 0
    for path in paths:
        try:
            done.append(do(path))
        except ReplayError as problem:
            click.echo(hidden(str(problem)), err=True)
            code = max(code, problem.exit_code)
    return done, code


def say(data: Any, text: str, as_json: bool) -> None:
    """Print what was found, as text or as JSON."""
    if as_json or text:
        click.echo(json.dumps(data, indent=2) if as_json else text)


def is_comparison(run: Path) -> bool:
    """Whether a run compares targets."""
    from replay.runs import read

    return "compare" in read(run).header


def drawn(path: Path) -> str:
    """Draw the page of a run, and return its path."""
    from replay.report.render import render
    from replay.runs import locate

    run = locate(path)
    if is_comparison(run):
        from replay.compare import draw

        return str(draw(run))
    page = run.with_name("index.html")
    render(run, page)
    return str(page)


def hidden(text: str) -> str:
    """Take secrets, also those of the environment, out of what is told."""
    from replay.cassette.redact import Redactor
    from replay.config import Project

    return Redactor.for_project(Project(Path()), {}, personal=False).text(text)
