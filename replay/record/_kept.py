"""Exchanges that wait on disk, without secrets, until the last one of their conversation has come."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from typing import Any

from replay.importers import Logged

_BYTES = ("request", "response")
_TUPLES = ("tags", "assertions", "notes")


def keep(db: sqlite3.Connection, number: int, logged: Logged) -> None:
    """Keep an exchange."""
    db.execute("INSERT INTO kept VALUES (?, ?)", (number, json.dumps(_fields(logged))))


def take(db: sqlite3.Connection, number: int) -> Logged:
    """Return an exchange that was kept, and keep it no longer."""
    found = db.execute("SELECT logged FROM kept WHERE exchange = ?", (number,)).fetchone()
    db.execute("DELETE FROM kept WHERE exchange = ?", (number,))
    return _logged(json.loads(found[0]))


def _fields(logged: Logged) -> dict[str, Any]:
    """A byte is the character of its number: JSON has none."""
    fields = asdict(logged)
    return fields | {
        name: None if fields[name] is None else fields[name].decode("latin-1") for name in _BYTES
    }


def _logged(fields: dict[str, Any]) -> Logged:
    read = {name: None if fields[name] is None else fields[name].encode("latin-1") for name in _BYTES}
    return Logged(**fields | read | {name: tuple(fields[name]) for name in _TUPLES})
