"""How Python asks each provider: one file for each that has an SDK, named as the provider.

It is a module with `script(call) -> Script`. A provider without one is asked by plain httpx.
"""

from __future__ import annotations

from typing import Protocol

from replay.export._call import Call
from replay.export.sdks._script import Script
from replay.registry import Registry


class Sdk(Protocol):
    """The contract."""

    def script(self, call: Call) -> Script:
        """Say how this is asked. Raises BadInput where it cannot be."""


registry: Registry[Sdk] = Registry(__name__)


def script(call: Call) -> Script:
    """Say how Python asks this: through the provider's SDK, or by plain httpx. Raises BadInput."""
    name = call.target.provider
    if name in registry.names():
        return registry.get(name).script(call)
    from replay.export.sdks import _plain

    return _plain.script(call)
