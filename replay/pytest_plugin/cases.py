"""What the rest of the plugin knows of a case's item."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import pytest

from replay.config import Project
from replay.runner import Planned


class CaseLike(Protocol):
    """An item that plays a case."""

    planned: Planned

    @property
    def nodeid(self) -> str:
        """The name pytest has for the item."""

    @property
    def project(self) -> Project:
        """The project of the case's suite."""


def cases_of(items: Iterable[pytest.Item]) -> list[CaseLike]:
    """Return the items that play a case, in their order."""
    found: list[Any] = [item for item in items if hasattr(item, "planned")]
    return found
