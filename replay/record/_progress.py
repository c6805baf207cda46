"""How far an import is: bytes read of those there are, lines a second, the time that is left."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

Advance = Callable[[int], None]


class Progress:
    """Hears how an import goes on; this one keeps it to itself."""

    def begin(self, what: str, total: int) -> None:
        """A pass over all files begins, of `total` bytes."""

    @contextmanager
    def file(self, _path: Path) -> Iterator[Advance]:
        """A file is read; what is yielded is called with the number of bytes, as they are on disk."""
        yield lambda _count: None

    def line(self, what: str) -> None:
        """One more line, or exchange, is done with: it was `read`, `imported`, `refused`, ..."""

    def close(self) -> None:
        """The import is over."""


class Bar(Progress):
    """A line on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Drawn

        what, told = TextColumn("{task.description}"), TextColumn("{task.fields[told]}")
        columns = (what, BarColumn(), DownloadColumn(), told, TimeRemainingColumn())
        self._drawn = Drawn(*columns, console=Console(stderr=True))
        self._task: Any = None
        self._counts = Counter[str]()

    def begin(self, what: str, total: int) -> None:
        """As Progress."""
        self._drawn.start()
        if self._task is not None:
            self._drawn.remove_task(self._task)
        self._counts.clear()
        self._task = self._drawn.add_task(what, total=total, told="")

    @contextmanager
    def file(self, path: Path) -> Iterator[Advance]:
        """As Progress. However a file is read, in the end all of it is."""
        left = size(path)

        def advance(count: int) -> None:
            nonlocal left
            count = min(count, left)
            left -= count
            self._drawn.advance(self._task, count)

        try:
            yield advance
        finally:
            advance(left)

    def line(self, what: str) -> None:
        """As Progress."""
        self._counts[what] += 1
        if self._counts.total() % 100 == 0:
            self._show()

    def close(self) -> None:
        """As Progress."""
        if self._task is not None:
            self._show()
        self._drawn.stop()

    def _show(self) -> None:
        elapsed = self._drawn.tasks[0].elapsed
        rate = [f"{self._counts.total() / elapsed:,.0f} lines/s"] if elapsed else []
        counts = (f"{count:,} {what}" for what, count in self._counts.items())
        self._drawn.update(self._task, told=", ".join([*rate, *counts]))


def size(path: Path) -> int:
    """Return the size of a file in bytes, 0 where that cannot be told."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def metered(path: Path, advance: Advance) -> Path:
    """Return a path whose file, opened to read bytes, tells how many were read from the disk."""
    counted = _Metered(path)
    counted.advance = advance
    return counted


if TYPE_CHECKING:
    SystemPath = Path
else:
    SystemPath = type(Path())  # Path itself cannot be inherited from before Python 3.12


class _Metered(SystemPath):
    advance: Advance

    def open(self, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if mode != "rb" or not hasattr(self, "advance"):
            return super().open(mode, *arguments, **options)
        return io.BufferedReader(_Counted(self, self.advance), 2**17)


class _Counted(io.FileIO):
    def __init__(self, path: Path, advance: Advance) -> None:
        super().__init__(path)
        self._advance = advance

    def readinto(self, buffer: Any) -> int | None:
        count = super().readinto(buffer)
        self._advance(count or 0)
        return count

    def readall(self) -> bytes:
        data = super().readall()
        self._advance(len(data))
        return data
