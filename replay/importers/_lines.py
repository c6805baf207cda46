"""JSON read in small portions out of files that may be of any size, gzipped or not."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from replay.jsontext import parse

LONGEST = 64 * 2**20  # bytes of one line or item; a longer one is skipped, never held
DAMAGE = (OSError, EOFError, zlib.error)  # what reading a file may end in


def opened(path: Path) -> IO[bytes]:
    """Open a file to read, unpacked. Raises OSError."""
    file: Any = path.open("rb")
    if file.peek(2)[:2] != b"\x1f\x8b":
        return cast("IO[bytes]", file)
    unpacked = gzip.GzipFile(fileobj=file)
    unpacked.myfileobj = file  # so that one is closed with the other
    return cast("IO[bytes]", unpacked)


def head(path: Path) -> bytes:
    """Return the first 64 KiB of a file, unpacked; nothing of one that cannot be read."""
    try:
        with opened(path) as stream:
            return stream.read(2**16)
    except DAMAGE:
        return b""


def lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield lines; of one that is too long only the first LONGEST + 1 bytes."""
    while line := stream.readline(LONGEST + 1):
        yield line
        if len(line) > LONGEST:
            while line and not line.endswith(b"\n"):
                line = stream.readline(2**20)


def too_long() -> str:
    """Say why a line or an item is skipped."""
    return f"longer than {LONGEST // 2**20} MiB"


def record(line: bytes) -> tuple[Any, str]:
    """Return the line's JSON object and what is wrong with the line, one of them empty."""
    if len(line) > LONGEST:
        return None, too_long()
    if not line.strip():
        return None, "blank"
    if b"\0" in line:
        return None, "holds a NUL byte"
    try:
        found = parse(line.decode("utf-8-sig"))
    except UnicodeDecodeError as problem:
        return None, f"not UTF-8 (byte {problem.start})"
    except ValueError as problem:
        return None, _not_json(line.strip(), whole=line.endswith(b"\n"), problem=problem)
    return (found, "") if isinstance(found, dict) else (None, "not a JSON object")


def _not_json(line: bytes, *, whole: bool, problem: ValueError) -> str:
    if line.startswith(b"{'"):
        return "a Python repr, not JSON: write lines with json.dumps"
    if not whole and line.startswith(b"{"):
        return "cut: the file ends inside this line"
    return f"not JSON: {problem}"
