"""Text inside base64: files in data URLs, basic credentials, the segments of tokens, bodies within bodies."""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import Error, a2b_base64
from collections.abc import Callable, Iterator

Packed = tuple[int, int, bytes, Callable[[bytes], bytes]]  # start, end, text, how to pack a text again

_RUN = re.compile(
    rb"(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/]{24,}|[A-Za-z0-9_-]{24,})={0,2}(?![\w+/=-])", re.ASCII
)
_URLSAFE = bytes.maketrans(b"-_", b"+/")
_STANDARD = bytes.maketrans(b"+/", b"-_")
_NO_TEXT = bytes(range(9)) + b"\x0b\x0c" + bytes(range(14, 32)) + b"\x7f"
_SEPARATOR = re.compile(rb"[.=]+")
_GLANCE = 32  # characters that tell whether a run is worth unpacking: hardly any 24 random bytes are all text


def hinted(words: list[bytes]) -> bool:
    """Tell quickly, from its long words, whether raw text may hold text in base64."""
    runs = (run for word in words if len(word) >= 24 for run in _SEPARATOR.split(word) if len(run) >= 24)
    return any(_is_text(_unpacked(run[place:][:_GLANCE])) for run in runs for place in _beginnings(run))


def _beginnings(run: bytes) -> tuple[int, ...]:
    return (0, 1, 5) if run[0] in b"nrtu" else (0,)  # letters of an escape before it, as in \n


def packed(flat: bytes) -> Iterator[Packed]:
    """Yield `(start, end, text, pack)` of what is text in base64; `pack` writes text in its alphabet."""
    for run in _RUN.finditer(flat):
        if _is_text(_unpacked(run[0][:_GLANCE])) and _is_text(text := _unpacked(run[0])):
            yield *run.span(), text, _packer(run[0])


def _unpacked(run: bytes) -> bytes:
    run = run.rstrip(b"=").translate(_URLSAFE)
    try:
        return a2b_base64(run + b"=" * (-len(run) % 4))
    except Error:
        return b""


def _is_text(data: bytes) -> bool:
    if not data or data.translate(None, _NO_TEXT) != data:
        return False
    try:
        data.decode()
    except UnicodeDecodeError as problem:  # a character may be cut at the end
        return problem.start >= len(data) - 3
    return True


def _packer(run: bytes) -> Callable[[bytes], bytes]:
    urlsafe = b"-" in run or b"_" in run
    padded = run.endswith(b"=") or len(run) % 4 == 0

    def pack(text: bytes) -> bytes:
        encoded = b64encode(text)
        encoded = encoded.translate(_STANDARD) if urlsafe else encoded
        return encoded if padded else encoded.rstrip(b"=")

    return pack
