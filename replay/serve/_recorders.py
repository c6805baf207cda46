"""The cassettes that are recorded into: one file, or one for each name in a folder."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from replay import filenames
from replay.cassette.cassette import Cassette, Redactor
from replay.errors import BadInput

_FILES = (".yaml", ".yml")
_UNNAMED = "app"  # in a folder, the recordings of requests that choose no cassette


class Recorders:
    """Cassettes by the name that requests choose; `where` is a cassette, or a folder of them."""

    def __init__(self, where: Path, mode: str, redactor: Redactor, ignore: Iterable[str]) -> None:
        self.mode = mode
        self._where, self._redactor, self._ignore = where, redactor, tuple(ignore)
        self._open: dict[str, Cassette] = {}
        self._lock = threading.Lock()
        if where.suffix in _FILES:
            self.of("")  # a damaged one is found before anything is asked

    def of(self, name: str) -> Cassette:
        """Return the cassette of a name. Raises BadInput and StorageError."""
        name = "" if self._where.suffix in _FILES else name or _UNNAMED
        with self._lock:
            if name not in self._open:
                self._open[name] = self._opened(name)
            return self._open[name]

    @property
    def about(self) -> str:
        """What becomes of them, in a few words: what `once` has recorded is played, and not added to."""
        count = sum(len(cassette.interactions) for cassette in self._open.values())
        if self.mode == "once" and count:
            return f"plays {self._where} ({count} interactions; --record-mode new_episodes adds to them)"
        return f"records to {self._where}"

    def close(self) -> None:
        """Fold what was recorded into its files. Raises StorageError, which names where else it is kept."""
        with self._lock, ExitStack() as stack:
            for cassette in self._open.values():
                stack.callback(cassette.close)
            self._open.clear()

    def _opened(self, name: str) -> Cassette:
        problem = filenames.path_fault(name) if name else None
        if problem:
            raise BadInput(f'x-replay-cassette: "{name[:80]}" {problem}')
        return Cassette(
            self._where / f"{name}.yaml" if name else self._where,
            self.mode,
            redactor=self._redactor,
            ignore=self._ignore,
            record_hint=f"replay serve --record-to {self._where} --record-mode new_episodes",
        )
