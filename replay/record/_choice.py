"""Which conversations are written: those that pass the filters, are in the sample, and are not there yet."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from itertools import chain, groupby
from pathlib import Path

from replay.record._coverage import Coverage
from replay.record._hashes import Hashes
from replay.record._sample import sample
from replay.record._threads import Member, conversations, name

WHERE = "left out by --where"
SAMPLE = "left out by --sample"
THERE = "already there"
TWICE = "logged twice"

_SKIP = "UPDATE conversation SET skipped = ? WHERE skipped IS NULL AND hash IN (SELECT hash FROM there)"
_SAME = """
UPDATE conversation SET same = first, skipped = ? FROM (
    SELECT hash AS same_hash, min(id) AS first FROM conversation
    WHERE skipped IS NULL GROUP BY hash HAVING count(*) > 1
) WHERE skipped IS NULL AND hash = same_hash AND id > first
"""
_NAMED = re.compile(r"(.+-([0-9a-f]{12}))\.(?:yaml|yml|json)")


def choose(
    db: sqlite3.Connection, hashes: Hashes, folder: Path, size: int | None, seed: int
) -> Coverage | None:
    """Note in the index what is not written, and why; return what a sample covers.

    `folder` holds the suite's conversations; those that are there are not written again, however they were
    edited since. A sample is drawn from the log alone, so that what is there does not change it.
    """
    db.execute("BEGIN")
    db.executemany("INSERT OR IGNORE INTO there VALUES (?, ?)", _there(folder))
    for members in conversations(db):
        _add(db, hashes, members, seed)
    db.execute(_SAME, (TWICE,))
    coverage = None if size is None else sample(db, hashes, size, seed, SAMPLE)
    db.execute(_SKIP, (THERE,))
    db.execute("COMMIT")
    return coverage


def _there(folder: Path) -> Iterator[tuple[str, str]]:
    for path in folder.glob("*"):
        found = _NAMED.fullmatch(path.name)
        if found and path.name.isprintable():
            yield found[2], f"{folder.name}/{found[1]}"


def _add(db: sqlite3.Connection, hashes: Hashes, members: list[Member], seed: int) -> None:
    features = sorted(set(chain.from_iterable(member.features.split() for member in members)))
    signature, ending = hashes.number(features), name(hashes, members)
    skipped = None if any(member.fits for member in members) else WHERE
    known = (members[0].conversation, len(members), ending, members[0].asked, signature)
    told = (hashes.number(seed, ending), skipped, _grown(db, hashes, members))
    db.execute(
        "INSERT OR IGNORE INTO signature (id, features) VALUES (?, ?)", (signature, " ".join(features))
    )
    db.execute("INSERT INTO conversation VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)", (*known, *told))


def _grown(db: sqlite3.Connection, hashes: Hashes, members: list[Member]) -> str | None:
    """Return the longest conversation that is there and has the first turns of this one."""
    grown, so_far = None, list[Member]()
    for _, attempts in groupby(members[:-1], key=lambda member: member.step):
        so_far += attempts
        found = db.execute("SELECT name FROM there WHERE hash = ?", (name(hashes, so_far),)).fetchone()
        grown = found[0] if found else grown
    return grown
