"""The recording of a case that is played elsewhere: kept here at once, as if it were recorded here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from replay.cassette import fold, match
from replay.cassette.interaction import Interaction, RecordedRequest
from replay.cassette.journal import Journal
from replay.cassette.redact import Redactor
from replay.errors import StorageError


class Recording:
    """Adds interactions to the journal of the cassette at `path`; `close` folds them into the cassette.

    What another process left there is folded first. Everything passes the driver's `redactor`, which knows
    more secrets than a worker's.
    Raises BadInput for a damaged cassette, StorageError for one that cannot be read or written.
    """

    def __init__(self, path: Path, mode: str, redactor: Redactor, ignore: tuple[str, ...]) -> None:
        self._path, self._mode, self._redactor = path.resolve(), mode, redactor
        self._key: Callable[[RecordedRequest], str] = partial(match.key, ignore=ignore)
        self._lock = threading.Lock()
        self._journal: Journal | None = None
        self._new: list[Interaction] = []
        self._broken: StorageError | None = None
        fold.fold_orphans(self._path, self._key)

    def add(self, interaction: Interaction) -> None:
        """Keep one interaction. What goes wrong is raised by `close`."""
        request = self._redactor.request(interaction.request)
        clean = replace(interaction, request=request, response=self._redactor.response(interaction.response))
        with self._lock:
            try:
                self._started().append(clean)
                self._new.append(clean)
            except StorageError as problem:
                self._broken = problem

    def close(self) -> None:
        """Fold what was added into the cassette. Raises StorageError, and BadInput for a damaged cassette."""
        with self._lock:
            held, self._journal = self._journal, None
            new, self._new = self._new, []
        if held is not None:
            try:
                fold.finish(self._path, held, new, key=self._key)
            finally:
                held.close()
        broken, self._broken = self._broken, None
        if broken is not None:
            raise broken

    def _started(self) -> Journal:
        if self._journal is None:
            self._journal = fold.start(self._path, fold.fingerprint(fold.bytes_of(self._path)), self._mode)
        return self._journal
