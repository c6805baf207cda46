"""Where a request goes that is to be recorded."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from replay.errors import BadInput, nearest
from replay.providers import registry

_HOST = re.compile(r"(?:[\w.-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?")


def origins(given: Iterable[str]) -> dict[str, str]:
    """Read `https://host`, for all wires, and `anthropic=https://host`, for one. Raises BadInput."""
    return dict(map(_origin, given))


def origin(wire: str | None, given: dict[str, str]) -> str | None:
    """Return where a wire is asked: as given, or at its provider's own API; None where nobody knows."""
    own = getattr(registry.get(wire), "HOME", None) if wire else None
    return given.get(wire or "") or given.get("") or own


def _origin(text: str) -> tuple[str, str]:
    wire, named, url = text.partition("=")
    if not named or "/" in wire:
        wire, url = "", text
    if wire and wire not in registry.names():
        raise BadInput(f'upstream {text}: no provider is called "{wire}"; {nearest(wire, registry.names())}')
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"upstream {text}: must be an address that begins with https:// (or http://)")
    if not _HOST.fullmatch(parts.netloc):
        raise BadInput(f"upstream {text}: no host has such a name")
    if parts.path.strip("/") or parts.query:
        raise BadInput(
            f"upstream {text}: give the host alone, {parts.scheme}://{parts.netloc}\n"
            f"the app's base address has the path: http://127.0.0.1:PORT{parts.path.rstrip('/')}"
        )
    return wire, f"{parts.scheme}://{parts.netloc}"
