"""`replay verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from replay.cli._shared import JSON, say


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--stale", is_flag=True, help="Offline: which cassettes are stale, why, and what records them.")
@click.option("--sample", type=int, default=20, show_default=True, help="How many cassettes are asked again.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed is another sample.")
@click.option("--repeats", type=int, default=1, show_default=True, help="2 tells drift from mere noise.")
@click.option("--tier", default="tool_calls", show_default=True, help="Fail from here on; shape, or text.")
@JSON
def verify(paths: tuple[Path, ...], stale: bool, tier: str, as_json: bool, **options: Any) -> int:
    """Ask a sample of the cassettes of suites again, live, and say what has drifted; nothing is written.

    With --stale nothing is sent: requests that are not those recorded are named, and why. Either exits with 1
    when there is anything.
    """
    from replay import verify as verified
    from replay.config import Project

    project = Project.find(paths[0].parent if paths else Path())
    if stale:
        audit = verified.stale(project, paths)
        say(audit.to_json(), verified.audit_text(audit), as_json)
        return int(bool(audit.stale))
    verified.checked_tier(tier)
    found = verified.drift(project, paths, **options)
    say(found.to_json(), verified.drift_text(found), as_json)
    if not found.asked:  # nothing can be said: no answer came, or all of the sample is stale
        return 7 if found.unanswered else 1
    return int(found.reaches(tier))
