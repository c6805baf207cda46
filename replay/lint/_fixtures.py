"""What is looked at in a project: its conversations, and what its targets ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from replay import documents, fixtures
from replay.config import Project, place
from replay.conversation import Conversation, Object
from replay.documents import Document
from replay.errors import BadInput, Fault
from replay.fixtures import LINES, SUFFIXES
from replay.lint._places import InConfig, InFixture, Place
from replay.lint.subject import SYSTEM, Around, Subject
from replay.turn import Request, Target

Sighted = tuple[Subject, Place]


class Conversations:
    """Reads conversations into subjects; `target` says what they are asked of, and may be named nothing."""

    def __init__(self, project: Project, around: Around, target: Target) -> None:
        self._project, self._around, self._target = project, around, target

    def holds(self, path: Path) -> bool:
        """Tell whether a file is one of the project's conversations, or holds them line by line."""
        inside = path.is_relative_to(self._project.conversations)
        return inside and (path.suffix in SUFFIXES or path.name.endswith(LINES))

    def read(self, path: Path) -> Iterator[Sighted]:
        """Yield the conversations of a file. Raises BadInput where its lines cannot be told apart."""
        if not path.name.endswith(LINES):
            yield self._one(path)
            return
        folder = path.relative_to(self._project.conversations).as_posix().removesuffix(".gz")
        for name in fixtures.Names(self._project, f"{folder.removesuffix('.jsonl')}/**"):
            found = fixtures.find(name, self._project)
            if isinstance(found, fixtures.Line) and found.path == path:
                yield self._one(found)

    def _one(self, source: fixtures.Source) -> Sighted:
        file, number = (source.path, source.number) if isinstance(source, fixtures.Line) else (source, 1)
        shown = self._project.shown(file)
        where = InFixture(shown, number, lambda: _document(source, shown))
        warnings: list[Fault] = []
        try:
            return self._subject(fixtures.load(source, self._project, warnings=warnings), warnings), where
        except BadInput as problem:
            return Subject(Request("", ()), self._around, tuple(problem.faults)), where

    def _subject(self, read: Conversation, warnings: list[Fault]) -> Subject:
        asked, named = (
            Request(self._target.model, read.messages, read.tools, read.params),
            bool(self._target.name),
        )
        return Subject(
            asked,
            self._around,
            tuple(warnings),
            self._target.provider,
            self._target.settings,
            addressed=named,
            tool_results=read.tool_results,
            answered=bool(read.source.get("id")) and not named,
            partial=is_partial(asked, _stated(read.params), derived=bool(read.source.get("derived"))),
        )


def targets(project: Project, around: Around) -> Iterator[Sighted]:
    """Yield the targets of a project, whose models may be gone."""
    text = project.file.read_text("utf-8") if project.file else ""
    prefix = () if project.file and project.file.name == "replay.toml" else ("tool", "replay")
    for target in project.targets.values():
        line, column = place(text, (*prefix, "targets", target.name, "model"))
        where = InConfig(project.shown(project.file) if project.file else "", line, column, target.name)
        request = Request(target.model, ())
        yield Subject(request, around, (), target.provider, target.settings, addressed=True), where


def is_partial(asked: Request, said: Object, *, derived: bool) -> bool:
    """Tell whether a request is the end of a history only: the provider has the rest, or another record.

    `said` is what only the Responses wire can say, or its whole body.
    """
    if said.get("previous_response_id") or said.get("conversation"):
        return True
    return derived and next((one.role for one in asked.messages if one.role not in SYSTEM), "user") != "user"


def _stated(params: Object) -> Object:
    native = params.get("native")
    said = native.get("openai_responses") if isinstance(native, dict) else None
    return said if isinstance(said, dict) else {}


def _document(source: fixtures.Source, shown: str) -> Document:
    if isinstance(source, fixtures.Line):
        return documents.parse(source.read(shown), shown)
    return documents.read(source, shown)
