"""Names that become names of files, and must be able to on every disk a project is cloned to."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

LONGEST = 200  # bytes; with what is put around a name, 255 is the limit of most disks
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def fault(name: str) -> str | None:
    """Say why `name` cannot be the name of a file or a folder; None where it can."""
    if name in ("", ".", ".."):
        return f'cannot be "{name}"'
    if any(char in "/\\" or not char.isprintable() for char in name):
        return "holds a slash, a backslash or a character that cannot be shown"
    if len(name.encode("utf-8", "replace")) > LONGEST:
        return f"is longer than {LONGEST} bytes"
    if name[-1] in ". ":
        return "ends in a dot or a space, which Windows drops"
    if name.partition(".")[0].lower() in _DEVICES:
        return "is the name of a device on Windows"
    return None


def path_fault(name: str) -> str | None:
    """Say why a name with slashes cannot be the path of a file; None where it can."""
    return next(filter(None, map(fault, name.split("/"))), None)


def clashing(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the pairs of different names that are one name on a disk which does not tell cases apart."""
    seen: dict[str, str] = {}
    for name in dict.fromkeys(names):
        first = seen.setdefault(folded(name), name)
        if first != name:
            yield first, name


def folded(name: str) -> str:
    """Return a name as such a disk compares it."""
    return unicodedata.normalize("NFC", name).casefold()
