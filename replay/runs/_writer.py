"""Writes `run.jsonl`: line by line while the run goes on, in the order of suites and cases when it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from replay.conversation import Object
from replay.errors import StorageError

Key = tuple[str, str]


class RunWriter:
    """Appends results to `<folder>/run.jsonl`. Each line is whole on disk before `add` returns.

    `close` puts the lines into the order of their keys (suite, case id), so that a run is the same file
    however many workers played it. Raises StorageError.
    """

    def __init__(self, folder: Path, header: Object) -> None:
        self.path = folder / "run.jsonl"
        self._places: list[tuple[Key, int, int]] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w+b")
        except OSError as problem:
            raise StorageError(f"{folder}: cannot write the run ({problem.strerror})") from None
        self._header = self._write(json.dumps({"replay": 1} | header))

    def add(self, key: Key, line: str) -> None:
        """Append one result, given as its JSON line."""
        start = self._header if not self._places else self._places[-1][1] + self._places[-1][2]
        self._places.append((key, start, self._write(line)))

    def close(self) -> None:
        """Sort the lines where they came out of order, and close the file."""
        if self._places != sorted(self._places):
            self._sort()
        self._file.close()

    def _write(self, line: str) -> int:
        data = line.encode() + b"\n"
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as problem:
            raise StorageError(f"{self.path}: cannot write the run ({problem.strerror})") from None
        return len(data)

    def _sort(self) -> None:
        sorted_path = self.path.with_suffix(".tmp")
        with sorted_path.open("wb") as out:
            for block in self._blocks():
                out.write(block)
        sorted_path.replace(self.path)

    def _blocks(self) -> Iterator[bytes]:
        self._file.seek(0)
        yield self._file.read(self._header)
        for _, start, length in sorted(self._places):
            self._file.seek(start)
            yield self._file.read(length)
