"""Files that are there already, looked at again: what must not be in them is named, or replaced.

Of any kind: fixtures, suites, baselines, cassettes of whatever tool, journals, runs and their reports, logs,
any text; gzipped ones too. What is encoded, compressed or spread over a stream's events inside them is found
as well.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from replay.cache import forget
from replay.cassette.redact import Redactor
from replay.config import Project
from replay.errors import BadInput, Fault
from replay.rescan._files import File, opened, walked, written
from replay.rescan._look import hits
from replay.rescan._replace import replaced

__all__ = ["File", "Found", "Rewritten", "check", "cleaned", "found_in", "rewrite", "walked"]


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A place that holds what must not be there; what it holds is not said."""

    path: str
    line: int
    kind: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.kind}"


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A file that was rewritten, and how much of each kind was replaced in it."""

    path: str
    kinds: dict[str, int]

    def __str__(self) -> str:
        return f"{self.path}: replaced {', '.join(f'{count} {kind}' for kind, count in self.kinds.items())}"


def check(path: Path, redactor: Redactor | None = None) -> list[Found]:
    """List what must not be in a file. Raises BadInput and StorageError for one that cannot be read."""
    return found_in(opened(path), redactor or _redactor(path))


def found_in(file: File, redactor: Redactor) -> list[Found]:
    """List what must not be in a file that was read."""
    return sorted({Found(file.shown, line, kind) for line, kind in hits(file, redactor)})


def rewrite(path: Path, redactor: Redactor | None = None) -> Rewritten | None:
    """Replace in a file what must not be there; None when nothing was. It is replaced whole or not at all.

    Raises BadInput for a file that is damaged or cannot be rewritten, StorageError for one that cannot be
    read or written; then it is as it was.
    """
    redactor = redactor or _redactor(path)
    file = opened(path)
    new, done = cleaned(file, redactor)
    if done is None:
        return None
    written(file, new)
    forget(str(Project.find(path.parent).root))
    return done


def cleaned(file: File, redactor: Redactor) -> tuple[bytes, Rewritten | None]:
    """Return what a file is to hold, and what was replaced for it; None where nothing had to be.

    Raises BadInput for a file that is damaged or cannot be rewritten.
    """
    before = Counter(found.kind for found in found_in(file, redactor))
    if not before:
        return file.data, None
    new = replaced(file, redactor)
    left = found_in(replace(file, data=new), redactor)
    if left:
        raise BadInput(
            Fault(one.path, one.line, 0, f"{one.kind} cannot be replaced here; nothing was") for one in left
        )
    return new, Rewritten(file.shown, dict(sorted(before.items())))


def _redactor(path: Path) -> Redactor:
    return Redactor.for_project(Project.find(path.parent), {})
