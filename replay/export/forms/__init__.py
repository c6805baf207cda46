"""Forms of an export: one file for each, named as in `--as`.

A form is a module with `write(chosen, calls) -> str`. With `ALL_TURNS = True` it is given every turn of the
case, else the one that is wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from replay.choice import Chosen
from replay.export._call import Call
from replay.registry import Registry


class Form(Protocol):
    """The contract."""

    def write(self, chosen: Chosen, calls: Sequence[Call]) -> str:
        """Return the text of a file. Raises BadInput where a call cannot be written so."""


registry: Registry[Form] = Registry(__name__)
