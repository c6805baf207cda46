"""The project that is imported into, and the files of one conversation in it."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from replay import baselines, fixtures
from replay.baselines import Baseline
from replay.cassette import file as cassettes
from replay.config import Project
from replay.errors import BadInput, StorageError
from replay.record._calls import Refused
from replay.record._conversation import Written
from replay.record._files import Log, head


def project_at(out: Path, paths: Iterable[Path]) -> Project:
    """Return the project at `out` itself, not one in a folder above it. Raises BadInput."""
    out = out.absolute()
    if out.exists() and not out.is_dir():
        raise BadInput(f"--out {out} is a file; name a folder")
    for path in paths:
        if path.is_dir() and out.is_relative_to(path.absolute()):
            raise BadInput(f"--out {out} lies inside {path}, which is read; choose a folder outside it")
    found = Project.find(out)
    return found if found.root == out else Project(out)


def salted(project: Project, files: Iterable[Log]) -> Project:
    """Give a project that has no salt one of its own: it goes into the configuration with the targets.

    It is drawn from the beginnings of the logs, so that the same logs give the same files.
    """
    redaction = project.settings.get("redaction") or {}
    if "salt" in redaction or "REPLAY_SALT" in os.environ:
        return project
    digest = hashlib.sha256()
    for log in files:
        with contextlib.suppress(OSError):  # it is named when it is read
            digest.update(head(log.path))
    drawn = {"redaction": redaction | {"salt": digest.hexdigest()[:16]}}
    return replace(project, settings=project.settings | drawn)


def salt_of(project: Project) -> str:
    """Return the salt that pseudonyms are made with."""
    return os.environ.get("REPLAY_SALT") or str((project.settings.get("redaction") or {}).get("salt", ""))


def write(project: Project, written: Written) -> None:
    """Write the files of a conversation, the fixture last; one that is there stays as it is.

    Raises Refused where the fixture would not load (it would take the whole suite with it), and StorageError.
    """
    new: list[Path] = []
    fixture = project.conversations / f"{written.transcript.conversation.name}.yaml"
    try:
        for path, text in [
            *_recorded(project, written),
            (fixture, fixtures.dump(written.transcript.conversation)),
        ]:
            new += _write(path, text)
        fixtures.load(fixture, project)
    except (BadInput, ValueError) as problem:
        for path in new:
            path.unlink()
        why = problem.faults[0].message if isinstance(problem, BadInput) else str(problem)
        raise Refused(f"the request is no fixture: {why}") from None


def _recorded(project: Project, written: Written) -> Iterator[tuple[Path, str]]:
    transcript = written.transcript
    name, target = transcript.conversation.name, transcript.target.name
    if written.interactions:
        yield project.cassettes / name / f"{target}.yaml", cassettes.dump(written.interactions)
        baseline = Baseline(name, target, (baselines.accepted(transcript),))
        yield baselines.path_for(project, name, target), baselines.dump(baseline)


def _write(path: Path, text: str) -> list[Path]:
    """Write a file that is not there yet, whole or not at all, without waiting for the disk; return it."""
    if path.exists():
        return []
    begun = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        begun.write_text(text, "utf-8", newline="\n")
        begun.replace(path)
    except OSError as problem:
        raise StorageError(f"cannot write {path} ({problem.strerror})") from None
    return [path]
