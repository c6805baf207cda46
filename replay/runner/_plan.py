"""Suites into cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from replay import assertions, filenames, fixtures
from replay.config import Project
from replay.conversation import Conversation
from replay.errors import BadInput, Fault
from replay.player import states_of
from replay.run import Case
from replay.suites import Entry, Suite


@dataclass(frozen=True, slots=True)
class Planned:
    """A case, the entry of the suite that says how to play and judge it, the suite's path, the fixture's.

    The conversation itself is read again when the case runs: a session of 10,000 cases holds none.
    """

    case: Case
    entry: Entry
    suite: str
    fixture: Path


def plan(
    suite: Suite,
    project: Project,
    targets: Iterable[str] | None = None,
    *,
    warnings: list[Fault] | None = None,
) -> list[Planned]:
    """Return the cases of a suite: each entry against each of its targets (or these), `repeats` times.

    Every conversation is read and checked; what is odd is added to `warnings`. Raises BadInput with the
    faults of all of them, and with assertions that make no sense for a conversation.
    """
    planned: list[Planned] = []
    faults: list[Fault] = []
    shown = project.shown(suite.path)
    for entry in suite.entries:
        try:
            fixture = fixtures.find(entry.conversation, project)
            conversation = fixtures.load(fixture, project, warnings=faults)
        except BadInput as problem:
            faults += problem.faults
            continue
        where = Fault(shown, entry.line, 0, "")
        if odd := fixtures.name_fault(entry.conversation):
            faults.append(replace(where, message=f'the name "{entry.conversation}" {odd}; rename the file'))
        faults += (replace(where, message=message) for message in _without_turn(entry, conversation))
        faults += (_placed(fault, where) for fault in assertions.review(entry.assertions, conversation))
        tags = tuple(dict.fromkeys((*conversation.tags, *entry.tags)))
        for target in targets or entry.targets:
            project.target(target)
            for attempt in range(1, entry.repeats + 1):
                case = Case(entry.conversation, target, attempt, suite.name, tags)
                planned.append(Planned(case, entry, shown, fixture))
    errors = [fault for fault in faults if not fault.warning]
    if errors:
        raise BadInput(errors)
    if warnings is not None:
        warnings.extend(faults)
    return planned


def _without_turn(entry: Entry, conversation: Conversation) -> Iterator[str]:
    """Say which of the turns that a case asks for the conversation does not have."""
    count = len(states_of(conversation)) if entry.turns else 0
    for number in entry.turns:
        if number > count:
            yield f"there is no turn {number}: {entry.conversation} has {count} assistant turns to play"


def clashes(planned: Iterable[Planned]) -> Iterator[Fault]:
    """Find conversations whose cassettes would be one file on a disk that does not tell cases apart."""
    suites = {one.case.conversation: one.suite for one in planned}
    for first, second in filenames.clashing(suites):
        message = f'conversations "{first}" and "{second}" are one file name on many disks; rename one'
        yield Fault(suites[second], 0, 0, message)


def _placed(fault: Fault, where: Fault) -> Fault:
    return replace(fault, path=where.path, line=where.line)
