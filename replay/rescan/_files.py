"""Files by name: folders walked, gzip undone, and written back as they were packed."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from replay import atomic
from replay.cassette.encoding import Bomb, decoded
from replay.errors import BadInput, Fault

_NOT_OURS = frozenset((".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", "cache.db"))
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was read, unpacked where it was gzipped."""

    path: Path
    data: bytes
    packed: bool = False

    @property
    def shown(self) -> str:
        """The path, as it was given."""
        return self.path.as_posix()

    @property
    def kind(self) -> str:
        """The suffix without `.gz`: `.yaml`, `.jsonl`, ..."""
        name = self.path.name.lower().removesuffix(".gz")
        return os.path.splitext(name)[1]  # noqa: PTH122 - it is a name, not a path

    def fault(self, message: str, line: int = 0) -> BadInput:
        """Say what is wrong with it."""
        return BadInput([Fault(self.shown, line, 0, message)])


def walked(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files that paths mean, in order: a folder means all below it, but for tools' own folders."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, names, files in os.walk(path):
            names[:] = sorted(set(names) - _NOT_OURS)
            yield from (Path(folder, name) for name in sorted(set(files) - _NOT_OURS))


def opened(path: Path) -> File:
    """Read a file. Raises BadInput for a damaged or too large gzip, StorageError when it cannot be read."""
    raw = atomic.read(path)
    if not raw.startswith(_GZIP):
        return File(path, raw)
    try:
        return File(path, decoded(raw, "gzip"), packed=True)
    except (Bomb, ValueError) as problem:
        raise BadInput([Fault(path.as_posix(), 0, 0, f"this gzip file cannot be read: {problem}")]) from None


def written(file: File, data: bytes) -> None:
    """Replace the file, whole or not at all. Raises StorageError."""
    atomic.write(file.path, [gzip.compress(data, mtime=0) if file.packed else data])
