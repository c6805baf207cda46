"""The suite of an import, written case by case so that a long log needs no memory."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import IO

from replay import documents, schemas
from replay.config import Project
from replay.conversation import Json, Object
from replay.errors import BadInput, StorageError


class SuiteWriter:
    """Writes `suites/<name>.yaml`, which is there, whole, once it is closed.

    Raises BadInput where there is one of that name, and StorageError.
    """

    def __init__(self, project: Project, name: str) -> None:
        self.path = project.suites / f"{name}.yaml"
        if self.path.exists():
            shown = project.shown(self.path)
            raise BadInput(f"{shown} is there already; choose another --suite, or remove it first")
        self._part = self.path.with_name(f".{name}.part")
        self._head = schemas.line("suite", PurePath("suites", f"{name}.yaml")) + "play: next_turn\ncases:\n"
        self._file: IO[str] | None = None

    def add(self, conversation: str, target: str, assertions: list[Json]) -> None:
        """Add a case."""
        case: Object = {"conversation": conversation, "targets": [target]}
        lines = documents.dump(case | {"assert": assertions} if assertions else case, open_lists=("assert",))
        text = textwrap.indent(lines, "    ").replace("    ", "  - ", 1)
        with self._storing():
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._part.open("w", encoding="utf-8")
                self._file.write(self._head)
            self._file.write(text)

    def close(self) -> None:
        """Put the suite in its place, if it has any case."""
        if self._file is None:
            return
        with self._storing():
            with self._file:
                self._file.flush()
                os.fsync(self._file.fileno())
            self._part.replace(self.path)

    def discard(self) -> None:
        """Leave nothing of a suite that was not closed."""
        if self._file is not None:
            self._file.close()
            self._part.unlink(missing_ok=True)

    @contextmanager
    def _storing(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            raise StorageError(f"cannot write {self.path} ({problem.strerror})") from None
