"""Files read whole and replaced in one step: the old bytes or the new ones, never a mixture.

Temporary file in the same folder, fsync, rename, fsync of the folder. A symbolic link is followed and stays
one; the mode of the file is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from replay.errors import BadInput, Fault, StorageError

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read(path: Path) -> bytes:
    """Return the bytes of a regular file.

    Raises BadInput for anything else, and StorageError when it is not there or cannot be read.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = _KINDS.get(stat.S_IFMT(mode), "a special file")
            raise BadInput([Fault(str(path), 0, 0, f"this is {kind}, not a file")])
        with path.open("rb", buffering=0) as file:
            return file.read()
    except ValueError:
        raise BadInput([Fault(ascii(str(path)), 0, 0, "a file name cannot hold NUL")]) from None
    except OSError as problem:
        raise StorageError(f"{path}: cannot be read ({problem.strerror})") from None


def write(path: Path, pieces: Iterable[str | bytes], ready: Callable[[str], None] | None = None) -> None:
    """Replace (or create) a file, its folders too.

    `ready` is called with the SHA-256 (hex) of the new bytes before they take their place.
    Raises StorageError, which says whether the file was replaced: only once all bytes had reached the disk.
    """
    try:
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
        try:
            digest = _write_new(temporary, pieces, _mode(target))
            if ready:
                ready(digest)
            temporary.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except (OSError, RuntimeError) as problem:  # RuntimeError: links that lead in a circle
        reason = getattr(problem, "strerror", None) or problem
        raise StorageError(f"cannot write {path} ({reason}); nothing was replaced") from None
    try:
        _sync_folder(target.parent)
    except OSError as problem:
        raise StorageError(f"{path} is written, but may not outlive a crash ({problem.strerror})") from None


def write_all(fd: int, data: bytes) -> None:
    """Write every byte. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _write_new(path: Path, pieces: Iterable[str | bytes], mode: int | None) -> str:
    digest = hashlib.sha256()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        for piece in pieces:
            data = piece.encode() if isinstance(piece, str) else piece
            digest.update(data)
            write_all(fd, data)
        if mode is not None:
            os.fchmod(fd, mode)
        os.fsync(fd)
    finally:
        os.close(fd)
    return digest.hexdigest()


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None


def _sync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
