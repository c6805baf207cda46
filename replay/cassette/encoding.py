"""Content encodings: bodies are kept decoded, whatever the headers say about them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

MAX_DECODED = 256 * 1024 * 1024  # bytes one body may unpack to
MAX_RATIO = 200  # and how much larger than packed, above one MiB

_GZIP_MAGIC = b"\x1f\x8b"
_KNOWN = ("gzip", "x-gzip", "deflate")
_FOREIGN_MAGIC = {"zstd": b"\x28\xb5\x2f\xfd"}


class Bomb(ValueError):
    """A body that unpacks to more than anyone meant to send."""


def decoded(body: bytes, encoding: str, *, ours: bool = False) -> bytes:
    """Unpack a stored body. Only what the bytes show counts: many recordings say `gzip` over plain text.

    What we recorded (`ours`) was unpacked then: there, bytes that look packed and are not said to be are a
    download. Raises Bomb, and ValueError for a damaged body.
    """
    if body.startswith(_GZIP_MAGIC) and (encoding or not ours):
        return _inflate(body, zlib.MAX_WBITS | 16)
    if encoding == "deflate" and not _is_text(body):
        try:
            return _inflate(body, zlib.MAX_WBITS)
        except Bomb:
            raise
        except ValueError:
            return _inflate(body, -zlib.MAX_WBITS)
    return body


def request_body(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return a request's body as it is looked up and kept: unpacked, so that what is in it is found.

    One that is damaged, or packed as we do not read it, stays as it is.
    """
    try:
        return decoded(body, headers.get("content-encoding", "").strip().lower(), ours=True)
    except ValueError:
        return body


def still_encoded(body: bytes, encoding: str) -> bool:
    """Tell whether a body `decoded` returned is still packed, in an encoding we do not read (br, zstd)."""
    if encoding in ("", "identity", *_KNOWN):
        return False
    magic = _FOREIGN_MAGIC.get(encoding)
    return body.startswith(magic) if magic else not _is_text(body)


def decoder(headers: Mapping[str, list[str]]) -> Callable[[bytes], bytes] | None:
    """Return what unpacks a live body piece by piece; None when there is nothing to unpack or no way to."""
    encoding = ",".join(headers.get("content-encoding", ())).strip().lower()
    return _Incremental(encoding).feed if encoding in _KNOWN else None


class _Incremental:
    """Unpacks as bytes arrive; the first ones tell gzip, zlib and raw deflate apart; plain text passes."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._head = b""
        self._unpack: Callable[[bytes], bytes] | None = None
        self._packed = self._unpacked = 0

    def feed(self, data: bytes) -> bytes:
        """Return what these bytes unpack to, possibly nothing yet. Raises zlib.error, for a bomb too."""
        self._packed += len(data)
        piece = self._fed(data)
        self._unpacked += len(piece)
        limit = _limit(self._packed)
        if self._unpacked > limit:
            raise zlib.error(f"{self._packed} bytes unpack to more than {limit}")
        return piece

    def _fed(self, data: bytes) -> bytes:
        if self._unpack is None:
            self._head += data
            if len(self._head) < 2:
                return b""
            data, self._unpack = self._head, self._sniffed(self._head)
        return self._unpack(data)

    def _sniffed(self, head: bytes) -> Callable[[bytes], bytes]:
        if head.startswith(_GZIP_MAGIC):
            return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress
        if self._encoding != "deflate":
            return bytes
        is_zlib = head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0
        return zlib.decompressobj(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS).decompress


def _limit(packed: int) -> int:
    return min(MAX_DECODED, max(1 << 20, MAX_RATIO * packed))


def _inflate(body: bytes, window: int) -> bytes:
    limit = _limit(len(body))
    out, left, rest = [], limit, body
    try:
        while rest:  # gzip may come in several members
            unpacker = zlib.decompressobj(window)
            piece = unpacker.decompress(rest, left + 1)
            left -= len(piece)
            if left < 0:
                raise Bomb(f"{len(body)} bytes unpack to more than {limit}")
            out.append(piece)
            if not unpacker.eof:
                raise ValueError("it ends early")
            rest = unpacker.unused_data if unpacker.unused_data.startswith(_GZIP_MAGIC) else b""
    except zlib.error as problem:
        raise ValueError(str(problem)) from None
    return b"".join(out)


def _is_text(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
