"""The files of a batch: requests on their way out, answers on their way in.

Neither has a name on the disk: what they hold is not redacted, and is gone when the process is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO

from replay.conversation import Object
from replay.errors import StorageError
from replay.providers._batches import Answer, Batches
from replay.runner import Planned


class Outgoing:
    """Requests that are collected for one batch of a target."""

    def __init__(self, api: Batches) -> None:
        self._api = api
        self.file: IO[bytes] = TemporaryFile()  # noqa: SIM115 - closed with the batch
        self.file.write(api.head)
        self.waiting: dict[str, Planned] = {}

    def has_room(self, entry: bytes, most: int) -> bool:
        """Whether a batch of at most so many requests takes one more."""
        size = self.file.tell() + len(self._api.between) + len(entry) + len(self._api.tail)
        return not self.waiting or (len(self.waiting) < most and size <= self._api.most_bytes)

    def add(self, name: str, planned: Planned, entry: bytes) -> None:
        """Add a request. Raises StorageError."""
        try:
            self.file.write((self._api.between if self.waiting else b"") + entry)
        except OSError as problem:
            raise StorageError(f"a batch cannot be written ({problem.strerror}); it is not sent") from None
        self.waiting[name] = planned

    def finished(self) -> IO[bytes]:
        """Return the file, whole. Raises StorageError."""
        try:
            self.file.write(self._api.tail)
            self.file.flush()
            self.file.seek(0)
        except OSError as problem:
            raise StorageError(f"a batch cannot be written ({problem.strerror}); it is not sent") from None
        return self.file


class Answers:
    """The answers of a target's batch that has ended: on disk, found by the names of their requests."""

    def __init__(self, api: Batches, target: str, batch: str) -> None:
        self._api, self.target = api, target
        self._file: IO[bytes] = TemporaryFile()  # noqa: SIM115 - closed by `with`
        api.download(batch, self._file)
        self._file.seek(0)
        self._places = dict(self._found())

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __bool__(self) -> bool:
        return bool(self._places)

    def __enter__(self) -> Answers:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def get(self, name: str) -> Answer | None:
        """Return what a request was answered, None where the batch does not mention it."""
        if name not in self._places:
            return None
        self._file.seek(self._places[name])
        return self._api.answer(json.loads(self._file.readline()))

    def _found(self) -> Iterator[tuple[str, int]]:
        start = 0
        for line in self._file:
            if name := _name(line):
                yield name, start
            start += len(line)


def _name(line: bytes) -> str:
    """The name of the request that a line answers; "" for a line that is cut or says nothing."""
    try:
        data: Object = json.loads(line)
        return str(data["custom_id"])
    except (ValueError, TypeError, KeyError):
        return ""
