"""Faults: one file for each thing that goes wrong on the wire. A fault is a transport around a transport."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Protocol

from replay.conversation import Json
from replay.registry import Registry, the_class


class Fault(Protocol):
    """The contract: a frozen dataclass whose fields are its YAML arguments."""

    def __call__(self, transport: Any) -> Any:
        """Return a transport that does the fault around (or instead of) `transport`."""


registry: Registry[type[Fault]] = Registry(__name__, the_class)


def build(name: str, argument: Json = None) -> Fault:
    """Make the fault `name` from its YAML argument. Raises BadInput (unknown name) or ValueError."""
    plugin: Any = registry.get(name)
    first = next((field.name for field in fields(plugin) if field.init), "argument")
    arguments = {} if argument is None else argument if isinstance(argument, dict) else {first: argument}
    try:
        fault: Fault = plugin(**arguments)
    except TypeError as problem:
        raise ValueError(f"{name}: {str(problem).rpartition('() ')[2]}") from None
    return fault
