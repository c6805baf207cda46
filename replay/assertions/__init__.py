"""Assertions: one file for each, named as in YAML.

An assertion is a frozen dataclass whose fields are its YAML arguments. A scalar or a list in YAML is its
first field, a mapping is always keywords. `__post_init__` raises ValueError for arguments that make no sense.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Protocol

from replay.conversation import Json
from replay.errors import nearest
from replay.registry import Registry, the_class
from replay.turn import Transcript
from replay.verdict import Verdict


class Assertion(Protocol):
    """The contract. An assertion that reads project files also has `bind(project) -> Assertion`."""

    def __call__(self, transcript: Transcript) -> Verdict | Iterable[Verdict]:
        """Judge a transcript. One verdict, or one for each place that was judged."""


registry: Registry[type[Assertion]] = Registry(__name__, the_class)


def build(name: str, argument: Json = None) -> Assertion:
    """Make the assertion `name` from its YAML argument. Raises BadInput (unknown name) or ValueError."""
    plugin: Any = registry.get(name)
    known = [field.name for field in fields(plugin) if field.init]
    if argument is None:
        arguments = {}
    elif isinstance(argument, dict):
        arguments = argument
    elif known:
        arguments = {known[0]: argument}
    else:
        raise ValueError(f"{name} takes no argument")
    for key in arguments:
        if key not in known:
            raise ValueError(f'{name} has no argument "{key}"; {nearest(str(key), known)}')
    try:
        assertion: Assertion = plugin(**arguments)
    except TypeError as problem:
        raise ValueError(f"{name}: {str(problem).rpartition('() ')[2]}") from None
    return assertion
