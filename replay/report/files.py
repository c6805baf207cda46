"""Files that are whole or not there: written beside their place and moved into it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from replay.errors import StorageError


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of `path` when the block ends well. Raises StorageError."""
    temp = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temp.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temp.replace(path)
        _sync(path.parent)
    except OSError as problem:
        reason = problem.strerror or problem
        raise StorageError(f"cannot write {path} ({reason}); nothing was replaced") from None
    finally:
        temp.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
