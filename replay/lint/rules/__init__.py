"""Rules: one file for each, named as its id with `_` for `-`.

A rule is a module with

    SEVERITY = "error" | "warning" | "note" | "off"     how bad it is, where nobody sets it otherwise
    check(subject) -> Iterator[Found]                   what it finds in one request

The first line of its docstring is its summary. A rule is pure: what is known of other exchanges of a log is
in the subject.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from replay.lint.finding import Found
from replay.lint.subject import Subject
from replay.registry import Registry


class Rule(Protocol):
    """The contract of a rule."""

    SEVERITY: str
    __doc__: str | None

    def check(self, subject: Subject, /) -> Iterable[Found]:
        """Yield what is found in one request."""


registry: Registry[Rule] = Registry(__name__)


def rule_id(name: str) -> str:
    """Return the id of the rule in a file of that name."""
    return name.replace("_", "-")


def ids() -> list[str]:
    """List the ids of all rules."""
    return [rule_id(name) for name in registry.names()]


def find(name: str) -> Rule:
    """Return the rule with that id. Raises BadInput with the nearest."""
    return registry.get(name.replace("-", "_"))


def summary(name: str) -> str:
    """Say in a line what a rule looks for."""
    return (find(name).__doc__ or "").strip().partition("\n")[0]
