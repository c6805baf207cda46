"""The long words of a text: a credential of whatever form is one, or a part of one."""

from __future__ import annotations

import string

_PLAIN = (string.ascii_letters + string.digits + "_.~-").encode()
_SHAPE = bytes(0x41 if char in _PLAIN + b"+/=" else 0x20 for char in range(256))
_SEPARATED = bytes(char if char in _PLAIN else 0x20 for char in range(256))
LEAST = 16
_RUN = b"A" * LEAST


def long_words(raw: bytes) -> list[bytes]:
    """Return the runs of LEAST or more letters, digits and `_.~-+/=`; many times as fast as a pattern."""
    shape, words = raw.translate(_SHAPE), list[bytes]()
    start = shape.find(_RUN)
    while start >= 0:
        end = shape.find(b" ", start)
        words.append(raw[start:end] if end >= 0 else raw[start:])
        start = shape.find(_RUN, end) if end >= 0 else -1
    return words


def parts(words: list[bytes]) -> list[bytes]:
    """Return what lies between the `+/=` of words, where it is that long."""
    return [part for word in words for part in word.translate(_SEPARATED).split() if len(part) >= LEAST]
