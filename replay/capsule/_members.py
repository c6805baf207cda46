"""The files of a capsule: a small project in which the chosen cases play as they do in theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from replay import atomic, baselines, documents, fixtures
from replay.assertions import asked, files_of
from replay.capsule._code import Code, needed
from replay.capsule._suite import reduced
from replay.choice import Chosen
from replay.config import Project, redaction, tables
from replay.errors import BadInput
from replay.fixtures import variants
from replay.runner import Runner, cassette_path
from replay.turn import Target

# Settings that say who asks and how fast, which a recording does not need.
_NOT_KEPT = ("headers", "organization", "profile", "limits", "tenants", variants.SETTING)
# Rules of redaction that decide whether a recording is found. A salt and terms would tell what was hidden.
_RULES = ("pii", "keys", "patterns", "allow", "headers")


@dataclass(frozen=True, slots=True)
class Gathered:
    """Members by name as they are in the project, secrets and all; which of them are code; what is odd."""

    members: dict[str, bytes]
    code: Code
    warnings: tuple[str, ...]


def gather(chosen: Sequence[Chosen]) -> Gathered:
    """Read what the cases need. Raises BadInput and StorageError."""
    project = chosen[0].project
    names = [path for one in chosen for path in files_of(one.planned.entry.assertions)]
    code = needed(names, [project.root / one.planned.suite for one in chosen], project.root)
    members: dict[str, bytes] = {}
    for one in chosen:
        _add(members, _conversation(one))
        members.update(_recorded(one))
    members.update(_suites(chosen))
    for path in (*(path for path in names if path.suffix != ".py"), *code.files):
        members.update(_file(path, project))
    members["replay.toml"] = _configuration(chosen).encode()
    return Gathered(members, code, tuple(_odd(chosen, code)))


def _add(members: dict[str, bytes], found: tuple[str, bytes]) -> None:
    name, data = found
    if members.setdefault(name, data) != data:
        told = name.removeprefix("fixtures/conversations/").removesuffix(".yaml")
        raise BadInput(f"{told} is asked in two ways, by two targets; make a capsule of each: RUN::CASE")


def _conversation(one: Chosen) -> tuple[str, bytes]:
    """The fixture as its target asks it, with all files read into it that it names."""
    conversation = Runner(one.project).conversation(one.planned)
    return f"fixtures/conversations/{conversation.name}.yaml", fixtures.dump(conversation).encode()


def _recorded(one: Chosen) -> Iterator[tuple[str, bytes]]:
    case = one.planned.case
    if one.cassette.is_file():
        yield cassette_path(Path("fixtures/cassettes"), case).as_posix(), atomic.read(one.cassette)
    accepted = baselines.path_for(one.project, case.conversation, case.target)
    if accepted.is_file():
        yield one.project.shown(accepted), atomic.read(accepted)


def _suites(chosen: Sequence[Chosen]) -> Iterator[tuple[str, bytes]]:
    for suite in dict.fromkeys(one.planned.suite for one in chosen):
        path = chosen[0].project.root / suite
        own = [one.planned for one in chosen if one.planned.suite == suite]
        yield suite, documents.dump(reduced(documents.read(path, suite).data, own)).encode()


def _file(path: Path, project: Project) -> Iterator[tuple[str, bytes]]:
    shown = project.shown(path)
    if path.is_relative_to(project.root):  # what is installed is needed, and cannot be taken along
        yield shown, atomic.read(path)


def _configuration(chosen: Sequence[Chosen]) -> str:
    project = chosen[0].project
    targets = {one.planned.case.target: one.project for one in chosen}
    targets |= {name: one.project for one in chosen for name in asked(one.planned.entry.assertions)}
    rules = {key: value for key, value in redaction(project.settings).items() if key in _RULES}
    texts = [tables.table("redaction", rules)] if rules else []
    texts += [_target(owner.target(name)) for name, owner in sorted(targets.items())]
    return "\n".join(texts)


def _target(target: Target) -> str:
    settings = {key: value for key, value in target.settings.items() if key not in _NOT_KEPT}
    told = {"provider": target.provider, "model": target.model, **settings}
    return tables.table(f"targets.{tables.key(target.name)}", told)


def _odd(chosen: Sequence[Chosen], code: Code) -> Iterator[str]:
    for one in chosen:
        if not one.cassette.is_file():
            yield f"{one.planned.case.id} has no recording ({one.project.shown(one.cassette)})"
    if code.needs:
        yield f"the code imports {', '.join(code.needs)}, which has to be installed where it is run"
