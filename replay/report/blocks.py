"""The folded part of the page: the lines of `run.jsonl`, gzipped in blocks that the browser opens when asked.

The lines wait in a spool file, as what stands above them on the page is known last. Cases of one block share
a compression window, so what they have in common (system prompts, tools) is stored about once. Base64 needs
no escaping inside `<script>`.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from typing import IO

SIZE = 384 * 1024  # bytes of lines in a block: opening one takes some 5 ms, and the window is well used
GZIP = 31  # zlib's wbits for the gzip container, which the browser's DecompressionStream reads
LEVEL = 4  # a third of the time that 6 takes, for pages a tenth larger


class Blocks:
    """Writes blocks into `spool` as `<script>` elements. `sizes` counts the cases in each."""

    def __init__(self, spool: IO[bytes]) -> None:
        self.sizes: list[int] = []
        self._spool = spool
        self._fresh()

    def place(self) -> str:
        """Where the next line will be: its block, and its number there, as `3.12`."""
        return f"{len(self.sizes)}.{self._cases}"

    def add(self, line: bytes) -> None:
        """Add one line of `run.jsonl`, with its newline."""
        self._parts.append(self._gzip.compress(line))
        self._cases += 1
        self._bytes += len(line)
        if self._bytes >= SIZE:
            self.flush()

    def flush(self) -> None:
        """End the block that is being filled."""
        if self._cases:
            packed = b64encode(b"".join((*self._parts, self._gzip.flush())))
            number = len(self.sizes)
            head = f'<script type="application/octet-stream" id="block-{number}">'
            self._spool.write(head.encode() + packed + b"</script>\n")
            self.sizes.append(self._cases)
            self._fresh()

    def _fresh(self) -> None:
        self._gzip = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
        self._parts: list[bytes] = []
        self._cases = self._bytes = 0


def around(frame: str, mark: str, spool: IO[bytes]) -> Iterator[bytes]:
    """Yield a page with the blocks of `spool` in the place of `mark`."""
    head, _, tail = frame.partition(mark)
    yield head.encode()
    spool.seek(0)
    yield from iter(partial(spool.read, 1 << 20), b"")
    yield tail.encode()
