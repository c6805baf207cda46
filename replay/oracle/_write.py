"""What was found, as files of the project: a fixture, a case of a suite, and the recording that shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

from replay import assertions, atomic, documents, fixtures, schemas
from replay.assertions._found import name_of
from replay.config import Project
from replay.conversation import Conversation, Json
from replay.errors import BadInput
from replay.oracle._probe import Probe
from replay.record._suite import SuiteWriter
from replay.record._targets import Targets

MADE = "made_by"  # in `source` of a fixture that may be written over


def write(
    project: Project,
    suite: str,
    probe: Probe,
    *,
    judges: Sequence[Json] | None = None,
    recording: Path | None = None,
) -> list[Path]:
    """Write the conversation of a probe, a case in `suites/<suite>.yaml` and its cassette; return the files.

    Without a suite it is the conversation alone. `judges` are the assertions as a suite writes them; where
    they are not given, those of the probe that can be written. A target that the project does not have is
    added to its configuration. Raises BadInput where a conversation of that name is there that was not made
    so, and StorageError.
    """
    conversation = probe.conversation
    _refuse_others(project, conversation)
    written = [fixtures.save(conversation, project)]
    if not suite:
        return written
    schemas.write(project.root)
    Targets(project).keep(probe.target)
    if recording is not None and recording.is_file():
        cassette = project.cassettes / conversation.name / f"{probe.target.name}.yaml"
        atomic.write(cassette, [recording.read_bytes()])
        written.append(cassette)
    judges = list(_said(probe.entry.assertions)) if judges is None else list(judges)
    return [*written, *_case(project, suite, probe, judges)]


def _refuse_others(project: Project, conversation: Conversation) -> None:
    try:
        there = fixtures.load(fixtures.find(conversation.name, project), project)
    except BadInput:
        return
    if MADE not in there.source and replace(there, name="") != replace(conversation, name=""):
        raise BadInput(f'"{conversation.name}" is there already, and was not made so; give another --name')


def _case(project: Project, suite: str, probe: Probe, judges: list[Json]) -> Iterator[Path]:
    writer = SuiteWriter(project, suite)
    name, entry = probe.conversation.name, probe.entry
    if name in _cases(writer.path):
        yield writer.path
        return
    turns = entry.turns if entry.play == "every_turn" else None
    loop = entry.loop.to_json() if entry.play == "to_completion" else {}
    writer.add(name, probe.target.name, judges, turns, play=entry.play, loop=loop)
    writer.close([f"Written by `replay`: what {suite} shows. Edit it as you like."])
    yield writer.path


def _cases(path: Path) -> list[Json]:
    data = documents.read(path).data if path.is_file() else {}
    return [case.get("conversation") for case in data.get("cases") or () if isinstance(case, dict)]


def _said(judges: Iterable[Any]) -> Iterator[Json]:
    """Write assertions as a suite does; what cannot be written so is left out."""
    for judge in judges:
        name, arguments = name_of(judge), _arguments(judge)
        try:
            if assertions.build(name, arguments or None) == judge:
                yield {name: arguments} if arguments else name
        except (BadInput, ValueError):
            continue


def _arguments(judge: Any) -> dict[str, Json]:
    given = {field.name: (getattr(judge, field.name), field) for field in fields(judge) if field.init}
    return {name: _plain(value) for name, (value, field) in given.items() if value != _default(field)}


def _default(field: Any) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _plain(value: Json) -> Json:
    return list(value) if isinstance(value, tuple) else value
