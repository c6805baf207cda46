"""Suites: which conversations are played against which targets, and what must hold of the replies."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from replay import documents
from replay.config import Project
from replay.documents import Check
from replay.errors import BadInput, Fault, NothingToRun
from replay.suites._reader import Reader
from replay.suites._terms import Entry, Suite

__all__ = ["Entry", "Suite", "files", "load", "load_all"]

SUFFIXES = (".yaml", ".yml")


def files(path: Path) -> list[Path]:
    """Return the suites at a path: the file itself, or all in the folder and below it, sorted."""
    if not path.is_dir():
        return [path]
    return sorted(one for one in path.rglob("*") if one.suffix in SUFFIXES)


def load(path: Path, project: Project, *, warnings: list[Fault] | None = None) -> Suite:
    """Read and check a suite. Odd things are added to `warnings`.

    Raises BadInput with all faults; NothingToRun if it names no conversation.
    """
    check = Check(documents.read(path, project.shown(path)))
    suite = Reader(check, project).suite(path)
    odd = check.finish()
    if warnings is not None:
        warnings.extend(odd)
    return suite


def load_all(paths: Iterable[Path], project: Project) -> list[Suite]:
    """Read many suites. Raises one BadInput with the faults of all; NothingToRun if that is all there is."""
    suites, found, empty = [], list[Fault](), list[str]()
    for path in paths:
        try:
            suites.append(load(path, project))
        except BadInput as problem:
            found += problem.faults
        except NothingToRun as problem:
            empty.append(str(problem))
    if found:
        raise BadInput(found)
    if empty:
        raise NothingToRun("\n".join(empty))
    return suites
