"""A set of names that may be of any size: digests of them, in a temporary database of SQLite's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from hashlib import blake2b


class Seen:
    """Names that were seen."""

    def __init__(self, names: Iterable[str]) -> None:
        self._index = sqlite3.connect("")  # a temporary file that nobody else sees
        self._index.execute("CREATE TABLE seen (name BLOB PRIMARY KEY) WITHOUT ROWID")
        self._index.executemany("INSERT OR IGNORE INTO seen VALUES (?)", ((digest(name),) for name in names))

    def __contains__(self, name: str) -> bool:
        return bool(self._index.execute("SELECT 1 FROM seen WHERE name = ?", (digest(name),)).fetchall())


def digest(name: str) -> bytes:
    """Return 16 bytes that stand for a name."""
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()
