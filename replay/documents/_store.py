"""Writing a file so that at any moment the old or the new one is there, whole."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from replay.errors import StorageError


def write(path: Path, text: str) -> None:
    """Replace a file by temp file + fsync + rename + directory fsync; missing folders are made.

    A symbolic link is followed and the mode of an existing file is kept. Raises StorageError; then what was
    there before is there still.
    """
    target = Path(os.path.realpath(path))
    temporary = target.parent / f".replay-{secrets.token_hex(6)}.tmp"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _refuse_read_only(target)
        _write_new(temporary, text.encode("utf-8"), target)
        temporary.replace(target)
        _sync_folder(target.parent)
    except OSError as problem:
        raise StorageError(f"cannot write {path} ({problem.strerror}); nothing was replaced") from problem
    finally:
        with contextlib.suppress(OSError):  # most often it is not there: it was renamed
            temporary.unlink()


def _refuse_read_only(target: Path) -> None:
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(13, "the file is read-only")


def _write_new(temporary: Path, data: bytes, like: Path) -> None:
    with temporary.open("xb") as file:
        if like.exists():
            temporary.chmod(like.stat().st_mode & 0o7777)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
