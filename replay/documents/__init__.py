"""YAML files as plain JSON data with a place for every node, and back.

Reading takes the words of the YAML 1.2 core schema and no others. Writing is deterministic, and what was
written reads back equal.
"""

from pathlib import Path

from replay import atomic
from replay.documents._check import Check, kind
from replay.documents._document import Document, Keys
from replay.documents._json import parse_line
from replay.documents._numbers import number_fault
from replay.documents._read import MAX_BYTES, MAX_DEPTH, MAX_NODES, parse, read, source
from replay.documents._write import dump

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_NODES",
    "Check",
    "Document",
    "Keys",
    "dump",
    "kind",
    "number_fault",
    "parse",
    "parse_line",
    "read",
    "source",
    "write",
]


def write(path: Path, text: str) -> None:
    """Replace a file, whole or not at all; missing folders are made. Raises StorageError."""
    atomic.write(path, [text])
