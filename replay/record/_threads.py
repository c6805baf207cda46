"""Which exchanges belong together: the same one logged twice, tries of one call, turns of one conversation.

- An exchange that is in the logs again, byte for byte, is the same one.
- A request that is sent again after an error which another try may mend is a further attempt of the same
  turn. Equal requests that were both answered are two conversations: repeats of one task.
- A request whose messages begin with all those of an earlier one, and go on with an assistant's message, is
  the next turn of that conversation. Where several earlier ones could be meant it is the one whose reply that
  message is, and then the newest; each has one next turn at most. Model, parameters, tools and address are
  the same in all turns; where they change, or history is rewritten, a new conversation begins.
- Turns that ended in an error, or have no answer, are conversations of their own.

All of it happens in the index, on disk; no list here is longer than one conversation.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from replay.record._hashes import Hashes

LATEST = 600.0  # seconds after which asking again is no further attempt
MOST_ATTEMPTS = 20

_INDEXES = """
CREATE INDEX by_asked ON exchange (asked, thread, moment, id) WHERE refused IS NULL;
CREATE INDEX by_said ON exchange (asked, said, thread, moment, id)
    WHERE said IS NOT NULL AND after IS NULL AND twin IS NULL;
CREATE INDEX by_thread ON exchange (asked, thread, moment, id)
    WHERE said IS NOT NULL AND after IS NULL AND twin IS NULL;
"""
_TWINS = """
UPDATE exchange SET twin = first FROM (
    SELECT digest AS same, asked AS asked_same, min(id) AS first FROM exchange
    WHERE refused IS NULL GROUP BY digest, asked HAVING count(*) > 1
) WHERE refused IS NULL AND digest = same AND asked = asked_same AND id > first
"""
_TRIED = """
SELECT id, asked, thread, again, moment FROM exchange
WHERE refused IS NULL AND twin IS NULL AND asked IN (SELECT asked FROM exchange WHERE again)
ORDER BY asked, thread, moment, id
"""
# A prefix is of use where an earlier request was just that.
_USEFUL = """
CREATE TABLE link AS SELECT * FROM prefix WHERE EXISTS (
    SELECT 1 FROM exchange WHERE exchange.asked = prefix.asked AND refused IS NULL
);
DROP TABLE prefix;
CREATE INDEX by_child ON link (child, size DESC);
"""
_CHILDREN = """
SELECT id, thread, moment FROM exchange
WHERE said IS NOT NULL AND twin IS NULL AND before IS NULL AND id IN (SELECT child FROM link)
ORDER BY moment, id
"""
# The ways to find the turn before, the surest first: its reply is the assistant message and the log gives it
# the same thread; its reply is the assistant message; the log gives it the same thread, or has none.
_PARENTS = (
    """
    SELECT id FROM exchange
    WHERE asked = :asked AND said = :said AND thread = :thread AND (moment, id) < (:moment, :id)
    AND after IS NULL AND twin IS NULL ORDER BY moment DESC, id DESC LIMIT 1
    """,
    """
    SELECT id FROM exchange
    WHERE asked = :asked AND said = :said AND id != :id AND after IS NULL AND twin IS NULL LIMIT 1
    """,
    """
    SELECT id FROM exchange
    WHERE asked = :asked AND said IS NOT NULL AND thread = :thread AND (moment, id) < (:moment, :id)
    AND after IS NULL AND twin IS NULL ORDER BY moment DESC, id DESC LIMIT 1
    """,
)
_MEMBERS = """
SELECT conversation, id, step, asked, digest, fits, features FROM exchange
WHERE conversation IS NOT NULL ORDER BY conversation, step, attempt
"""


class Member(NamedTuple):
    """One exchange of a conversation, in the order of its turns."""

    conversation: int
    id: int
    step: int
    asked: int
    digest: int
    fits: int
    features: str


def group(db: sqlite3.Connection) -> None:
    """Find out, for each exchange, its conversation, its turn there and which attempt it is."""
    db.execute("BEGIN")
    db.execute(_TWINS)
    for statement in _INDEXES.split(";"):
        db.execute(statement)
    for attempts in _calls(db.execute(_TRIED)):
        _note_attempts(db, attempts)
    for statement in _USEFUL.split(";"):
        db.execute(statement)
    for query in _PARENTS:
        for child, thread, moment in db.execute(_CHILDREN):
            _find_parent(db, query, {"id": child, "thread": thread, "moment": moment})
    _number(db)
    db.execute("COMMIT")


def conversations(db: sqlite3.Connection) -> Iterator[list[Member]]:
    """Yield the exchanges of each conversation."""
    members = map(Member._make, db.execute(_MEMBERS))
    return (list(group) for _, group in groupby(members, key=lambda member: member.conversation))


def name(hashes: Hashes, members: Iterable[Member]) -> str:
    """Return the hash at the end of a conversation's name: it changes with whatever was asked or answered."""
    return hashes.name([member.digest for member in members])


Tried = tuple[int, int, int, int, float]  # id, asked, thread, again, moment


def _calls(rows: Iterable[Tried]) -> Iterator[list[Tried]]:
    """Yield the attempts of one call together."""
    call: list[Tried] = []
    for row in rows:
        if call and not _goes_on(call, row):
            yield call
            call = []
        call.append(row)
    if call:
        yield call


def _goes_on(call: list[Tried], row: Tried) -> bool:
    _, asked, thread, again, moment = call[-1]
    timely = not (moment and row[4]) or row[4] - moment <= LATEST
    return bool(again) and (asked, thread) == row[1:3] and timely and len(call) < MOST_ATTEMPTS


def _note_attempts(db: sqlite3.Connection, attempts: list[Tried]) -> None:
    last = attempts[-1][0]
    numbered = enumerate(attempts, 1)
    db.executemany(
        "UPDATE exchange SET turn = ?, attempt = ? WHERE id = ?",
        [(last, attempt, row[0]) for attempt, row in numbered if len(attempts) > 1],
    )


def _find_parent(db: sqlite3.Connection, query: str, child: dict[str, float]) -> None:
    links = db.execute("SELECT asked, said FROM link WHERE child = ? ORDER BY size DESC", (child["id"],))
    for asked, said in links.fetchall():
        found = db.execute(query, child | {"asked": asked, "said": said}).fetchone()
        if found:
            db.execute("UPDATE exchange SET before = ? WHERE id = ?", (found[0], child["id"]))
            db.execute("UPDATE exchange SET after = ? WHERE id = ?", (child["id"], found[0]))
            return


def _number(db: sqlite3.Connection) -> None:
    """Give the turns of each conversation their numbers, and their attempts with them."""
    db.execute("UPDATE exchange SET conversation = id WHERE refused IS NULL AND twin IS NULL AND turn = id")
    for (last,) in db.execute("SELECT id FROM exchange WHERE after IS NULL AND before IS NOT NULL"):
        turns = list(_back_from(db, last))[::-1]
        db.executemany(
            "UPDATE exchange SET conversation = ?, step = ? WHERE id = ?",
            [(last, step, turn) for step, turn in enumerate(turns, 1)],
        )
    db.execute(
        "UPDATE exchange SET (conversation, step) ="
        " (SELECT conversation, step FROM exchange AS final WHERE final.id = exchange.turn) WHERE turn != id"
    )
    db.execute("CREATE INDEX by_conversation ON exchange (conversation, step, attempt)")


def _back_from(db: sqlite3.Connection, last: int) -> Iterator[int]:
    turn: int | None = last
    while turn is not None:
        yield turn
        (turn,) = db.execute("SELECT before FROM exchange WHERE id = ?", (turn,)).fetchone()
