"""`replay translate`."""

from __future__ import annotations

import json

import click

from replay.cli._shared import JSON, say


@click.command()
@click.argument("conversation")
@click.option("--to", required=True, metavar="NAME", help="A target of the project, or a provider.")
@click.option("--strict", is_flag=True, help="Exit with 1 when anything is lost.")
@JSON
def translate(conversation: str, to: str, strict: bool, as_json: bool) -> int:
    """Print the body that would be sent of a CONVERSATION, and on stderr what is lost on the way."""
    from replay.translate import translate as translated

    found = translated(conversation, to)
    say(found.to_json(), json.dumps(found.body, indent=2, ensure_ascii=False), as_json)
    if not as_json:
        click.echo(found.text, err=True)
    return 1 if strict and found.lost else 0
