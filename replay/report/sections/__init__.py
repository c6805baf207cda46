"""Sections of the report page: one file each, a module with `order` and `html(run) -> Markup`."""

from __future__ import annotations

from typing import Any, Protocol

from replay.registry import Registry
from replay.report.summary import RunSummary


class Section(Protocol):
    """The contract. `order` (a module-level int, lowest first) is its place on the page."""

    order: int

    def html(self, run: RunSummary) -> Any:
        """Return the section as Markup (see `replay.report.page.fill`); empty leaves the section out."""


registry: Registry[Section] = Registry(__name__)
