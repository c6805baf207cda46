"""What files were found to say, kept beside the project: many times as fast to read as checking YAML.

An entry counts only for the very bytes it was made from and the very code that made it. All of them are one
SQLite file, `.replay/cache.db`: making a small file for each fixture costs as much as parsing it. It may be
deleted at any time, and any number of processes may use it.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import replay
from replay.conversation import Json

_BATCH = 200  # entries that wait for one transaction
_PATIENCE = 1.0  # seconds to wait for another process that writes
_AT_ONCE = "clean/"  # how the names of entries begin that are small and asked for in every case
_HELD = 10_000  # of these, at most; where there are more, each is asked for by itself
_TABLE = "CREATE TABLE IF NOT EXISTS entries (name TEXT PRIMARY KEY, entry TEXT NOT NULL)"


class Cached:
    """What a file in the project `root` says: `name` is its name in the cache, `content` its bytes.

    `rooms` are the packages whose code reads it.
    """

    def __init__(self, root: str, name: str, content: bytes, rooms: tuple[str, ...]) -> None:
        self._inside = not os.path.isabs(name) and ".." not in name.split("/")  # noqa: PTH117 - text is fast
        self._root, self._name = root, name
        self._key = hashlib.sha256(_code(rooms) + content).hexdigest()

    def get(self) -> Json:
        """Return what was kept; None where that was another content, or nothing can be read."""
        if not self._inside:
            return None
        entry = _store(self._root, os.getpid()).get(self._name)
        try:
            key, said = json.loads(entry or "")
        except (ValueError, TypeError, RecursionError):
            return None  # it is made anew
        return said if key == self._key else None

    def put(self, said: Json) -> None:
        """Keep what a file says, if it is in the project. What cannot be written is not kept."""
        if self._inside:
            _store(self._root, os.getpid()).put(self._name, json.dumps([self._key, said]))


class Later(Cached):
    """What is put here is kept when `keep` is called, and not at all when it is not."""

    _waits: Json = None

    def put(self, said: Json) -> None:
        """Hold what a file says."""
        self._waits = said

    def keep(self) -> None:
        """Keep it now."""
        if self._waits is not None:
            super().put(self._waits)


def forget(root: str) -> None:
    """Remove what is kept of the files of a project: it is of what they said before."""
    for name in ("cache.db", "cache.db-journal"):
        with contextlib.suppress(OSError):
            Path(root, ".replay", name).unlink()


class _Store:
    """The cache of one project, as this process uses it. Whatever fails, there is no entry, and no error."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._waiting: dict[str, str] = {}
        self._small: dict[str, str] | None = None
        self._many = False
        self._database: Any = None
        with contextlib.suppress(OSError, ImportError):
            self._open()
        atexit.register(self.flush)

    def get(self, name: str) -> str | None:
        """Return an entry."""
        with self._lock:
            if name in self._waiting:
                return self._waiting[name]
            if name.startswith(_AT_ONCE) and (small := self._read_at_once()) is not None:
                return small.get(name)
            found = self._run("execute", "SELECT entry FROM entries WHERE name = ?", (name,))
            row: tuple[str] | None = found and found.fetchone()
            return row[0] if row else None

    def _read_at_once(self) -> dict[str, str] | None:
        """Every entry of the kind that each case asks for: one question instead of thousands.

        None where they are too many to hold.
        """
        if self._small is None and not self._many:
            question = "SELECT name, entry FROM entries WHERE name GLOB ? LIMIT ?"
            found = self._run("execute", question, (f"{_AT_ONCE}*", _HELD + 1))
            self._hold(found or ())
        return self._small

    def _hold(self, entries: Iterable[tuple[str, str]]) -> None:
        held = {} if self._small is None else self._small
        held.update(entries)
        self._many = len(held) > _HELD
        self._small = None if self._many else held

    def put(self, name: str, entry: str) -> None:
        """Keep an entry, written with the next ones."""
        with self._lock:
            self._waiting[name] = entry
            full = len(self._waiting) >= _BATCH
        if full:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            if self._waiting:
                self._run(
                    "executemany", "INSERT OR REPLACE INTO entries VALUES (?, ?)", self._waiting.items()
                )
                self._run("commit")
                if self._small is not None:
                    self._hold((k, v) for k, v in self._waiting.items() if k.startswith(_AT_ONCE))
                self._waiting.clear()

    def _open(self) -> None:
        import sqlite3

        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / ".gitignore").write_text("*\n")
        self._database = sqlite3.connect(
            self._folder / "cache.db", timeout=_PATIENCE, check_same_thread=False
        )
        self._run("execute", "PRAGMA synchronous = OFF")
        self._run("execute", _TABLE)

    def _run(self, what: str, *arguments: Any) -> Any:
        """Ask the database; a damaged one is removed, to be made anew by the next process."""
        import sqlite3

        if self._database is None:
            return None
        try:
            return getattr(self._database, what)(*arguments)
        except sqlite3.OperationalError:  # locked for too long, or read only
            return None
        except sqlite3.DatabaseError:
            self._database = None
            with contextlib.suppress(OSError):
                (self._folder / "cache.db").unlink()
            return None


@cache
def _store(root: str, _process: int) -> _Store:
    """The store of a project; one of its own for each process, as a fork may not share a connection."""
    return _Store(Path(root, ".replay"))


@cache
def _code(rooms: tuple[str, ...]) -> bytes:
    """What changes when the code that reads does."""
    package = Path(replay.__file__).parent
    files = sorted(file for room in rooms for file in package.glob(f"{room}/*.py"))
    stamps = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr(stamps).encode()).digest()
