"""Recordings of many cassettes, asked as one."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from replay.cassette.cassette import Redactor
from replay.cassette.interaction import RecordedRequest
from replay.cassette.lookup import Lookup
from replay.cassette.match import key
from replay.cassette.missed import Missed
from replay.serve._stock import Recording


class Pool:
    """Plays each recording once, equal ones in their order. Safe to use from several threads.

    `where` is what messages call it; `ignore` and `redactor` are as for a `Cassette`.
    """

    def __init__(
        self, recordings: Sequence[Recording], where: str, redactor: Redactor, ignore: Iterable[str]
    ) -> None:
        self.where = where
        self._recordings, self._redactor, self._ignore = recordings, redactor, tuple(ignore)
        self._lookup = Lookup([one.interaction for one in recordings], self._key)
        self._missed = Missed(self._lookup, self._ignore, self._place)
        self._lock = threading.Lock()

    def take(self, request: RecordedRequest) -> Recording | None:
        """Return the recording that answers, which then is played; None where there is none."""
        with self._lock:
            index = self._lookup.take(request)
        return None if index is None else self._recordings[index]

    def why(self, request: RecordedRequest, what: str) -> list[str]:
        """Return the lines that say why nothing answers."""
        with self._lock:
            return self._missed.why(self.where, what, self._redactor.request(request), "holds no recording")

    @property
    def played(self) -> list[Recording]:
        """What was played, in the order of play."""
        with self._lock:
            return [self._recordings[index] for index in self._lookup.played]

    def _key(self, request: RecordedRequest) -> str:
        return key(self._redactor.request(request), self._ignore)

    def _place(self, index: int) -> str:
        one = self._recordings[index]
        return f"#{one.number} of {one.cassette}"
