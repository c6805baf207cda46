"""Where things stand in files, by name: an index on disk, so that memory does not grow with their number.

A temporary SQLite database: one of an empty name is made on disk, its name deleted at once, and keeps about
two megabytes of it in memory. Nothing is left behind, however the process ends.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from replay.errors import StorageError

_TABLE = """
CREATE TABLE place (
    name BLOB PRIMARY KEY, start INTEGER NOT NULL, length INTEGER NOT NULL, number INTEGER NOT NULL, note TEXT
) WITHOUT ROWID
"""
_ONE = "SELECT start, length, number, note FROM place WHERE name = ?"


class Place(NamedTuple):
    """So many bytes from `start`; `number` and `note` are whatever is to be known of them."""

    start: int
    length: int
    number: int = 0
    note: str = ""


class Places:
    """Places by name, in the order of names. Threads may share it, but not while it is gone through.

    Raises StorageError.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for command in ("PRAGMA journal_mode = OFF", _TABLE, "BEGIN"):
            self._run(command)

    def __setitem__(self, name: str, place: Place) -> None:
        with self._lock:
            self._run("INSERT OR REPLACE INTO place VALUES (?, ?, ?, ?, ?)", (_bytes(name), *place))

    def get(self, name: str) -> Place | None:
        """Return the place of a name."""
        with self._lock:
            found = self._run(_ONE, (_bytes(name),))
            row = found.fetchone()
        return row and Place(*row)

    def __iter__(self) -> Iterator[Place]:
        return (place for _, place in self.items())

    def items(self) -> Iterator[tuple[str, Place]]:
        """Yield names with their places, in the order of names."""
        rows = self._run("SELECT name, start, length, number, note FROM place ORDER BY name")
        return ((name.decode("utf-8", "surrogatepass"), Place(*row)) for name, *row in rows)

    def _run(self, command: str, values: Sequence[bytes | int | str] = ()) -> sqlite3.Cursor:
        try:
            return self._database.execute(command, values)
        except sqlite3.Error as problem:
            raise StorageError(f"a temporary file cannot be used ({problem})") from None

    def close(self) -> None:
        """Let go of it."""
        self._database.close()


def _bytes(name: str) -> bytes:
    """A name as SQLite sorts it just as Python does; half a surrogate pair may stand in a file's name."""
    return name.encode("utf-8", "surrogatepass")
