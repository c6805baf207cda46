"""What is known of every exchange of an import, in a temporary SQLite database: hashes, counts, short labels.

SQLite makes the database of an empty name on disk, deletes its name at once and keeps a few megabytes of it
in memory: nothing is left behind, however the process ends.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from replay.record._features import Feature

_TABLES = """
CREATE TABLE exchange (
    id INTEGER PRIMARY KEY,             -- in the order in which they are read
    log INTEGER NOT NULL,               -- which file
    place TEXT NOT NULL,
    refused TEXT,
    digest INTEGER,                     -- of all that was asked and answered
    asked INTEGER,                      -- of the scope, the settings and all messages
    said INTEGER,                       -- of the reply, if there is a whole one
    again INTEGER NOT NULL DEFAULT 0,   -- it ended in an error that another try may mend
    thread INTEGER NOT NULL DEFAULT 0,  -- of the id that the log gives to a conversation
    moment REAL NOT NULL DEFAULT 0,     -- when it was asked, in seconds since 1970
    fits INTEGER NOT NULL DEFAULT 1,    -- all filters
    features TEXT NOT NULL DEFAULT '',  -- `kind:id`, with spaces between
    twin INTEGER,                       -- the same exchange, where it was logged before
    turn INTEGER,                       -- the last attempt of the same call
    attempt INTEGER NOT NULL DEFAULT 1,
    before INTEGER,                     -- the turn before in its conversation
    after INTEGER,
    conversation INTEGER,
    step INTEGER NOT NULL DEFAULT 1     -- which turn of its conversation
);
CREATE TABLE prefix (                   -- where an earlier request of the same conversation may have ended
    child INTEGER NOT NULL,
    size INTEGER NOT NULL,              -- in messages
    asked INTEGER NOT NULL,
    said INTEGER NOT NULL               -- of the assistant message that follows
);
CREATE TABLE conversation (
    id INTEGER PRIMARY KEY,             -- its last exchange
    waiting INTEGER NOT NULL,           -- how many of its exchanges have not come yet
    hash TEXT NOT NULL,                 -- the end of its name
    opening INTEGER NOT NULL,           -- what its first request asked
    signature INTEGER NOT NULL,         -- of its features
    rank INTEGER NOT NULL,              -- its place among those with the same features
    skipped TEXT,                       -- why it is not written
    grown TEXT,                         -- the conversation that is there of its first turns
    same INTEGER                        -- an earlier conversation of the same exchanges
);
CREATE TABLE feature (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, label TEXT NOT NULL, count INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE signature (                -- features that come together
    id INTEGER PRIMARY KEY, features TEXT NOT NULL, count INTEGER NOT NULL DEFAULT 0, class INTEGER
);
CREATE TABLE there (hash TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE written (conversation INTEGER PRIMARY KEY, name TEXT NOT NULL, target TEXT NOT NULL);
CREATE TABLE kept (exchange INTEGER PRIMARY KEY, logged TEXT NOT NULL);
"""
_FEATURE = "INSERT OR IGNORE INTO feature (id, kind, label) VALUES (?, ?, ?)"
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One exchange as it goes into the index; the fields are the columns'."""

    log: int
    place: str
    refused: str | None = None
    digest: int | None = None
    asked: int | None = None
    said: int | None = None
    again: bool = False
    thread: int = 0
    moment: float = 0
    fits: bool = True
    features: tuple[Feature, ...] = ()
    prefixes: tuple[tuple[int, int, int], ...] = ()  # size, asked, said


_COLUMNS = [one.name for one in fields(Row) if one.name != "prefixes"]
_ROW = """
INSERT INTO exchange (
    id, turn, log, place, refused, digest, asked, said, again, thread, moment, fits, features
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def database() -> sqlite3.Connection:
    """Open the database of one import."""
    db = sqlite3.connect("", isolation_level=None)
    db.executescript(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;"
        "PRAGMA cache_size = -8000; PRAGMA threads = 0;"
    )
    db.executescript(_TABLES)
    return db


def fill(db: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Write exchanges, numbered from 1."""
    db.execute("BEGIN")
    for number, batch in _batches(rows):
        ids = range(number, number + len(batch))
        db.executemany(_ROW, (_values(ordinal, row) for ordinal, row in zip(ids, batch, strict=True)))
        prefixes = ((ordinal, *one) for ordinal, row in zip(ids, batch, strict=True) for one in row.prefixes)
        db.executemany("INSERT INTO prefix VALUES (?, ?, ?, ?)", prefixes)
        features = {feature for row in batch for feature in row.features}
        db.executemany(_FEATURE, ((one.id, one.kind, _storable(one.label)) for one in features))
    db.execute("COMMIT")


def _batches(rows: Iterable[Row]) -> Iterator[tuple[int, list[Row]]]:
    number, batch = 1, list[Row]()
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield number, batch
            number, batch = number + len(batch), []
    yield number, batch


def _values(ordinal: int, row: Row) -> tuple[object, ...]:
    values = [getattr(row, name) for name in _COLUMNS]
    values[-1] = " ".join(f"{feature.kind}:{feature.id}" for feature in row.features)
    return (ordinal, ordinal, *(_storable(value) for value in values))


def _storable(value: object) -> object:
    """Half a surrogate pair is written as its escape."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
