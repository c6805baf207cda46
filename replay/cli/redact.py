"""`replay redact`."""

from __future__ import annotations

from pathlib import Path

import click

from replay.cli._shared import FILES, JSON, each, say


@click.command()
@FILES
@click.option(
    "--check", is_flag=True, help="Change nothing; name each place and exit with 1 if there is one."
)
@JSON
def redact(paths: tuple[Path, ...], check: bool, as_json: bool) -> int:
    """Replace secrets and personal data in files of any kind, or only name where they are.

    Folders are searched whole. A place is named as path:line:kind; what is there is never shown.
    """
    from replay import rescan

    files = rescan.walked(paths)
    if check:
        places, code = each(files, rescan.check)
        found = [str(one) for file in places for one in file]
        say({"found": found}, "\n".join(found), as_json)
        return code or int(bool(found))
    done, code = each(files, rescan.rewrite)
    rewritten = [one for one in done if one]
    told = [{"path": one.path, "replaced": one.kinds} for one in rewritten]
    say({"rewritten": told}, "\n".join(map(str, rewritten)), as_json)
    return code
