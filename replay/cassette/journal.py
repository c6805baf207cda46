"""The journal of one recording: an append-only file beside the cassette, a line for each interaction.

`.<cassette>.<pid>-<random>.journal` belongs to one writer, who keeps it locked: a journal that can be locked
was left behind by a process that died. Its first line says what it is; every line is written in one call, so
that being killed at any moment loses nothing that had been written.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replay.atomic import write_all
from replay.cassette.forms import from_shape
from replay.cassette.interaction import Interaction
from replay.cassette.lock import take
from replay.cassette.shape import to_shape
from replay.conversation import Object
from replay.errors import Fault, StorageError
from replay.jsontext import parse

VERSION = 1


@dataclass(slots=True)
class Journal:
    """A journal that this process holds.

    `base` is the fingerprint of the cassette when recording began, at the time `began`, in mode `mode`.
    """

    path: Path
    fd: int
    base: str
    began: str
    mode: str

    def append(self, interaction: Interaction) -> None:
        """Add one finished interaction. Raises StorageError; then the journal ends as it did before."""
        size = os.fstat(self.fd).st_size
        written = line(to_shape(interaction))
        try:
            write_all(self.fd, written)
        except OSError as problem:
            with contextlib.suppress(OSError):
                os.ftruncate(self.fd, size)
            raise StorageError(f"cannot write {self.path} ({problem.strerror})") from None

    def interactions(self) -> Iterator[Interaction]:
        """Yield every whole interaction that was written. Raises StorageError."""
        try:
            written = self.path.read_bytes()
        except OSError as problem:
            raise StorageError(f"{self.path}: cannot be read ({problem.strerror})") from None
        faults: list[Fault] = []
        for data in _lines(written)[1:]:
            interaction = from_shape(data, str(self.path), 0, faults)
            if interaction is not None:
                yield interaction

    def discard(self) -> None:
        """Remove the journal: what it held is in the cassette."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the journal and leave it where it is."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def begin(cassette: Path, base: str, mode: str, began: str) -> Journal:
    """Start a journal; call it with the cassette's lock held. Raises OSError when it cannot be written."""
    path = cassette.with_name(f".{cassette.name}.{os.getpid()}-{secrets.token_hex(3)}.journal")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o666)
    try:
        take(fd)
        header = {
            "replay_journal": VERSION,
            "cassette": cassette.name,
            "base": base,
            "began": began,
            "mode": mode,
        }
        write_all(fd, line(header))
    except BaseException:
        path.unlink(missing_ok=True)
        os.close(fd)
        raise
    return Journal(path, fd, base, began, mode)


def paths(cassette: Path) -> list[Path]:
    """All journals of a cassette, of living and of dead writers."""
    prefix = f".{cassette.name}."
    try:
        names = sorted(entry.name for entry in os.scandir(cassette.parent))
    except OSError:
        return []
    return [
        cassette.with_name(name) for name in names if name.startswith(prefix) and name.endswith(".journal")
    ]


def orphans(cassette: Path) -> Iterator[Journal]:
    """Take over, one by one, the journals whose writers died."""
    for path in paths(cassette):
        with contextlib.suppress(OSError):
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
            header = _header(path) if take(fd) else None
            if header is None:
                os.close(fd)
            else:
                yield Journal(path, fd, header["base"], header["began"], header["mode"])


def line(data: Object) -> bytes:
    """Write one line: JSON, in which bytes stand as `{base64_string: ...}`."""
    return json.dumps(data, separators=(",", ":"), default=_bytes).encode() + b"\n"


def _bytes(value: Any) -> Object:
    return {"base64_string": base64.b64encode(value).decode("ascii")}


def _lines(written: bytes) -> list[Any]:
    """Every line that was written whole; a header that was not leaves nothing."""
    return [data for data in map(_parsed, written.split(b"\n")[:-1]) if isinstance(data, dict)]


def _parsed(text: bytes) -> Any:
    try:
        return parse(text)
    except ValueError:
        return None


def _header(path: Path) -> Object | None:
    found: Iterable[Any] = _lines(path.read_bytes()[:4096].partition(b"\n")[0] + b"\n")
    known = {"base": "", "began": "", "mode": ""}
    return next((known | data for data in found if data.get("replay_journal") == VERSION), known)
