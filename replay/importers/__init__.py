"""Importers: one file for each log format. An importer finds request and response; a provider reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from replay.conversation import Object
from replay.registry import Registry


@dataclass(frozen=True, slots=True)
class Logged:
    """One logged HTTP interaction, or (with `refused`) a place in a log that holds none we can use, and why.

    `place` is where it stands in its file: `interaction 3`, `line 17`. `request` and `response` are decoded
    bodies as bytes. `error` is a transport error's exception class name.
    """

    path: str
    place: str
    method: str = "POST"
    url: str = ""
    request_headers: dict[str, str] = field(default_factory=dict)
    request: bytes = b""
    status: int | None = None
    response_headers: dict[str, str] = field(default_factory=dict)
    response: bytes | None = None
    error: str | None = None
    source: Object = field(default_factory=dict)
    refused: str = ""


class Importer(Protocol):
    """The contract of one log format."""

    def sniff(self, head: bytes) -> bool:
        """Tell from the first 64 KiB (already decompressed) whether a file is of this format."""

    def read(self, path: Path) -> Iterator[Logged]:
        """Yield every interaction of a file in recorded order; never raises for what a line holds."""


registry: Registry[Importer] = Registry(__name__)
