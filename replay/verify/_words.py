"""What `replay verify` tells a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from replay.report.numbers import compact, dollars, plural
from replay.report.text import visible
from replay.verify._plan import Command
from replay.verify._stale import Audit, Group

_LISTED = 5  # cassettes, conversations or files that a line names
_LINES = 6  # of a difference


def audit_text(audit: Audit) -> str:
    """Return what is stale and why, what records it, and what needs no recording."""
    return visible("\n".join(_audit_lines(audit)))


def _audit_lines(audit: Audit) -> Iterator[str]:
    cassettes = {one.wanted.cassette for one in audit.stale}
    yield f"{plural(audit.fresh, 'case')} up to date, {plural(len(audit.stale), 'case')} stale" + (
        f" ({plural(len(cassettes), 'cassette')})" if cassettes else ""
    )
    for group in audit.groups:
        yield from _group_lines(group)
    if audit.commands:
        yield "to record, the cheapest first:"
        yield from (f"  {command.text}\n    {_estimate(command)}" for command in audit.commands)
    for path, numbers in audit.unused.items():
        yield f"no longer asked for: {', '.join(f'#{number}' for number in numbers)} of {path}"
    if audit.orphans:
        yield f"cassettes of no suite's case, which can be deleted: {_named(audit.orphans)}"
    if audit.unnamed:
        yield f"conversations that no suite names, for which nothing is recorded: {_named(audit.unnamed)}"


def _group_lines(group: Group) -> Iterator[str]:
    yield f"{group.cause}: {plural(len(group.cassettes), 'cassette')} stale"
    yield from (f"  {line}" for line in group.cause.diff.splitlines()[:_LINES])
    yield f"  {_named(group.cassettes)}"


def _estimate(command: Command) -> str:
    prompt, completion = command.tokens
    parts = [plural(len(command.calls), "call")]
    if command.unknown < len(command.calls):
        parts.append(f"about {compact(prompt)} prompt and {compact(completion)} completion tokens")
    if command.unpriced < len(command.calls):
        parts.append(f"about {dollars(command.cost)}")
    if command.unknown:
        parts.append(f"{plural(command.unknown, 'call')} of unknown length")
    elif command.unpriced:
        parts.append(f"{plural(command.unpriced, 'call')} without a price")
    return ", ".join(parts)


def _named(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")
