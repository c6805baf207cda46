"""Answers on disk, one by one as they come: what was asked once is never asked again."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from replay.conversation import Json
from replay.errors import StorageError
from replay.oracle._answer import Answer

_TABLE = """
CREATE TABLE IF NOT EXISTS answer (
    probe TEXT NOT NULL, attempt INTEGER NOT NULL, said TEXT NOT NULL, PRIMARY KEY (probe, attempt)
) WITHOUT ROWID
"""
_PATIENCE = 30.0  # seconds to wait for another process that writes


class Store:
    """The answers of a project, in `.replay/probes/answers.db`. Raises StorageError."""

    def __init__(self, root: Path) -> None:
        self.folder = root / ".replay" / "probes"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (root / ".replay" / ".gitignore").write_text("*\n")
            path = self.folder / "answers.db"
            self._database = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
        except (OSError, sqlite3.Error) as problem:
            raise StorageError(
                f"{self.folder}: no answer can be kept ({problem}); nothing was asked"
            ) from None
        self._run("PRAGMA synchronous = OFF")  # what is written outlives the process
        self._run(_TABLE)

    def get(self, probe: str, attempt: int) -> Answer | None:
        """Return the answer to an attempt, None where it was never made."""
        row = self._run("SELECT said FROM answer WHERE probe = ? AND attempt = ?", probe, attempt).fetchone()
        return Answer.from_json(json.loads(row[0])) if row else None

    def put(self, probe: str, attempt: int, answer: Answer) -> None:
        """Keep an answer."""
        self._run(
            "INSERT OR REPLACE INTO answer VALUES (?, ?, ?)", probe, attempt, json.dumps(answer.to_json())
        )

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _run(self, command: str, *values: Json) -> sqlite3.Cursor:
        try:
            return self._database.execute(command, values)
        except sqlite3.Error as problem:
            raise StorageError(f"{self.folder}/answers.db cannot be used ({problem})") from None
