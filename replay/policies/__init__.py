"""Context policies: one file for each way to make a long history shorter before it is sent.

A policy is a frozen dataclass. Its first field, a whole number, is what stands after the colon where it is
named: `last:6`. Whatever it returns is made legal: no answer of a tool without its call, no call without its
answer, but for the last message. A `conftest.py` registers one of your own as any plugin; `replay contexts`
takes the file that holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, Protocol

from replay.conversation import Message
from replay.errors import BadInput
from replay.policies._legal import legal
from replay.registry import Registry, the_class

__all__ = ["Policy", "Summarise", "build", "legal", "registry"]

Summarise = Callable[[Sequence[Message]], str]


class Policy(Protocol):
    """The contract."""

    def __call__(self, messages: tuple[Message, ...], summarise: Summarise) -> Sequence[Message]:
        """Return the messages to send in place of these. `summarise` asks a model what some of them said."""


registry: Registry[type[Policy]] = Registry(__name__, the_class)


def build(spec: str) -> Policy:
    """Make the policy that `name` or `name:6` names.

    Raises BadInput: there is none of that name, or what follows the colon is no whole number.
    """
    name, colon, argument = spec.partition(":")
    plugin: Any = registry.get(name)
    if colon and not (argument.isdecimal() and int(argument)):
        raise BadInput(f'policy "{spec}": what follows the colon must be a whole number from 1, as in last:6')
    if colon and not any(field.init for field in fields(plugin)):
        raise BadInput(f'policy "{spec}": {name} takes no number; write {name}')
    policy: Policy = plugin(int(argument)) if colon else plugin()
    return policy
