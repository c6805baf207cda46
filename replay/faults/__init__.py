"""Faults: one file for each thing that goes wrong on the wire. A fault is a transport around a transport.

A fault of this room is played on the calls of models alone, in the words of the wire that is spoken at their
URL. What all of them take as arguments is `replay.faults._scope.Scope`. Their waits pass only in what they
tell: a wait longer than the client's timeout is the error that the timeout raises. Where a fault has `pace`,
they are real.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from replay.conversation import Json
from replay.errors import BadInput
from replay.faults._transport import Around, Note
from replay.registry import Registry, arguments, the_class


class Fault(Protocol):
    """The contract: a frozen dataclass whose fields are its YAML arguments.

    One that counts over several transports may have `begin(around)`, which returns what makes them.
    """

    def __call__(self, transport: Any) -> Any:
        """Return a transport that does the fault around (or instead of) `transport`."""


registry: Registry[type[Fault]] = Registry(__name__, the_class)


def build(name: str, argument: Json = None) -> Fault:
    """Make the fault `name` from its YAML argument. Raises BadInput (unknown name) or ValueError."""
    plugin: Any = registry.get(name)
    keywords = arguments(name, plugin, argument)
    try:
        fault: Fault = plugin(**keywords)
    except TypeError as problem:
        raise ValueError(f"{name}: {str(problem).rpartition('() ')[2]}") from None
    return fault


def built(items: Iterable[Json]) -> list[Fault]:
    """Make faults from a list as a suite has it: `["auth", {"cut": 3}]`. Raises BadInput."""
    made = []
    for item in items:
        pairs = list(item.items()) if isinstance(item, dict) else [(item, None)]
        if len(pairs) != 1 or not isinstance(pairs[0][0], str):
            raise BadInput(f"a fault is a name, or a name with its arguments, not {item!r}")
        try:
            made.append(build(*pairs[0]))
        except ValueError as problem:
            raise BadInput(f"{pairs[0][0]}: {problem}") from None
    return made


class Faults(Around):
    """The faults of one play, of a case or of a test: attempts and calls are counted over all of it.

    The first fault is outermost.
    """

    def __init__(self, faults: Iterable[Fault], note: Note | None = None) -> None:
        super().__init__(note)
        begun = [fault.begin(self) if hasattr(fault, "begin") else fault for fault in faults]
        self._begun = begun[::-1]

    def __len__(self) -> int:
        return len(self._begun)

    def __call__(self, transport: Any) -> Any:
        """Return a transport with the faults around it."""
        for fault in self._begun:
            transport = fault(transport)
        return transport
