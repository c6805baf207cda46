"""YAML files as plain JSON data with a place for every node, and back.

Reading takes the words of the YAML 1.2 core schema and no others. Writing is deterministic, and what was
written reads back equal.
"""

from replay.documents._check import Check, kind
from replay.documents._document import Document, Keys
from replay.documents._numbers import number_fault
from replay.documents._read import MAX_BYTES, MAX_DEPTH, MAX_NODES, parse, read, source
from replay.documents._store import write
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
    "read",
    "source",
    "write",
]
