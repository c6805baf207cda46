"""Files of spans and logs as calls to models, with the events of a call joined to its span.

A span and its events may stand in any order and in different files. Where an event stands is kept by a
digest of its span's id in a temporary database of SQLite's; no text of a log is copied, and memory does not
grow.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

from replay.importers import Logged, _lines
from replay.importers._calls import CALL, WRAPPER, kind, told
from replay.importers._gen_ai import EVENTS
from replay.importers._generation import Generation, built
from replay.importers._items import Item, again, items
from replay.importers._records import ODD
from replay.importers._seen import digest
from replay.importers._spans import Event, Span, found, is_batch

KEYS = ("resourceSpans", "resource_spans", "resourceLogs", "resource_logs", "spans", "data")
_SCHEMA = """
    CREATE TABLE event (span BLOB, file INTEGER, at INTEGER, size INTEGER, number INTEGER, time REAL);
    CREATE TABLE span (id BLOB);
    CREATE TABLE wrapper (id BLOB);
"""
_INDEXES = """
    CREATE INDEX event_by_span ON event (span);
    CREATE INDEX span_by_id ON span (id);
    CREATE INDEX wrapper_by_id ON wrapper (id);
"""
_OF_SPAN = "SELECT file, at, size, number FROM event WHERE span = ? ORDER BY coalesce(time, 0), rowid"
_FIRST = "SELECT file, at, size, number FROM event WHERE span = ? ORDER BY rowid LIMIT 1"


class Traces:
    """The files of one import. `derived` says what their format is not."""

    def __init__(self, paths: Iterable[Path], derived: str) -> None:
        self._paths, self._derived = list(paths), derived
        self._index: sqlite3.Connection | None = None
        self._open: tuple[int, IO[bytes]] | None = None

    def read(self, path: Path) -> Iterator[Logged]:
        """Yield the calls of one of the files; never raises for what it holds."""
        others: Counter[str] = Counter()
        spans = 0
        for item in items(path, *KEYS):
            records, why = _found(item)
            if not records:
                yield Logged(str(path), item.place, refused=why or "neither a span nor an event of one")
            for number, record in enumerate(records):
                place = f"span {spans} of {item.place}" if is_batch(item.value) else item.place
                spans += isinstance(record, Span)
                if isinstance(record, Event):
                    yield from self._of_event(path, place, (item.at, number), record)
                elif (what := _kind(record)) == CALL or (what == WRAPPER and not self._wraps(record)):
                    yield self._logged(path, place, record)
                else:
                    others[what] += 1
        if others:
            yield Logged(str(path), "", refused=_counted(others))

    def _of_event(self, path: Path, place: str, at: tuple[int, int], event: Event) -> Iterator[Logged]:
        """Yield a call at the first of its events, where its span is in no file."""
        name = digest(f"{event.trace}/{event.span}")
        if event.name not in EVENTS or self._all("SELECT 1 FROM span WHERE id = ? LIMIT 1", name):
            return
        first = self._all(_FIRST, name)
        if first and (self._paths[first[0][0]], first[0][1], first[0][3]) == (path, *at):
            system = {key: value for key, value in event.attributes.items() if key.startswith("gen_ai.")}
            alone = Span("", event.trace, event.span, at=event.at, attributes=system)
            yield self._logged(
                path, place, alone, "its span is in none of the files: its parameters and usage are not known"
            )

    def _logged(self, path: Path, place: str, span: Span, *notes: str) -> Logged:
        if _kind(span) == WRAPPER:
            notes = (*notes, "several calls may stand behind it: it wraps them")
        return built(str(path), place, self._derived, lambda: self._told(span, notes))

    def _told(self, span: Span, notes: tuple[str, ...]) -> Generation:
        call = told(span)
        if not call.messages and call.asked is None and span.id:
            call = told(span, self._events(span))
        return replace(call, notes=(*call.notes, *notes))

    def _events(self, span: Span) -> list[Event]:
        """Return the events of a span, in the order in which they happened."""
        places = self._all(_OF_SPAN, digest(f"{span.trace}/{span.id}"))
        return [event for place in places if (event := self._again(*place))]

    def _again(self, file: int, at: int, size: int, number: int) -> Event | None:
        try:
            record = list(found(again(self._stream(file), at, size)))[number]
        except (*ODD, *_lines.DAMAGE):
            return None
        return record if isinstance(record, Event) else None

    def _stream(self, file: int) -> IO[bytes]:
        """Return a file, still open from the last time: the events of one call mostly stand together."""
        if self._open is None or self._open[0] != file:
            if self._open:
                self._open[1].close()
            self._open = file, _lines.opened(self._paths[file])
        return self._open[1]

    def _wraps(self, span: Span) -> bool:
        return bool(
            self._all("SELECT 1 FROM wrapper WHERE id = ? LIMIT 1", digest(f"{span.trace}/{span.id}"))
        )

    def _all(self, query: str, name: bytes) -> list[tuple[int, int, int, int]]:
        self._index = self._index or self._indexed()
        return self._index.execute(query, (name,)).fetchall()

    def _indexed(self) -> sqlite3.Connection:
        index = sqlite3.connect("")  # a temporary file that nobody else sees
        index.executescript(_SCHEMA)
        for file, path in enumerate(self._paths):
            for item in items(path, *KEYS):
                for number, record in enumerate(_found(item)[0]):
                    _add(index, record, (file, item.at, item.size, number))
        index.executescript(_INDEXES)
        return index


def _found(item: Item) -> tuple[list[Span | Event], str]:
    """Return what is in a record of a file, and why there is nothing."""
    if item.wrong:
        return [], item.wrong
    try:
        return list(found(item.value)), ""
    except ODD as problem:
        return [], f"it cannot be read: {problem}"


def _add(index: sqlite3.Connection, record: Span | Event, place: tuple[int, int, int, int]) -> None:
    if isinstance(record, Span):
        index.execute("INSERT INTO span VALUES (?)", (digest(f"{record.trace}/{record.id}"),))
        if record.parent and _kind(record) == CALL:
            index.execute("INSERT INTO wrapper VALUES (?)", (digest(f"{record.trace}/{record.parent}"),))
    elif record.name in EVENTS:
        values = (digest(f"{record.trace}/{record.span}"), *place, record.at)
        index.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", values)


def _kind(span: Span) -> str:
    try:
        return kind(span.attributes)
    except ODD:
        return "unreadable"


def _counted(others: Counter[str]) -> str:
    kinds = ", ".join(f"{count} {what}" for what, count in sorted(others.items()))
    plural = "span is no call" if others.total() == 1 else "spans are no calls"
    return f"{others.total()} {plural} to a model ({kinds})"
