"""Bodies in the encodings that Python cannot unpack by itself: `br` and `zstd`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from replay.cassette.encoding import MAX_DECODED, Bomb

_PIECE = 1024  # bytes unpacked at a time: what they unpack to is held


def unpacked(body: bytes, encoding: str) -> bytes:
    """Unpack a body. Raises ValueError, also for an encoding that nothing installed can unpack."""
    if encoding not in _PIECES:
        raise ValueError(f"its body is compressed with {encoding}")
    out, size = [], 0
    for piece in _PIECES[encoding](body):
        size += len(piece)
        if size > MAX_DECODED:
            raise Bomb(f"{len(body)} bytes unpack to more than {MAX_DECODED}")
        out.append(piece)
    return b"".join(out)


def _brotli(body: bytes) -> Iterator[bytes]:
    module = _module("br", "brotlicffi", "brotli")
    unpacker = module.Decompressor()
    try:
        for at in range(0, len(body), _PIECE):
            yield unpacker.process(body[at : at + _PIECE])
        if not unpacker.is_finished():
            raise ValueError("its body ends early")
    except module.error as problem:
        raise ValueError(f"its body is damaged: {problem}") from None


def _zstd(body: bytes) -> Iterator[bytes]:
    module = _module("zstd", "compression.zstd", "zstandard")
    unpacker = module.ZstdDecompressor()
    unpacker = unpacker.decompressobj() if hasattr(unpacker, "decompressobj") else unpacker
    try:
        for at in range(0, len(body), _PIECE):
            yield unpacker.decompress(body[at : at + _PIECE])
        if not unpacker.eof:
            raise ValueError("its body ends early")
    except module.ZstdError as problem:
        raise ValueError(f"its body is damaged: {problem}") from None


def _module(encoding: str, *names: str) -> Any:
    for name in names:
        try:
            return import_module(name)
        except ImportError:
            continue
    raise ValueError(f"its body is compressed with {encoding}: pip install {names[-1]}")


_PIECES: dict[str, Callable[[bytes], Iterator[bytes]]] = {"br": _brotli, "zstd": _zstd}
