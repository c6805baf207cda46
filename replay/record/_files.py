"""Which files are read, and in which format."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from replay import filenames, importers
from replay.errors import BadInput, Fault

HEAD = 2**16
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Log:
    """A file that is read. `shown` is its path below what all paths given have in common."""

    path: Path
    shown: str


def logs(paths: Iterable[Path]) -> list[Log]:
    """List the files at `paths`, folders walked and hidden ones left out, sorted. Raises BadInput."""
    paths = [path.absolute() for path in paths]
    found = {path: [path] if path.is_file() else sorted(_below(path)) for path in paths}
    faults = [Fault(str(path), 0, 0, _missing(path)) for path, files in found.items() if not files]
    if faults:
        raise BadInput(faults)
    base = os.path.commonpath([path if path.is_dir() else path.parent for path in paths])
    files = {path for files in found.values() for path in files}
    return sorted((Log(path, path.relative_to(base).as_posix()) for path in files), key=lambda log: log.shown)


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.is_file():
            yield path


def _missing(path: Path) -> str:
    return "holds no files" if path.is_dir() else "is not a file or a folder"


def head(path: Path) -> bytes:
    """Return the first bytes of a file, decompressed. Raises OSError."""
    with path.open("rb") as file:
        first = file.read(HEAD)
    if not first.startswith(b"\x1f\x8b"):
        return first
    try:
        return zlib.decompressobj(wbits=31).decompress(first, HEAD)
    except zlib.error:
        return b""


def sniffed(first: bytes) -> str | None:
    """Return the name of the importer that knows a file which begins so, None when none does."""
    return next(iter(importers.sniffed(first)), None)


def slug(text: str) -> str:
    """Return `text` as a name of lower case letters, digits, `.`, `_`, `-`; a long one ends in a hash."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    clean = re.sub(r"-{2,}", "-", re.sub(r"[^a-z0-9._-]+", "-", plain)).strip("-._") or "unnamed"
    if len(clean) <= LONGEST_NAME and clean != "unnamed" and not filenames.fault(clean):
        return clean
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{clean[: LONGEST_NAME - 9].rstrip('-._')}-{digest}"
