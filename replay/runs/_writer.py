"""Writes `run.jsonl`: line by line while the run goes on, in the order of suites and cases when it ends."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from replay import atomic
from replay.cassette.lock import take
from replay.conversation import Object
from replay.errors import StorageError
from replay.places import Place, Places
from replay.runs._read import FORMAT, Key, lines, name_of, read_header

_SYNC = 1.0  # seconds between two times that a durable run is forced to the disk
_BLOCK = 1 << 16


class RunWriter:
    """Appends results to `<folder>/run.jsonl`. Each line is with the operating system before `add` returns.

    A later line of a case takes the place of an earlier one. `close` puts the lines into the order of their
    keys (suite, case id) and drops the replaced ones, so that a run is the same file however many workers
    played it, and however often it was resumed. Where lines stand is kept on disk: a run of any size takes
    the same memory. One thread writes; others may ask for outcomes meanwhile.

    `durable` also forces the lines to the disk, at most once a second: after a power failure the last second
    is missing. Its answers are not paid for again, as the cassettes of finished cases are on the disk before
    their results are added.

    Raises StorageError, also where another process is writing the same run.
    """

    def __init__(self, folder: Path, header: Object | None, *, durable: bool = False) -> None:
        """Begin a run; without a header, go on with the one that is there (see `resume`)."""
        self.path = folder / "run.jsonl"
        self.header = read_header(self.path) if header is None else {"replay": FORMAT} | header
        self._durable, self._synced = durable, time.monotonic()
        self._places = Places()
        self._ordered, self._last = True, ""
        self._end = 0
        try:
            if header is None:
                self._fd = self._opened()
                self._take_up()
            else:
                folder.mkdir(parents=True, exist_ok=True)
                self._fd = self._opened(os.O_CREAT)
                os.ftruncate(self._fd, 0)
                self._append(json.dumps(self.header).encode() + b"\n")
        except OSError as problem:
            raise StorageError(f"{folder}: cannot write the run ({problem.strerror})") from None

    @classmethod
    def resume(cls, folder: Path, *, durable: bool = False) -> RunWriter:
        """Go on with the run in a folder: a line that was cut is removed, all others stay.

        Raises BadInput where there is no run.
        """
        return cls(folder, None, durable=durable)

    def outcome_of(self, key: Key) -> str | None:
        """Return what a case has come to so far; None where it has no line."""
        place = self._places.get(name_of(key))
        return place and place.note

    def add(self, key: Key, line: str, outcome: str) -> None:
        """Append one result, given as its JSON line."""
        name, start, data = name_of(key), self._end, line.encode() + b"\n"
        self._append(data)
        self._places[name] = Place(start, len(data), note=outcome)
        self._ordered, self._last = self._ordered and self._last < name, name
        if self._durable and time.monotonic() - self._synced > _SYNC:
            self._sync()

    def close(self) -> None:
        """Sort the lines where they came out of order, and close the file."""
        try:
            if not self._ordered:
                atomic.write(self.path, self._sorted())
            elif self._durable:
                self._sync()
        finally:
            os.close(self._fd)
            self._places.close()

    def _opened(self, create: int = 0) -> int:
        fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | create, 0o666)
        if take(fd):
            return fd
        os.close(fd)
        raise StorageError(f"{self.path}: another process is writing this run")

    def _take_up(self) -> None:
        """Cut off what follows the last whole line, and learn where the others stand."""
        self._end = self._whole()
        os.ftruncate(self._fd, self._end)
        for line in lines(self.path, []):
            self._places[name_of(line.key)] = Place(line.start, len(line.text), note=line.outcome)
        self.header.pop("faults", None)  # what a merge found missing is made up for now
        self._ordered = False  # what is no result, and what was replaced, goes when the run is closed

    def _whole(self) -> int:
        end = os.fstat(self._fd).st_size
        while end:
            start = max(end - _BLOCK, 0)
            newline = os.pread(self._fd, end - start, start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
        return 0

    def _append(self, data: bytes) -> None:
        try:
            atomic.write_all(self._fd, data)
        except OSError as problem:
            with contextlib.suppress(OSError):  # no half of a line stays before what may come
                os.ftruncate(self._fd, self._end)
            raise StorageError(f"{self.path}: cannot write the run ({problem.strerror})") from None
        self._end += len(data)

    def _sync(self) -> None:
        try:
            os.fdatasync(self._fd)
        except OSError as problem:
            raise StorageError(f"{self.path}: cannot write the run ({problem.strerror})") from None
        self._synced = time.monotonic()

    def _sorted(self) -> Iterator[bytes]:
        yield json.dumps(self.header).encode() + b"\n"
        for place in self._places:
            yield os.pread(self._fd, place.length, place.start)
