"""What a capsule was made with: Replay, Python, and the libraries that Replay stands on where installed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version

OURS = "conversation-replay"
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def versions() -> dict[str, str]:
    """Return the versions here, by the name of what is installed."""
    return {"python": sys.version.split()[0], OURS: version(OURS)} | dict(_libraries())


def _libraries() -> Iterator[tuple[str, str]]:
    """Yield every library that Replay or one of its extras names, but for those of its own tests."""
    for requirement in requires(OURS) or ():
        name = _NAME.match(requirement)
        if name and 'extra == "tests"' not in requirement:
            try:
                yield name[0], version(name[0])
            except PackageNotFoundError:
                continue


def differences(there: Mapping[str, str]) -> list[str]:
    """Say which versions are others here than there: `openai 3.52.0 (here 3.50.1)`."""
    here = versions()
    return [
        f"{name} {there[name]} (here {here.get(name, 'none')})"
        for name in sorted(there)
        if here.get(name) != there[name]
    ]
