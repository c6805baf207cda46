"""What was found, as files of the project: a fixture, a case of a suite, and the recording that shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from replay import assertions, atomic, documents, faults, fixtures, schemas
from replay.config import Project
from replay.conversation import Conversation, Json, Object
from replay.errors import BadInput
from replay.oracle._answer import Failure
from replay.oracle._probe import Probe
from replay.record._suite import SuiteWriter
from replay.record._targets import Targets
from replay.suites import Entry

MADE = "made_by"  # in `source` of a fixture that may be written over
_STORY = (MADE, "of", "target", "failure")  # what a fixture shows, in its `source`


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
    added to its configuration. Where a conversation of that name shows another failure, or of another target,
    a number is added to the name. Raises BadInput where one is there that was not made so, and StorageError.
    """
    probe = probe.of(_named(probe.conversation, project))
    conversation = probe.conversation
    written = [fixtures.save(conversation, project)]
    if not suite:
        return written
    schemas.write(project.root)
    Targets(project).keep(probe.target)
    if recording is not None and recording.is_file():
        cassette = project.cassettes / conversation.name / f"{probe.target.name}.yaml"
        atomic.write(cassette, [recording.read_bytes()])
        written.append(cassette)
    judges = list(_said(probe.entry.assertions) if judges is None else judges)
    return [*written, *_case(project, suite, probe, _whole(judges))]


def made(by: str, probe: Probe, failure: Failure) -> Object:
    """Return what `source` says of a fixture that shows a failure."""
    target = {"target": probe.target.name} if probe.target.name else {}
    return {MADE: by, "of": probe.conversation.name, **target, "failure": str(failure)}


def _named(conversation: Conversation, project: Project) -> Conversation:
    """Return a conversation under its name, or the first of `name-2`, ... that shows nothing else yet."""
    name, number = conversation.name, 1
    while _is_taken(conversation, project):
        number += 1
        conversation = replace(conversation, name=f"{name}-{number}")
    return conversation


def _is_taken(conversation: Conversation, project: Project) -> bool:
    if not fixtures.names(project, conversation.name):
        return False
    source = fixtures.find(conversation.name, project)
    there = fixtures.load(source, project)
    if MADE not in there.source and replace(there, name="") != replace(conversation, name=""):
        told = f'"{conversation.name}" is there already and was not made so; rename it'
        raise BadInput(f"{fixtures.where(source, project)}: {told}")
    return any(there.source.get(key) != conversation.source.get(key) for key in _STORY)


def _case(project: Project, suite: str, probe: Probe, judges: list[Json]) -> Iterator[Path]:
    writer = SuiteWriter(project, suite)
    name, entry = probe.conversation.name, probe.entry
    if name in _cases(writer.path):
        yield writer.path
        return
    turns = entry.turns if entry.play == "every_turn" else None
    writer.add(name, probe.target.name, judges, turns, play=entry.play, terms=_terms(entry))
    writer.close([f"Written by `replay`: what {suite} shows. Edit it as you like."])
    yield writer.path


def _terms(entry: Entry) -> Object:
    """What a case says of how it is played, beside its play."""
    terms = entry.loop.to_json() if entry.play == "to_completion" else {}
    terms |= {"ignore": list(entry.ignore)} if entry.ignore else {}
    return terms | ({"faults": list(map(faults.registry.written, entry.faults))} if entry.faults else {})


def _cases(path: Path) -> list[Json]:
    data = documents.read(path).data if path.is_file() else {}
    return [case.get("conversation") for case in data.get("cases") or () if isinstance(case, dict)]


def _said(judges: Iterable[Any]) -> Iterator[Json]:
    """Write assertions as a suite does; what cannot be written so is left out."""
    for judge in judges:
        with suppress(ValueError):
            yield assertions.registry.written(judge)


def _whole(judges: list[Json]) -> list[Json]:
    """A suite judges by `contract` unless it says otherwise."""
    names = {next(iter(one)) if isinstance(one, dict) else one for one in judges}
    return judges if "contract" in names else [{"contract": "off"}, *judges]
