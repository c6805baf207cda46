"""Requests in one file, their answers in others, brought together by an id, in constant memory.

What is kept of a request is a digest of its id and where it stands, in a database of SQLite's that lives in a
temporary file of its own; no text of a log is copied to the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from replay.conversation import Object
from replay.importers import Logged, _lines
from replay.importers._items import again, items
from replay.importers._records import attempt, mapping

_SCHEMA = """
    CREATE TABLE asked (id BLOB, file INTEGER, at INTEGER, size INTEGER);
    CREATE TABLE answered (id BLOB, file INTEGER);
"""
_INDEXES = """
    CREATE INDEX asked_by_id ON asked (id);
    CREATE INDEX answered_by_id ON answered (id);
    CREATE INDEX answered_by_file ON answered (file);
"""
_SHARED = """
    SELECT asked.file, count(*) FROM answered JOIN asked USING (id)
    WHERE answered.file = ? GROUP BY asked.file ORDER BY 2 DESC, 1
"""


@dataclass(frozen=True, slots=True)
class Halves:
    """How a format's records are told apart and read.

    `asked` and `answered` return the id of a record that is (part of) a request, or an answer, alone; empty
    for any other. `logged(path, place, requests, answer)` makes a call of the records of one id: of a record
    that is both, of a request without its answer (None), of an answer without any request. `missing` is why
    the last is refused.
    """

    asked: Callable[[Object], str]
    answered: Callable[[Object], str]
    logged: Callable[[str, str, list[Object], Object | None], Logged]
    missing: str = "its input file is missing: give it together with this one"
    keys: tuple[str, ...] = ()


def beside(path: Path, sniff: Callable[[bytes], float]) -> list[Path]:
    """Return a file and those of its folder that are of its format, as `sniff` tells."""
    found = [other for other in sorted(path.parent.iterdir()) if other != path and other.is_file()]
    return [path, *(other for other in found if sniff(_lines.head(other)))]


class Join:
    """The files of one import whose records belong together."""

    def __init__(self, paths: Iterable[Path], halves: Halves) -> None:
        self._halves = halves
        self._paths = list(paths)
        self._index: sqlite3.Connection | None = None
        self._files: dict[int, int | None] = {}  # the file of an answer -> that of its requests

    def read(self, path: Path) -> Iterator[Logged]:
        """Yield the calls of one of the files: all but the requests whose answer is in another."""
        file, read = self._paths.index(path), self._halves.logged
        for item in items(path, *self._halves.keys):
            place, record = item.place, item.value
            if not isinstance(record, dict):
                yield Logged(str(path), place, refused=item.wrong)
            elif name := self._halves.answered(record):
                requests, missing = self._requests(file, _digest(name))
                logged = attempt(read, str(path), place, requests, record)
                yield replace(logged, refused=missing or logged.refused)
            elif not (name := self._halves.asked(record)):
                yield attempt(read, str(path), place, [record], record)
            elif not self._is_answered(file, _digest(name)):
                yield attempt(read, str(path), place, [record], None)

    def _requests(self, file: int, name: bytes) -> tuple[list[Object], str]:
        """Return the requests of an answer, else why there are none."""
        found = self._places(name)
        if len(found) > 1:
            own = self._file_of(file)
            found = {own: found[own]} if own in found else found
        if not found:
            return [], self._halves.missing
        if len(found) > 1:
            names = " and ".join(self._paths[asked].name for asked in sorted(found))
            return [], f"its request stands in {names}: give each of them a folder of its own"
        ((asked, places),) = found.items()
        try:
            with _lines.opened(self._paths[asked]) as stream:
                return [mapping(again(stream, at, size)) for at, size in places], ""
        except (ValueError, *_lines.DAMAGE) as problem:
            return [], f"its request cannot be read again from {self._paths[asked].name}: {problem}"

    def _is_answered(self, file: int, name: bytes) -> bool:
        answers = self._all("SELECT DISTINCT file FROM answered WHERE id = ?", name)
        alone = len(self._places(name)) == 1
        return any(alone or self._file_of(answer) == file for (answer,) in answers)

    def _places(self, name: bytes) -> dict[int, list[tuple[int, int]]]:
        found: dict[int, list[tuple[int, int]]] = {}
        for file, at, size in self._all("SELECT file, at, size FROM asked WHERE id = ? ORDER BY rowid", name):
            found.setdefault(file, []).append((at, size))
        return found

    def _file_of(self, file: int) -> int | None:
        """Return the file that most of a file's answers belong to; of several, the one beside it."""
        if file not in self._files:
            shared = self._all(_SHARED, file)
            best = [asked for asked, count in shared if count == shared[0][1]]
            near = [asked for asked in best if self._paths[asked].parent == self._paths[file].parent]
            self._files[file] = next((found[0] for found in (best, near) if len(found) == 1), None)
        return self._files[file]

    def _all(self, query: str, value: bytes | int) -> list[tuple[int, ...]]:
        self._index = self._index or self._indexed()
        return self._index.execute(query, (value,)).fetchall()

    def _indexed(self) -> sqlite3.Connection:
        index = sqlite3.connect("")  # a temporary file that nobody else sees
        index.executescript(_SCHEMA)
        for number, path in enumerate(self._paths):
            for item in items(path, *self._halves.keys):
                if not isinstance(item.value, dict):
                    continue
                if name := self._halves.answered(item.value):
                    index.execute("INSERT INTO answered VALUES (?, ?)", (_digest(name), number))
                elif name := self._halves.asked(item.value):
                    index.execute(
                        "INSERT INTO asked VALUES (?, ?, ?, ?)", (_digest(name), number, item.at, item.size)
                    )
        index.executescript(_INDEXES)
        return index


def _digest(name: str) -> bytes:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()
