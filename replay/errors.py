"""Every error Replay raises on purpose.

ReplayError                      one to three lines: what and where; the nearest thing; what to type
├── BadInput                     a file, flag or value is wrong; carries every fault found (exit 4)
├── NothingToRun                 the selection is empty (exit 5)
├── StorageError                 a file cannot be read or written; nothing was replaced (exit 6)
├── ProviderFailure              the provider gave no verdict (exit 7)
│   └── Shed                     more important work had the room
└── SeamError                    something at the HTTP seam fails the case (exit 1)
    ├── CassetteMiss             no recorded interaction answers this request
    ├── NetworkBlocked           a socket was about to open in record mode `none`
    └── FaultNotPlayed           an answer has no place for the fault that was to be played on it
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

_LISTED = 50  # names that a message lists


class ReplayError(Exception):
    """The base of all that is a user's, a file's or a provider's doing; never shown with a traceback."""

    exit_code = 1


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong in one place. `line` and `column` count from 1; 0 means the place is not known."""

    path: str
    line: int
    column: int
    message: str
    warning: bool = False

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.path, self.line, self.column) if part)
        return f"{place}: {'warning' if self.warning else 'error'}: {self.message}"


class BadInput(ReplayError):
    """One or more faults in what was given. All of them are reported at once, at most 20 for each file."""

    exit_code = 4
    per_file = 20

    def __init__(self, faults: Iterable[Fault] | str) -> None:
        self.faults = (Fault("", 0, 0, faults),) if isinstance(faults, str) else tuple(sorted(set(faults)))
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> Iterable[str]:
        shown: dict[str, int] = {}
        for fault in self.faults:
            shown[fault.path] = shown.get(fault.path, 0) + 1
            if shown[fault.path] <= self.per_file:
                yield str(fault).removeprefix(": ")
        for path, count in shown.items():
            if count > self.per_file:
                yield f"{path}: and {count - self.per_file} more"


class NothingToRun(ReplayError):
    """A glob, a suite or a selection names no case."""

    exit_code = 5


class StorageError(ReplayError):
    """A file could not be read or written; what was there before is still there."""

    exit_code = 6


class ProviderFailure(ReplayError):
    """A provider answered with nothing that can be judged."""

    exit_code = 7


class Shed(ProviderFailure):
    """A call was given up for more important ones."""


class SeamError(ReplayError):
    """The base of what the HTTP seam refuses; the case fails, the run goes on. `kind` is its verdict's."""

    kind = "no_recording"


class CassetteMiss(SeamError):
    """No recorded interaction matches a request."""


class NetworkBlocked(SeamError):
    """Something tried to open a socket while record mode is `none`."""


class FaultNotPlayed(SeamError):
    """An answer has no place for a fault: no tool call to truncate, no character to cut."""

    kind = "fault"


def nearest(word: str, known: Iterable[str]) -> str:
    """Name the nearest known word, or list them: `did you mean "stop"?` / `use one of stop, length`."""
    known = list(known)
    close = get_close_matches(word, known, n=1)
    if close:
        return f'did you mean "{close[0]}"?'
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    return f"use one of {', '.join(known[:_LISTED])}{more}"
