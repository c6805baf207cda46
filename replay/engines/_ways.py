"""How batches are waited for."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Ways:
    """Seconds, numbers, and who is told.

    `pauses` are the seconds between two looks, the last one again and again; `settle` those after which a
    batch that was being made when a process died is there, or never will be. At most `waiting` calls wait at
    a time. `tell` is told in a line what becomes of each batch, by default on stderr.
    """

    pauses: tuple[float, ...] = (5, 10, 20, 40, 60)
    settle: float = 30.0
    waiting: int = 100_000
    tell: Callable[[str], None] = _tell
    sleep: Callable[[float], None] = time.sleep
