"""Asks the targets of a comparison: cases through an engine into a run that can be resumed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from replay import assertions, runs, suites
from replay.compare._attempts import Attempt, attempt_of
from replay.compare._cases import Cases
from replay.compare._feed import DECIDED, Feed, Until
from replay.compare._question import Question
from replay.config import Project
from replay.conversation import Object
from replay.engines import Engine
from replay.errors import BadInput
from replay.fixtures.variants import with_variants
from replay.run import Result
from replay.runner import Planned, Runner, check
from replay.runs import RunWriter, Shard
from replay.verdict import Verdict

Pairs = Iterable[tuple[Planned, Result]]


class Watcher(Protocol):
    """Sees results pass, as a progress bar does."""

    def over(self, results: Pairs) -> Pairs:
        """Pass them on."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a comparison asks, and where what comes of it is kept; all that it takes to go on later.

    `names` are the targets as they were typed, the baseline first; `files` the suites' hashes by their paths,
    `content` that of all that is asked.
    """

    project: Project
    question: Question
    names: tuple[str, ...]
    suites: tuple[suites.Suite, ...]
    files: dict[str, str]
    shard: str = ""
    content: str = ""

    @property
    def cases(self) -> Cases:
        """The cases that it takes."""
        return Cases(self.project, self.suites, self.question, self.part)

    @property
    def part(self) -> Shard | None:
        """The part of the cases that is asked, None for all."""
        return Shard.parse(self.shard) if self.shard else None

    @property
    def asked(self) -> tuple[str, ...]:
        """The targets that are asked: those compared, and those of assertions."""
        entries = (entry for suite in self.suites for entry in suite.members)
        judges = (name for entry in entries for name in assertions.asked(entry.assertions))
        return tuple(dict.fromkeys((*self.question.targets, *judges)))

    def header(self, command: Sequence[str], mode: str) -> Object:
        """Return the header of the run."""
        shard = {"shard": self.shard} if self.shard else {}
        return {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "mode": mode,
            "command": list(command),
            "versions": {"replay": version("conversation-replay"), "python": sys.version.split()[0]},
            "compare": self.question.to_json(),
            "targets": list(self.names),
            "files": self.files,
            "content": self.content,
        } | shard


def asked(
    project: Project, names: Sequence[str], question: Question, paths: Sequence[Path], shard: str = ""
) -> Asked:
    """Read and check everything that a comparison takes. Raises BadInput, NothingToRun."""
    project, found = with_variants(project, names)
    question = replace(question, baseline=found[0], candidates=tuple(found[1:]))
    loaded = tuple(suites.load_all(paths, project))
    files = {project.shown(one.path): sha256(one.path.read_bytes()).hexdigest() for one in loaded}
    whole = Asked(project, question, tuple(names), loaded, files, shard)
    check(loaded, project, shard=whole.part)
    content, conversations = whole.cases.content()
    question = replace(question, family=whole.cases.family(), conversations=conversations)
    return replace(whole, question=question, content=content)


def asked_before(project: Project, folder: Path) -> tuple[Asked, str]:
    """Read what the run in a folder was asking, and its record mode.

    Raises BadInput where what it asks is not the same any more.
    """
    path = runs.locate(folder)
    header = runs.read(path).header
    if not {"compare", "targets", "files"} <= header.keys():
        raise BadInput(f"{path}: this run compares nothing, and cannot be resumed")
    question = Question.from_json(header["compare"])
    paths = [project.root / name for name in header["files"]]
    found = asked(project, header["targets"], question, paths, header.get("shard", ""))
    changed = [name for name, digest in found.files.items() if digest != header["files"][name]]
    if not changed and found.content != header.get("content"):
        changed = ["a conversation or a variant"]
    if changed:
        raise BadInput(f"{', '.join(changed)} changed since {path} was begun; begin a new comparison")
    return found, str(header.get("mode"))


def ask(whole: Asked, runner: Runner, engine: Engine, writer: RunWriter, watcher: Watcher) -> str:
    """Ask what has no answer yet; each answer is in the run before the next one is looked at.

    Returns why it ended before everything was asked, "" where it did not. What could not be sent at all is
    not written: it is asked when the run is resumed.
    """
    feed = _feed(whole, writer)
    for planned, result in watcher.over(engine.run(feed, runner)):
        clean, line = runner.shown(planned, result)
        unsent = _unsent(clean)
        if unsent and unsent.kind != "shed":
            feed.stopped = feed.stopped or unsent.message
        if not unsent:
            writer.add((clean.case.suite, clean.case.id), line, clean.outcome)
            if whole.question.until:
                feed.came(attempt_of(json.loads(line)))
        if feed.stopped:  # what an engine has taken already is not sent either; what is under way comes home
            runner.stopped.update(dict.fromkeys(whole.question.targets, f"not sent: {feed.stopped}"))
    return "" if feed.stopped == DECIDED else feed.stopped


def _feed(whole: Asked, writer: RunWriter) -> Feed:
    if not whole.question.until:
        return Feed(whole.cases, writer)
    return Until(whole.cases, writer, _attempts(writer.path))


def _attempts(path: Path) -> Iterator[Attempt]:
    """Read the attempts that a run has already, in whatever order they came."""
    return (attempt_of(line.data) for line in runs.scan(path)[1])


def _unsent(result: Result) -> Verdict | None:
    """Why a case was not sent; None where it was."""
    return next((one for one in result.verdicts if one.assertion == "provider"), None)
