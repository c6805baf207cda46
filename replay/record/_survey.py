"""The first pass: every exchange becomes a row of the index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from replay.cassette.redact import Redactor
from replay.importers import Logged
from replay.record._calls import Refused
from replay.record._facts import Facts, facts
from replay.record._features import Features
from replay.record._hashes import Hashes
from replay.record._index import Row, fill
from replay.record._progress import Progress
from replay.record._reading import Reading
from replay.record._where import Filter
from replay.turn import RETRYABLE

LOOKED_BACK = 8  # turns: how many in a row may be missing in a log before a conversation is taken for another


class Survey:
    """Reads logs into the index. Features are found only where a sample needs them."""

    def __init__(
        self,
        reading: Reading,
        hashes: Hashes,
        redactor: Redactor,
        model: str | None,
        where: Sequence[Filter],
        sampled: bool,
    ) -> None:
        self._reading, self._hashes, self._redactor = reading, hashes, redactor
        self._model, self._where = model, where
        self._features = Features(hashes, redactor.text) if sampled else None

    def fill(self, db: sqlite3.Connection, progress: Progress) -> None:
        """Write a row for everything that is read."""
        fill(db, self._rows(progress))

    def _rows(self, progress: Progress) -> Iterator[Row]:
        for number, log in enumerate(self._reading.files):
            scope = number if self._reading.alone(log) else None
            for logged in self._reading.exchanges(log):
                row = self._row(number, scope, logged)
                progress.line("read" if row.refused is None else "refused")
                yield row

    def _row(self, log: int, scope: int | None, logged: Logged) -> Row:
        try:
            return self._known(log, scope, facts(logged, self._model))
        except Refused as why:
            refused = str(why)
        except RecursionError:
            refused = "nested too deeply"
        return Row(log, logged.place, self._redactor.text(refused))

    def _known(self, log: int, scope: int | None, found: Facts) -> Row:
        settings = self._hashes.settings(found, scope)
        histories = list(self._hashes.histories(settings, found.request.messages))
        thread = found.logged.thread
        return Row(
            log,
            found.logged.place,
            digest=self._hashes.exchange(found),
            asked=histories[-1],
            said=self._hashes.said(found.whole.message) if found.whole else None,
            again=found.error is not None and found.error.kind in RETRYABLE,
            thread=self._hashes.number(thread) if thread else 0,
            moment=found.moment or 0,
            fits=all(fits(found) for fits in self._where),
            features=self._features(found) if self._features else (),
            prefixes=tuple(self._prefixes(found, histories)) if found.whole else (),
        )

    def _prefixes(self, found: Facts, histories: list[int]) -> Iterator[tuple[int, int, int]]:
        """Yield where an earlier request of the same conversation may have ended, and what was answered."""
        messages = found.request.messages
        ends = [size for size in range(1, len(messages)) if messages[size].role == "assistant"]
        for size in ends[-LOOKED_BACK:]:
            yield size, histories[size - 1], self._hashes.said(messages[size])
