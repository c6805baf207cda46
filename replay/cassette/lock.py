"""One process at a time folds into a cassette: an advisory lock that the kernel frees when its holder dies.

`.<cassette>.lock` also names the versions of the cassette that Replay itself has written since recording
began, so that a change by another tool is told from the work of a process beside us. The last one out removes
it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from replay.atomic import write_all
from replay.errors import StorageError

PATIENCE = 30.0  # seconds to wait for a process that folds


class Lock:
    """A lock that is held."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path, self._fd = path, fd

    def trusted(self) -> set[str]:
        """The fingerprints of the versions that Replay has written."""
        return set(os.pread(self._fd, os.fstat(self._fd).st_size, 0).decode("ascii", "replace").split())

    def trust(self, fingerprint: str) -> None:
        """Name a version that is about to be written."""
        write_all(self._fd, f"{fingerprint}\n".encode())

    def remove(self) -> None:
        """Remove the lock file; who waits for it notices and makes a new one."""
        self.path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(cassette: Path) -> Iterator[Lock]:
    """Hold the lock of a cassette. Raises OSError, and StorageError when another process keeps it long."""
    path = cassette.with_name(f".{cassette.name}.lock")
    deadline = time.monotonic() + PATIENCE
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            if take(fd) and _still_there(path, fd):
                yield Lock(path, fd)
                return
        finally:
            os.close(fd)
        if time.monotonic() > deadline:
            raise StorageError(f"{cassette}: another process has kept {path} locked for {PATIENCE:.0f} s")
        time.sleep(0.01)


def take(fd: int) -> bool:
    """Lock an open file until it is closed; False when another process has it."""
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _still_there(path: Path, fd: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False
