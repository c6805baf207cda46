"""A sample that covers: few conversations in which most of what occurs in a log occurs.

Conversations with the same features are one class. Greedily, the class is taken that adds most: a value
counts for more the rarer it is among those of its kind, and for next to nothing once it is covered. Each kind
counts as much as any other, however many values it has. Ties, and which conversation stands for its class,
are settled by a hash with the seed; repeats of a task stand in line behind tasks that are new. So a sample
depends on what is in the logs and on the seed, not on the order of files.

Memory is bounded: the 200 commonest values of a kind count, the others are one more value; and of the classes
the 20,000 with the rarest values are looked at.
"""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator

from replay.record._cover import Class, cover
from replay.record._coverage import Coverage, Value
from replay.record._hashes import Hashes

MOST_VALUES = 200  # of a kind
MOST_CLASSES = 20_000
_BATCH = 5_000

_COUNT = """
UPDATE signature SET count =
    (SELECT count(*) FROM conversation WHERE signature = signature.id AND skipped IS NULL)
"""
_PLACES = """
CREATE TABLE place AS
SELECT *, row_number() OVER (PARTITION BY kind ORDER BY count DESC, label, id) AS place
FROM feature WHERE count > 0
"""
_CLASSES = """
CREATE TABLE class (id INTEGER PRIMARY KEY, features TEXT, rarity REAL, count INTEGER);
"""
_CLASS = """
INSERT INTO class VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET count = count + excluded.count
"""
_RAREST = """
SELECT rarest.id, rarest.features, rarest.count, count(DISTINCT opening)
FROM (SELECT * FROM class ORDER BY rarity DESC, id LIMIT ?) AS rarest
JOIN signature ON signature.class = rarest.id
JOIN conversation ON conversation.signature = signature.id AND skipped IS NULL
GROUP BY rarest.id
"""
_KEEP = """
UPDATE conversation SET skipped = NULL WHERE id IN (
    SELECT id FROM (
        SELECT conversation.id, rank, row_number() OVER (PARTITION BY opening ORDER BY rank) AS repeat
        FROM conversation JOIN signature ON signature = signature.id
        WHERE class = :class AND skipped = :skipped
    ) ORDER BY repeat, rank LIMIT :count
)
"""


def sample(db: sqlite3.Connection, hashes: Hashes, size: int, seed: int, skipped: str) -> Coverage:
    """Note at all conversations but `size` of them why they are skipped; return what the others cover."""
    total: int = db.execute("SELECT count(*) FROM conversation WHERE skipped IS NULL").fetchone()[0]
    _count(db)
    values = _values(db, hashes)
    _classify(db, hashes, values)
    weights = _weights(set(values.values()), total)
    chosen, covered = cover(_rarest(db), weights, size, lambda name: hashes.number(seed, name))
    db.execute("UPDATE conversation SET skipped = ? WHERE skipped IS NULL", (skipped,))
    db.executemany(
        _KEEP, ({"class": name, "skipped": skipped, "count": count} for name, count in chosen.items())
    )
    ordered = sorted(set(values.values()), key=lambda value: (value.kind, value.label, value.id))
    missing = tuple(value for value in ordered if value.id not in covered)
    return Coverage(chosen.total(), total, seed, tuple(v for v in ordered if v.id in covered), missing)


def _count(db: sqlite3.Connection) -> None:
    """Count in how many conversations each feature occurs."""
    db.execute("CREATE INDEX by_signature ON conversation (signature)")
    db.execute(_COUNT)
    counted = Counter[int]()
    for features, count in db.execute("SELECT features, count FROM signature WHERE count > 0"):
        for name in _ids(features):
            counted[name] += count
        if len(counted) > _BATCH:
            _add_counts(db, counted)
            counted.clear()
    _add_counts(db, counted)


def _add_counts(db: sqlite3.Connection, counted: Counter[int]) -> None:
    db.executemany(
        "UPDATE feature SET count = count + ? WHERE id = ?", ((n, name) for name, n in counted.items())
    )


def _ids(features: str) -> Iterator[int]:
    return (int(token.rpartition(":")[2]) for token in features.split())


def _values(db: sqlite3.Connection, hashes: Hashes) -> dict[int | str, Value]:
    """Return what counts: the commonest values by their id, and by the name of a kind what its others are."""
    db.execute(_PLACES)
    common = db.execute("SELECT id, kind, label, count FROM place WHERE place <= ?", (MOST_VALUES,))
    found: dict[int | str, Value] = {row[0]: Value(*row) for row in common}
    others = db.execute("SELECT kind, sum(count) FROM place WHERE place > ? GROUP BY kind", (MOST_VALUES,))
    for kind, count in others:
        found[kind] = Value(hashes.number(kind), kind, "others", count)
    return found


def _classify(db: sqlite3.Connection, hashes: Hashes, values: dict[int | str, Value]) -> None:
    """Put signatures that are the same in what counts into one class."""
    db.execute(_CLASSES)
    for name, features, count in db.execute("SELECT id, features, count FROM signature WHERE count > 0"):
        found = {values.get(int(number)) or values[kind] for kind, number in _tokens(features)}
        ids = sorted(value.id for value in found)
        label = hashes.number(ids)
        rarity = sum(1 / value.count for value in found)
        db.execute(_CLASS, (label, " ".join(map(str, ids)), rarity, count))
        db.execute("UPDATE signature SET class = ? WHERE id = ?", (label, name))
    db.execute("CREATE INDEX by_class ON signature (class)")


def _tokens(features: str) -> Iterator[tuple[str, str]]:
    return ((kind, number) for kind, _, number in (token.partition(":") for token in features.split()))


def _weights(values: Collection[Value], total: int) -> dict[int, float]:
    """Weigh values by their rarity; all those of a kind weigh as much as all those of another."""
    rarity = {value: 1 + math.log(total / value.count) for value in values}
    kinds: dict[str, float] = {}
    for value, weight in rarity.items():
        kinds[value.kind] = kinds.get(value.kind, 0) + weight
    return {value.id: weight / kinds[value.kind] for value, weight in rarity.items()}


def _rarest(db: sqlite3.Connection) -> dict[int, Class]:
    rows = db.execute(_RAREST, (MOST_CLASSES,))
    return {
        name: Class(tuple(map(int, features.split())), count, tasks) for name, features, count, tasks in rows
    }
