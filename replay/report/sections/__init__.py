"""Sections of the report page: one file for each. A section is a module with `html(run) -> Markup`."""

from __future__ import annotations

from typing import Any, Protocol

from replay.registry import Registry


class Section(Protocol):
    """The contract. `order` (a module-level int, lowest first) is its place on the page."""

    order: int

    def html(self, run: Any) -> Any:
        """Return the section as Markup; empty Markup leaves the section out."""


registry: Registry[Section] = Registry(__name__)
