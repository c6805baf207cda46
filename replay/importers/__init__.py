"""Importers: one file for each log format. An importer finds request and response; a provider reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from replay.conversation import Json, Object
from replay.registry import Registry


@dataclass(frozen=True, slots=True)
class Logged:
    """One logged HTTP interaction, or (with `refused`) a place in a log that holds none we can use, and why.

    `place` is where it stands in its file: `interaction 3`, `line 17`. `request` and `response` are decoded
    bodies as bytes. `error` is a transport error's exception class name.

    What a recording shows by its URL, a derived log has to say: `wire` is the provider whose codec reads the
    bodies (`openai` for those that an importer puts into the form of Chat Completions), `provider` the one
    that was really asked, where it is another, `model` the model where the body names none, `settings` what a
    target needs to reach it. `derived` says what the log is not: a recording ("langfuse keeps messages, not
    bodies"). `thread` is the id that the log gives to all calls of one conversation. `at` is when it was
    asked, in seconds since 1970. `tags`, `assertions` (as a suite names them) and `notes` come from the log.
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
    wire: str = ""
    provider: str = ""
    model: str = ""
    settings: Object = field(default_factory=dict)
    derived: str = ""
    thread: str = ""
    at: float | None = None
    tags: tuple[str, ...] = ()
    assertions: tuple[Json, ...] = ()
    notes: tuple[str, ...] = ()


class Importer(Protocol):
    """The contract of one log format.

    A module may also say `ALONE = True`: each of its files is a recording of its own, and no call in it goes
    on with a conversation in another file.
    """

    def sniff(self, head: bytes) -> float:
        """Tell from the first 64 KiB (already decompressed) whether a file is of this format.

        True is sure, False is not; a number between them is for a form that other formats have as well.
        """

    def read(self, path: Path) -> Iterator[Logged]:
        """Yield every interaction of a file in recorded order; never raises for what a line holds."""


registry: Registry[Importer] = Registry(__name__)


def sniffed(head: bytes) -> list[str]:
    """Name the importers that are surest of a file which begins so: one, or none; two are a mistake."""
    sure = {name: float(registry.get(name).sniff(head)) for name in registry.names()}
    return [name for name, how in sure.items() if how and how == max(sure.values())]


def is_spread(name: str) -> bool:
    """Tell whether the calls of a format are spread over several files.

    Its importer has a function `together(paths)` that returns what reads each of them.
    """
    return hasattr(registry.get(name), "together")


def reader(name: str, paths: Iterable[Path]) -> Callable[[Path], Iterator[Logged]]:
    """Return what reads each of these files, all of one format."""
    importer: Any = registry.get(name)
    read: Callable[[Path], Iterator[Logged]]
    read = importer.together(list(paths)) if is_spread(name) else importer.read
    return read
