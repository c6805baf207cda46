"""`replay cassette`."""

from __future__ import annotations

from pathlib import Path

import click

from replay.cli._shared import FILES, JSON, PATHS, each, say


@click.group()
def cassette() -> None:
    """Check and mend cassettes."""


@cassette.command()
@FILES
@JSON
def check(paths: tuple[Path, ...], as_json: bool) -> int:
    """Read cassettes whole; exit with 1 when anything is damaged, unmatched or secret."""
    from replay.cassette.mend import check as check_cassettes
    from replay.cassette.redact import Redactor
    from replay.config import Project

    faults = check_cassettes(paths, Redactor.for_project(Project.find(paths[0].parent), {}))
    lines = [str(fault) for fault in faults]
    say({"faults": lines}, "\n".join(lines) or "no faults", as_json)
    return 1 if any(not fault.warning for fault in faults) else 0


@cassette.command()
@PATHS
@JSON
def recover(paths: tuple[Path, ...], as_json: bool) -> int:
    """Fold left-over journals in; save what is whole in a damaged cassette beside it."""
    from replay.cassette.mend import recover as recover_cassette

    done, code = each(paths, recover_cassette)
    say({"recovered": [str(one) for one in done]}, "\n".join(map(str, done)), as_json)
    return code
