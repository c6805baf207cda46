"""Cassettes that hold another request than their case would send now, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from replay import fixtures, suites
from replay.config import Project
from replay.conversation import Object
from replay.cost import cost_of
from replay.errors import NothingToRun
from replay.runner import Planned, Runner, cassette_path, plan
from replay.turn import Target
from replay.verify._causes import Cause, causes
from replay.verify._plan import Call, Command, Wanted, commands_for
from replay.verify._rails import Ride, Step, along


@dataclass(frozen=True, slots=True)
class Stale:
    """A case whose cassette cannot answer it. `calls` of `requests` have to be recorded.

    `missing` says that there is no recording at all.
    """

    wanted: Wanted
    causes: tuple[Cause, ...]
    requests: int
    missing: bool = False

    def to_json(self) -> Object:
        """Return all of it."""
        return {
            "case": self.wanted.case,
            "suite": self.wanted.suite,
            "cassette": self.wanted.cassette,
            "missing": self.missing,
            "calls": len(self.wanted.calls),
            "requests": self.requests,
            "causes": [str(cause) for cause in self.causes],
        }


@dataclass(frozen=True, slots=True)
class Group:
    """The cassettes that one cause made stale."""

    cause: Cause
    cassettes: tuple[str, ...]

    def to_json(self) -> Object:
        """Return all of it."""
        cause = {name: getattr(self.cause, name) for name in ("kind", "where", "change", "before", "after")}
        return {"cause": str(self.cause)} | cause | {"cassettes": list(self.cassettes)}


@dataclass(frozen=True, slots=True)
class Audit:
    """What is stale, by case and by cause, and the commands that record it, the cheapest first.

    `fresh` cases need nothing. Nothing has to be recorded either for `unused` (interactions, from 1, that
    their case no longer asks for, by cassette), for `orphans` (cassettes of no suite's case; both can be
    deleted, unless an app or a test plays them), and for `unnamed` (conversations that no suite names).
    """

    fresh: int
    stale: tuple[Stale, ...]
    groups: tuple[Group, ...]
    commands: tuple[Command, ...]
    unused: dict[str, tuple[int, ...]]
    orphans: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()

    def to_json(self) -> Object:
        """Return all of it."""
        return {
            "fresh": self.fresh,
            "stale": [one.to_json() for one in self.stale],
            "causes": [group.to_json() for group in self.groups],
            "commands": [command.to_json() for command in self.commands],
            "unused": {path: list(numbers) for path, numbers in self.unused.items()},
            "orphans": list(self.orphans),
            "unnamed": list(self.unnamed),
        }


def planned_in(paths: Iterable[Path], project: Project) -> list[Planned]:
    """Return the cases of suites: files, or folders of them (`suites/` by default).

    Raises BadInput with the faults of all, NothingToRun where there is none.
    """
    found = [file for path in paths or [project.suites] for file in suites.files(path.absolute())]
    if not found:
        raise NothingToRun(f"there is no suite in {', '.join(map(str, paths)) or project.suites}")
    return [case for suite in suites.load_all(found, project) for case in plan(suite, project)]


def stale(project: Project, paths: Sequence[Path] = ()) -> Audit:
    """Find out, without any network, which cassettes of these suites are stale, and why.

    Raises BadInput with the faults of all files, NothingToRun where there is no suite, StorageError.
    """
    runner = Runner(project)
    cases = planned_in(paths, project)
    found, unused, fresh = list[Stale](), dict[str, tuple[int, ...]](), 0
    for one in along(cases, runner):
        path = project.shown(one.path)
        missed = [step for step in one.steps if not step.exact]
        fresh += not missed
        if missed:
            found.append(_stale(one, missed, runner))
        elif one.unused:
            unused[path] = tuple(index + 1 for index in one.unused)
    groups = tuple(_groups(found))
    commands = tuple(commands_for(one.wanted for one in found))
    every = cases if not paths else planned_in((), project)
    return Audit(fresh, tuple(found), groups, commands, unused, *_left_over(every, runner))


def _stale(one: Ride, missed: Sequence[Step], runner: Runner) -> Stale:
    project, planned = runner.project, one.planned
    target = project.target(one.case.target)
    wanted = Wanted(
        one.case.id,
        one.case.conversation,
        planned.suite,
        project.shown(one.path),
        tuple(_call(step, target) for step in missed),
    )
    why = {cause.key: cause for step in missed for cause in _why(step, one, target)}
    return Stale(wanted, tuple(why.values()), len(one.steps), not one.interactions)


def _call(step: Step, target: Target) -> Call:
    usage = step.turn.reply.usage if step.turn and step.turn.reply else None
    if usage is None or step.turn is None:
        return Call(step.key)
    cost = cost_of(step.turn, target.settings.get("price"))
    return Call(step.key, usage.prompt_tokens, usage.completion_tokens, cost)


def _why(step: Step, one: Ride, target: Target) -> list[Cause]:
    if step.recorded is None:
        where = "nothing recorded" if not one.interactions else f"request {one.steps.index(step) + 1}"
        return [Cause("unrecorded", where, "yet" if not one.interactions else "not recorded")]
    return causes(step.recorded.request, step.request, target.provider, one.planned.entry.ignore)


def _groups(found: Sequence[Stale]) -> list[Group]:
    """Put the same cause of many cassettes together, the one with the most first."""
    by_key: dict[str, tuple[Cause, dict[str, str]]] = {}
    for one in found:
        for cause in one.causes:
            held = by_key.setdefault(cause.key, (cause, {}))[1]
            held[one.wanted.cassette] = one.wanted.conversation
    groups = [Group(_shared(cause, set(held.values())), tuple(held)) for cause, held in by_key.values()]
    return sorted(groups, key=lambda group: (-len(group.cassettes), str(group.cause)))


def _shared(cause: Cause, conversations: set[str]) -> Cause:
    """Name a message that several conversations have in the same place and words: a few-shot example."""
    role = cause.where.partition("(")[2].partition(")")[0]
    if cause.kind == "message" and role in ("user", "assistant") and len(conversations) > 1:
        return replace(cause, kind="example")
    return cause


def _left_over(cases: Sequence[Planned], runner: Runner) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the cassettes that no case of any suite has, and the conversations that no suite names."""
    project = runner.project
    named = {str(cassette_path(project.cassettes, planned.case)) for planned in cases}
    files = (path for path in sorted(project.cassettes.rglob("*.yaml")) if not _of_none(path))
    orphans = tuple(project.shown(path) for path in files if str(path) not in named)
    known = {planned.case.conversation for planned in cases}
    return orphans, tuple(name for name in fixtures.names(project) if name not in known)


def _of_none(path: Path) -> bool:
    """Whether a file was never a case's: a lock, or what a test or an app recorded under its usual name."""
    return path.name.startswith(".") or path.name == "app.yaml"
