"""The attempts of a run, conversation by conversation, in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from replay import runs
from replay.compare._attempts import Attempt, attempt_of
from replay.errors import BadInput, Fault

Group = dict[str, list[Attempt]]  # of one conversation: the attempts by target


def groups(path: Path, faults: list[Fault]) -> Iterator[Group]:
    """Yield the attempts at each conversation. What cannot be read is added to `faults`. Raises BadInput."""
    _, lines, found = runs.scan(path)
    for _, attempts in groupby(_in_order(lines, path), key=lambda attempt: attempt.place):
        yield by_target(attempts)
    faults += found


def by_target(attempts: Iterable[Attempt]) -> Group:
    """Sort the attempts at one conversation by their target."""
    group: Group = {}
    for attempt in attempts:
        group.setdefault(attempt.target, []).append(attempt)
    return group


def _in_order(lines: Iterable[runs.Line], path: Path) -> Iterator[Attempt]:
    """Read the lines, each case once: the same case again replaces the one before."""
    last: runs.Line | None = None
    for line in lines:
        if last is not None and line.key < last.key:
            message = f"is not in the order of its cases; type: replay merge {path} --out NEW"
            raise BadInput([Fault(str(path), 0, 0, message)])
        if last is not None and line.key > last.key:
            yield attempt_of(last.data)
        last = line
    if last is not None:
        yield attempt_of(last.data)
