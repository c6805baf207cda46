"""What a sweep found, as text and as JSON."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from replay.conversation import Object
from replay.sweep._command import Command, Swept
from replay.sweep._judge import Limits
from replay.sweep._points import CUTS, Points

SHOWN = 5  # points that are listed of each kind


def text(points: Points, swept: Sequence[Swept], command: Command) -> str:
    """Return the report: by kind, where the app breaks first, at which chunks, and how to see it again."""
    path = command.project.shown(command.path)
    bad = [one for one in swept if one.bad]
    lines = [f"{path}: {points.text}"]
    kinds: dict[str, list[Swept]] = defaultdict(list)
    for one in bad:
        for kind in dict.fromkeys(verdict.kind for verdict in one.verdicts if verdict.bad):
            kinds[kind].append(one)
    for kind, those in sorted(kinds.items(), key=lambda item: -len(item[1])):
        lines += ["", *_group(kind, those), f"  replay it: {again(command, those[0].point.name)}"]
    ended = f"{len(swept)} runs: {len(swept) - len(bad)} held, {len(bad)} broke"
    return "\n".join([*lines, "", ended])


def again(command: Command, name: str) -> str:
    """Return the command that runs one point alone, under the same limits."""
    words = ["replay", "sweep", command.project.shown(command.path), "--command", command.line]
    return shlex.join([*words, *_options(command), "--only", name])


def _options(command: Command) -> Iterator[str]:
    """The options that are not as they usually are."""
    limits, usual = command.limits, Limits()
    if command.base_url_env:
        yield from ("--base-url-env", command.base_url_env)
    if command.cuts != CUTS:
        yield from ("--cuts", str(command.cuts))
    if limits.attempts != usual.attempts:
        yield from ("--attempts", str(limits.attempts))
    if limits.seconds != usual.seconds:
        yield from ("--seconds", f"{limits.seconds:g}")
    for name in limits.invariants if limits.invariants != usual.invariants else ():
        yield from ("--invariant", name)


def to_json(points: Points, swept: Iterable[Swept], command: Command) -> Object:
    """Return the same for machines: every point with its verdicts."""
    return {
        "cassette": command.project.shown(command.path),
        "command": command.line,
        "chunks": points.chunks,
        "bytes": points.bytes,
        "cuts_inside": points.inside,
        "unplayed": points.unplayed,
        "points": [_point(one, command) for one in swept],
    }


def _point(one: Swept, command: Command) -> Object:
    return {
        "id": one.point.name,
        "where": one.point.where,
        "call": one.point.call,
        "chunk": one.point.chunk or None,
        "fault": one.point.fault,
        "verdicts": [verdict.to_json() for verdict in one.verdicts],
        "seconds": round(one.outcome.seconds, 2),
        "again": again(command, one.point.name),
    }


def _group(kind: str, those: list[Swept]) -> Iterator[str]:
    chunks = sorted({one.point.chunk for one in those if one.point.chunk})
    where = f", at chunk {_ranges(chunks)}" if chunks else ""
    yield f"{kind}: {len(those)} points{where}"
    for one in those[:SHOWN]:
        message = next(verdict.message for verdict in one.verdicts if verdict.kind == kind)
        first, *_ = message.splitlines() or [""]
        yield f"  {one.point.name}: {one.point.where}: {first}"
    if len(those) > SHOWN:
        yield f"  and {len(those) - SHOWN} more"


def _ranges(numbers: list[int]) -> str:
    """Write numbers in order as `1-4, 7`."""
    told: list[str] = []
    start = numbers[0]
    for number, following in zip(numbers, [*numbers[1:], None], strict=True):
        if following != number + 1:
            told.append(str(start) if start == number else f"{start}-{number}")
            start = following or 0
    return ", ".join(told)
