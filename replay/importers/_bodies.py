"""Bytes as recorders store them: text, binary, a parsed tree, base64, compressed whatever the headers say."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path

from replay.conversation import Json

LIMIT = 256 * 2**20  # bytes of one decompressed file or body; what needs more is taken for a bomb

_ENCODED = ("string", "base64_string", "encoding")


def read_file(path: Path) -> bytes:
    """Return a file's bytes, decompressed when it is gzip. Raises ValueError (not readable as such)."""
    return inflated(path.read_bytes())


def body_bytes(value: Json) -> bytes | None:
    """Return the bytes of a recorded body, None where none is recorded. Raises ValueError.

    Known forms: text, bytes, `{string}` (vcrpy), `{encoding, string | base64_string}` (Ruby VCR), text that
    starts with `base64:` (ddapm), and any other JSON value as the body's own tree.
    """
    if isinstance(value, dict) and set(value) <= set(_ENCODED):
        return _encoded(value)
    if isinstance(value, str) and value.startswith("base64:"):
        return inflated(_base64(value.removeprefix("base64:")))
    if isinstance(value, str | bytes):
        return inflated(_raw(value))
    return None if value is None else _raw(json.dumps(value, ensure_ascii=False))


def inflated(data: bytes) -> bytes:
    """Return `data` decompressed when its first bytes say gzip or zlib, else as it is. Raises ValueError."""
    if not data.startswith((b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda")):
        return data
    stream = zlib.decompressobj(wbits=47)  # 32 + 15: gzip or zlib, told by the header
    try:
        out = stream.decompress(data, LIMIT)
    except zlib.error as problem:
        raise ValueError(f"compressed data is damaged ({problem})") from None
    if stream.unconsumed_tail:
        raise ValueError(f"more than {LIMIT // 2**20} MiB after decompression")
    if not stream.eof:
        raise ValueError("compressed data is cut short")
    return out


def _encoded(value: dict[str, Json]) -> bytes | None:
    if value.get("base64_string") is not None:
        return inflated(_base64(value["base64_string"]))
    text = value.get("string")
    encoding = str(value.get("encoding") or "utf-8")
    if isinstance(text, str) and encoding.lower().startswith("iso-8859"):
        return inflated(text.encode("latin-1", "replace"))
    return body_bytes(text)


def _base64(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)


def _raw(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
