"""Which batches a run has sent, kept beside its cassettes so that none is lost and none is paid for twice.

`batches/<tag>.json` is written before a batch is made (then it names no id), after that, and when all its
answers are recorded. It holds the names of the requests, which are hashes: no content of a call.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from replay import atomic
from replay.cassette.lock import take
from replay.errors import BadInput, Fault, StorageError
from replay.runner import Planned


@dataclass(eq=False)
class Batch:
    """A batch. `ids` are the provider's batches that it may be, the likeliest first; none before it is made.

    `began` is when making it began (seconds since 1970); `names` are those of its requests in their order.
    """

    tag: str
    target: str
    began: float
    names: list[str]
    ids: list[str] = field(default_factory=list)
    waiting: dict[str, Planned] = field(default_factory=dict)  # cases, by the request that each waits for
    said: str = ""

    @classmethod
    def new(cls, target: str, waiting: dict[str, Planned]) -> Batch:
        """Return a batch that is about to be made."""
        return cls(secrets.token_hex(8), target, time.time(), list(waiting), waiting=waiting)

    def cases(self) -> list[Planned]:
        """The cases that wait for it, each once."""
        return list({id(planned): planned for planned in self.waiting.values()}.values())


class Ledger:
    """The batches of one run, in a folder that one process has at a time."""

    def __init__(self, folder: Path, salt: str) -> None:
        self._folder, self.salt = folder, salt

    def open_batches(self) -> list[Batch]:
        """Read the batches of which not every answer is known to be recorded. Raises BadInput."""
        found = [_read(path) for path in sorted(self._folder.glob("*.json"))]
        return [batch for batch in found if batch.names]

    def keep(self, batch: Batch) -> None:
        """Write a batch down. Raises StorageError."""
        kept = {name: getattr(batch, name) for name in ("tag", "target", "began", "names", "ids")}
        atomic.write(self.path(batch), [json.dumps(kept)])

    def close(self, batch: Batch) -> None:
        """Note that a batch has nothing more to give. Raises StorageError."""
        self.keep(replace(batch, names=[]))

    def drop(self, batch: Batch) -> None:
        """Forget a batch that was never made."""
        self.path(batch).unlink(missing_ok=True)

    def path(self, batch: Batch) -> Path:
        """Return where a batch is written down."""
        return self._folder / f"{batch.tag}.json"


@contextmanager
def opened(folder: Path) -> Iterator[Ledger]:
    """Open the ledger of a folder. Raises StorageError, and BadInput where another process has it."""
    path = folder / "salt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as problem:
        raise StorageError(f"{path}: cannot be written ({problem.strerror}); nothing was sent") from None
    try:
        if not take(fd):
            raise BadInput(f"{folder}: another process waits for the batches of this run; let it end first")
        yield Ledger(folder, _salt(fd))
    finally:
        os.close(fd)


def _salt(fd: int) -> str:
    salt = os.pread(fd, 100, 0).decode("ascii", "replace")
    if len(salt) == 32:
        return salt
    salt = secrets.token_hex(16)
    os.pwrite(fd, salt.encode(), 0)
    os.fsync(fd)
    return salt


def _read(path: Path) -> Batch:
    try:
        return Batch(**json.loads(atomic.read(path)))
    except (ValueError, TypeError):
        message = "is no record of a batch; look the batch up at the provider, then remove this file"
        raise BadInput([Fault(str(path), 0, 0, message)]) from None
