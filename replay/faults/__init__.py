"""Faults: one file for each thing that goes wrong on the wire. A fault is a transport around a transport."""

from __future__ import annotations

from typing import Any, Protocol

from replay.registry import Registry, the_class


class Fault(Protocol):
    """The contract: a frozen dataclass whose fields are its YAML arguments."""

    def __call__(self, transport: Any) -> Any:
        """Return a transport that does the fault around (or instead of) `transport`."""


registry: Registry[type[Fault]] = Registry(__name__, the_class)
