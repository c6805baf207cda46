"""The second pass: what is chosen is read again, cleaned, kept until its conversation is whole, written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import groupby
from typing import Any, NamedTuple

from replay.cassette.redact import Redactor
from replay.config import Project
from replay.conversation import Object
from replay.importers import Logged
from replay.record._calls import Refused
from replay.record._choice import THERE, TWICE
from replay.record._conversation import Exchange, Writing, Written
from replay.record._files import Log
from replay.record._hashes import Hashes
from replay.record._kept import keep, take
from replay.record._outcome import Outcome
from replay.record._project import write
from replay.record._reading import Reading, clean
from replay.record._suite import SuiteWriter
from replay.record._targets import Targets

_ROWS = """
SELECT exchange.id, log, place, refused, exchange.conversation, skipped, twin IS NOT NULL OR same IS NOT NULL,
    (SELECT name FROM there WHERE there.hash = conversation.hash)
FROM exchange LEFT JOIN conversation ON conversation.id = exchange.conversation
ORDER BY exchange.id
"""
_TWICE = """
SELECT exchange.id, exchange.log, exchange.place, first.step, first.attempt, name, target
FROM exchange JOIN exchange AS first ON first.id = coalesce(exchange.twin, exchange.id)
JOIN conversation ON conversation.id = first.conversation
LEFT JOIN written ON written.conversation = coalesce(same, conversation.id)
WHERE exchange.twin IS NOT NULL OR same IS NOT NULL ORDER BY exchange.id
"""
_LAST = """
SELECT exchange.log, max(exchange.id)
FROM exchange JOIN conversation ON conversation.id = exchange.conversation
WHERE skipped IS NULL GROUP BY exchange.log
"""
_MEMBERS = "SELECT id, log, step, attempt, digest FROM exchange WHERE conversation = ? ORDER BY step, attempt"


class _Row(NamedTuple):
    id: int
    log: int
    place: str
    refused: str | None
    conversation: int | None
    skipped: str | None
    twice: int
    name: str | None


class Import:
    """Writes what is chosen of the logs into the project."""

    def __init__(
        self,
        db: sqlite3.Connection,
        reading: Reading,
        project: Project,
        suite: SuiteWriter,
        writing: Writing,
        targets: Targets,
        redactor: Redactor,
        hashes: Hashes,
    ) -> None:
        self._db, self._reading, self._project, self._suite = db, reading, project, suite
        self._writing, self._targets, self._redactor, self._hashes = writing, targets, redactor, hashes
        # by file: the last exchange that is needed
        self._last: dict[int, int] = dict(db.execute(_LAST).fetchall())

    @property
    def needed(self) -> list[Log]:
        """The files that something is written of."""
        return [log for number, log in enumerate(self._reading.files) if number in self._last]

    def outcomes(self) -> Iterator[Outcome]:
        """Write, and yield what became of each exchange as soon as that is settled."""
        rows = map(_Row._make, self._db.execute(_ROWS))
        for number, group in groupby(rows, key=lambda row: row.log):
            yield from self._file(self._reading.files[number], group, self._last.get(number, 0))
        yield from map(self._twice, self._db.execute(_TWICE))

    def _twice(self, row: tuple[int, int, str, int, int, str | None, str | None]) -> Outcome:
        """The outcome of an exchange that was logged before: it is in the same conversation."""
        number, log, place, turn, attempt, name, target = row
        known: Object = {"turn": turn, "attempt": attempt, "skipped": TWICE, "number": number}
        return Outcome(self._reading.files[log].shown, place, name or "", target or "", **known)

    def _file(self, log: Log, rows: Iterable[_Row], last: int) -> Iterator[Outcome]:
        with closing(self._reading.exchanges(log)) as exchanges:
            for row in rows:
                logged = next(exchanges, None) if row.id <= last else None
                if row.twice:
                    continue
                if row.conversation is None or row.skipped:
                    yield self._left(log, row)
                else:
                    yield from self._taken(row, row.conversation, logged)

    def _left(self, log: Log, row: _Row) -> Outcome:
        """The outcome of an exchange that nothing is written of."""
        name = row.name if row.skipped == THERE else None
        told: Object = {"refused": row.refused or "", "skipped": row.skipped or "", "number": row.id}
        return Outcome(log.shown, row.place, name or "", **told)

    def _taken(self, row: _Row, conversation: int, logged: Logged | None) -> Iterator[Outcome]:
        """Keep an exchange, or write its conversation if it is the last one of it that was missing."""
        if logged is None or logged.place != row.place:
            logged = Logged("", row.place, refused="the log has changed while it was read")
        logged = clean(logged, self._redactor)
        waiting = "UPDATE conversation SET waiting = waiting - 1 WHERE id = ? RETURNING waiting, grown"
        ((left, grown),) = self._db.execute(waiting, (conversation,)).fetchall()
        if left:
            keep(self._db, row.id, logged)
            return
        members = self._db.execute(_MEMBERS, (conversation,)).fetchall()
        digests = [digest for *_, digest in members]
        exchanges = [self._exchange(member, logged if member[0] == row.id else None) for member in members]
        yield from self._conversation(exchanges, digests, grown)

    def _exchange(self, member: tuple[int, int, int, int, int], logged: Logged | None) -> Exchange:
        number, place, step, attempt, _ = member
        log = self._reading.files[place]
        logged = logged or take(self._db, number)
        return Exchange(number, log.shown, self._reading.format(log) or "", step, attempt, logged)

    def _conversation(
        self, exchanges: Sequence[Exchange], digests: Sequence[int], grown: str | None = None
    ) -> Iterator[Outcome]:
        """Write a conversation; one that cannot be written as a whole turn by turn."""
        ending = self._hashes.name(list(digests))
        there = self._db.execute("SELECT name FROM there WHERE hash = ?", (ending,)).fetchone()
        if there:
            yield from (_outcome(one, conversation=there[0], skipped=THERE) for one in exchanges)
            return
        try:
            written = self._written(exchanges, ending)
        except Refused as why:
            yield from self._apart(exchanges, digests, str(why))
            return
        if grown:
            written.notes[exchanges[-1].number].append(f"has grown out of {grown}, which stays as it is")
        yield from _imported(exchanges, written)

    def _apart(self, exchanges: Sequence[Exchange], digests: Sequence[int], why: str) -> Iterator[Outcome]:
        if exchanges[0].step == exchanges[-1].step:
            yield from (_outcome(one, refused=why) for one in exchanges)
            return
        pairs = zip(exchanges, digests, strict=True)
        for _, turn in groupby(pairs, key=lambda pair: pair[0].step):
            attempts, own = zip(*turn, strict=True)
            yield from self._conversation(attempts, own)

    def _written(self, exchanges: Sequence[Exchange], ending: str) -> Written:
        """Write all files of a conversation. Raises Refused, and then nothing of it is there."""
        try:
            written = self._writing(exchanges, ending)
        except RecursionError:
            raise Refused("nested too deeply") from None
        conversation, target = written.transcript.conversation, written.transcript.target
        self._targets.keep(target)
        self._suite.add(conversation.name, target.name, written.assertions, written.turns)
        try:
            write(self._project, written)
        except Refused:
            self._suite.undo()
            raise
        known = (exchanges[-1].number, conversation.name, target.name)
        self._db.execute("INSERT INTO written VALUES (?, ?, ?)", known)
        return written


def _outcome(exchange: Exchange, **known: Any) -> Outcome:
    return Outcome(exchange.file, exchange.logged.place, number=exchange.number, **known)


def _imported(exchanges: Sequence[Exchange], written: Written) -> Iterator[Outcome]:
    many = written.turns is not None
    for one in exchanges:
        yield _outcome(
            one,
            conversation=written.transcript.conversation.name,
            target=written.transcript.target.name,
            turn=one.step if many else 0,
            attempt=one.attempt,
            notes=tuple(written.notes.get(one.number, ())),
        )
