"""Where things stand in files, by name: an index on disk, so that memory does not grow with their number.

A temporary SQLite database: one of an empty name is made on disk, its name deleted at once, and keeps about
two megabytes of it in memory. Nothing is left behind, however the process ends.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

_TABLE = """
CREATE TABLE place (
    name BLOB PRIMARY KEY, start INTEGER NOT NULL, length INTEGER NOT NULL, file INTEGER NOT NULL, note TEXT
) WITHOUT ROWID
"""


class Place(NamedTuple):
    """So many bytes from `start`, in file number `file`; `note` is whatever is to be known of them."""

    start: int
    length: int
    file: int = 0
    note: str = ""


class Places:
    """Places by name, in the order of names. One thread at a time may use it."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for command in ("PRAGMA journal_mode = OFF", _TABLE, "BEGIN"):
            self._database.execute(command)

    def __setitem__(self, name: str, place: Place) -> None:
        self._database.execute("INSERT OR REPLACE INTO place VALUES (?, ?, ?, ?, ?)", (_bytes(name), *place))

    def get(self, name: str) -> Place | None:
        """Return the place of a name."""
        found = self._database.execute(
            "SELECT start, length, file, note FROM place WHERE name = ?", (_bytes(name),)
        )
        row = found.fetchone()
        return row and Place(*row)

    def __iter__(self) -> Iterator[Place]:
        return (
            Place(*row)
            for row in self._database.execute("SELECT start, length, file, note FROM place ORDER BY name")
        )

    def close(self) -> None:
        """Let go of it."""
        self._database.close()


def _bytes(name: str) -> bytes:
    """A name as SQLite sorts it just as Python does; half a surrogate pair may stand in a file's name."""
    return name.encode("utf-8", "surrogatepass")
