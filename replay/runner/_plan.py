"""Suites into cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from replay import assertions, filenames, fixtures
from replay.config import Project
from replay.conversation import Conversation
from replay.errors import BadInput, Fault
from replay.places import Place, Places
from replay.player import states_of
from replay.run import Case
from replay.suites import Entry, Suite

if TYPE_CHECKING:
    from replay.runs import Shard


@dataclass(frozen=True, slots=True)
class Planned:
    """A case, the entry of the suite that says how to play and judge it, the suite's path, the fixture's.

    The conversation itself is read again when the case runs: a session of 10,000 cases holds none.
    """

    case: Case
    entry: Entry
    suite: str
    fixture: fixtures.Source


def plan(
    suite: Suite,
    project: Project,
    targets: Sequence[str] | None = None,
    *,
    warnings: list[Fault] | None = None,
) -> list[Planned]:
    """Return the cases of a suite: each entry against each of its targets (or these), `repeats` times.

    Every conversation is read and checked; what is odd is added to `warnings`. Raises BadInput with the
    faults of all of them, and with assertions that make no sense for a conversation.
    """
    faults: list[Fault] = []
    planned = [
        one
        for entry, fixture, conversation in _checked(suite, project, None, faults)
        for one in _cases(suite, project, targets, None, (entry, fixture, conversation.tags))
    ]
    _finish(faults, warnings)
    return planned


def check(
    suites: Iterable[Suite],
    project: Project,
    *,
    shard: Shard | None = None,
    warnings: list[Fault] | None = None,
) -> int:
    """Do the checks of `plan` and of `clashes`, and return how many conversations there are.

    Nothing is held but the faults, however many conversations there are. With a shard only its own are read.
    """
    faults: list[Fault] = []
    names, count = Places(), 0
    for suite in suites:
        for entry, _, _ in _checked(suite, project, shard, faults):
            faults += _clash(entry.conversation, project.shown(suite.path), names)
            count += 1
    names.close()
    _finish(faults, warnings)
    return count


def cases(
    suite: Suite,
    project: Project,
    targets: Sequence[str] | None = None,
    attempts: Sequence[int] | None = None,
    *,
    shard: Shard | None = None,
) -> Iterator[Planned]:
    """Make the cases of a suite that was checked one by one, with these attempts (or each entry's `repeats`).

    It is gone through once for each round of attempts, and holds none of them. A conversation that has become
    bad in the meantime is a case all the same: it says so when it runs.
    """
    for entry in _entries(suite, shard):
        try:
            fixture = fixtures.find(entry.conversation, project)
            tags = fixtures.load(fixture, project).tags
        except BadInput:
            fixture, tags = project.conversations / f"{entry.conversation}.yaml", ()
        yield from _cases(suite, project, targets, attempts, (entry, fixture, tags))


def _cases(
    suite: Suite,
    project: Project,
    targets: Sequence[str] | None,
    attempts: Sequence[int] | None,
    found: tuple[Entry, fixtures.Source, tuple[str, ...]],
) -> Iterator[Planned]:
    entry, fixture, own = found
    tags = tuple(dict.fromkeys((*own, *entry.tags)))
    for target in targets or entry.targets:
        project.target(target)
        for attempt in attempts or range(1, entry.repeats + 1):
            case = Case(entry.conversation, target, attempt, suite.name, tags)
            yield Planned(case, entry, project.shown(suite.path), fixture)


def _entries(suite: Suite, shard: Shard | None) -> Iterator[Entry]:
    for entry in suite.members:
        if shard is None or Case(entry.conversation, "", 1, suite.name) in shard:
            yield entry


def _checked(
    suite: Suite, project: Project, shard: Shard | None, faults: list[Fault]
) -> Iterator[tuple[Entry, fixtures.Source, Conversation]]:
    """Yield each entry that can be read with its conversation; all that is wrong or odd goes to `faults`."""
    shown = project.shown(suite.path)
    for entry in _entries(suite, shard):
        try:
            fixture = fixtures.find(entry.conversation, project)
            conversation = fixtures.load(fixture, project, warnings=faults)
        except BadInput as problem:
            faults += problem.faults
            continue
        where = Fault(shown, entry.line, 0, "")
        faults += (replace(where, message=message) for message in _odd(entry, conversation))
        faults += (_placed(fault, where) for fault in assertions.review(entry.assertions, conversation))
        yield entry, fixture, conversation


def _odd(entry: Entry, conversation: Conversation) -> Iterator[str]:
    """Say which of the turns that a case asks for are not there, and why a name cannot be one."""
    if odd := filenames.path_fault(entry.conversation):
        yield f'the name "{entry.conversation}" {odd}; rename the file'
    count = len(states_of(conversation)) if entry.turns else 0
    for number in entry.turns:
        if number > count:
            yield f"there is no turn {number}: {entry.conversation} has {count} assistant turns to play"


def _finish(faults: list[Fault], warnings: list[Fault] | None) -> None:
    errors = [fault for fault in faults if not fault.warning]
    if errors:
        raise BadInput(errors)
    if warnings is not None:
        warnings.extend(faults)


def clashes(planned: Iterable[Planned]) -> Iterator[Fault]:
    """Find conversations whose cassettes would be one file on a disk that does not tell cases apart."""
    suites = {one.case.conversation: one.suite for one in planned}
    for first, second in filenames.clashing(suites):
        yield _one_file(first, second, suites[second])


def _clash(name: str, suite: str, names: Places) -> Iterator[Fault]:
    """Do what `clashes` does for one name more; `names` are those before it."""
    before = names.get(filenames.folded(name))
    if before is None:
        names[filenames.folded(name)] = Place(0, 0, note=name)
    elif before.note != name:
        yield _one_file(before.note, name, suite)


def _one_file(first: str, second: str, suite: str) -> Fault:
    message = f'conversations "{first}" and "{second}" are one file name on many disks; rename one'
    return Fault(suite, 0, 0, message)


def _placed(fault: Fault, where: Fault) -> Fault:
    return replace(fault, path=where.path, line=where.line)
