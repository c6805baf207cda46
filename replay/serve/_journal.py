"""What was asked, in order, and what answered."""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from replay.cassette.fold import now
from replay.conversation import Object
from replay.errors import StorageError

KEPT = 10_000  # calls that are held in memory; the file has them all


@dataclass
class Call:
    """One request. `answer` says what answered: recording, fixture, models, live, miss or refused.

    `cassette` and `interaction` (from 1) are what was played or recorded. `ended` is `whole`, `cut`, `reset`,
    `silent` (a timeout: nothing more was sent) or `left` (the client did not wait for the end).
    """

    number: int
    at: str
    method: str
    path: str
    wire: str | None = None
    chosen: str | None = None
    fault: str | None = None
    answer: str | None = None
    cassette: str | None = None
    interaction: int | None = None
    status: int | None = None
    ended: str | None = None
    message: str | None = None

    def to_json(self) -> Object:
        """Return only what is known."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def __str__(self) -> str:
        place = f" {self.cassette}" if self.cassette else ""
        place += f" #{self.interaction}" if self.interaction else ""
        fault = f" [{self.fault}]" if self.fault else ""
        head = f"{self.method} {self.path}{fault}: {self.status or '-'} {self.answer}{place}"
        ended = "" if self.ended == "whole" else f", {self.ended}"
        return "\n  ".join([f"{head}{ended}", *(self.message or "").splitlines()])


class Journal:
    """The calls of one server; each is written to `path`, a line of JSON, when it has ended.

    `hide` takes secrets out of what is noted. `told` is given each call that has ended. Raises StorageError
    for a file that cannot be written.
    """

    def __init__(
        self, path: Path | None, hide: Callable[[str], str], told: Callable[[Call], None] | None
    ) -> None:
        self._calls: deque[Call] = deque(maxlen=KEPT)
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._file = _opened(path) if path else None
        self._hide, self._told = hide, told

    def begin(self, method: str, path: str) -> Call:
        """Note a request that came."""
        with self._lock:
            self._counts["asked"] += 1
            call = Call(self._counts["asked"], now(), method, self._hide(path))
            self._calls.append(call)
        return call

    def end(self, call: Call, ended: str) -> None:
        """Note how it ended; what is said first counts."""
        with self._lock:
            if call.ended:
                return
            call.ended, call.message = ended, call.message and self._hide(call.message)
            self._counts[call.answer or "refused"] += 1
            if self._file:
                self._file.write(json.dumps(call.to_json()) + "\n")
                self._file.flush()
        if self._told:
            self._told(call)

    @property
    def misses(self) -> int:
        """How many requests had no answer."""
        with self._lock:
            return self._counts["miss"]

    def clear(self) -> None:
        """Begin anew; the file goes on."""
        with self._lock:
            self._calls.clear()
            self._counts.clear()

    def to_json(self, unplayed: Iterable[Object]) -> Object:
        """Return `{asked: [...], counts: {...}, unplayed: [...]}`."""
        with self._lock:
            asked = [call.to_json() for call in self._calls]
            return {"asked": asked, "counts": dict(self._counts), "unplayed": list(unplayed)}

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()


def _opened(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a", encoding="utf-8")
    except OSError as problem:
        raise StorageError(f"cannot write {path} ({problem.strerror})") from None
