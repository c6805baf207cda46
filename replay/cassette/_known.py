"""Values known to be secret, found in whatever encoding: these cannot come through."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote, quote_plus

from replay.cassette._words import long_words

SHORTEST = 8  # a shorter value is too likely to be an ordinary word
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-=")


class Form(NamedTuple):
    """One way in which a known value may stand in raw text."""

    text: bytes
    plain: bytes
    is_word: bool  # it is a part of a long word
    base64: bool = False


def forms(value: str) -> Iterator[Form]:
    """Yield a value as it is, JSON-escaped up to 4 times, URL-encoded up to twice, in hex and in base64."""
    plain = value.encode("utf-8", "surrogatepass")
    once = quote(plain, safe="")
    texts = {value, once, quote(once), quote(plain), quote_plus(plain), plain.hex(), plain.hex().upper()}
    for ascii_only in (True, False):
        escaped = value
        for _ in range(4):
            escaped = json.dumps(escaped, ensure_ascii=ascii_only)[1:-1]
            texts |= {escaped, escaped.replace("/", "\\/"), quote(escaped, safe="")}
    yield from (_form(text.encode("utf-8", "surrogatepass"), plain) for text in sorted(texts))
    cores = {_core(encode, offset, plain) for encode in (b64encode, urlsafe_b64encode) for offset in range(3)}
    cores |= {escaped for core in cores for escaped in (_percent(core), core.replace(b"/", b"\\/"))}
    yield from (_form(core, plain, base64=True) for core in sorted(cores))


def known(raw: bytes, forms: Iterable[Form]) -> Iterator[tuple[int, int, bytes]]:
    """Yield `(start, end, plain value)` of every form in raw text; of base64 the whole run around it."""
    for form in forms:
        start = raw.find(form.text)
        while start >= 0:
            end = start + len(form.text)
            yield *(_run(raw, start, end) if form.base64 else (start, end)), form.plain
            start = raw.find(form.text, end)


def there(raw: bytes, words: list[bytes], forms: Iterable[Form]) -> list[Form]:
    """Return the forms that stand in raw text, whose long words are given: most can stand in these only."""
    long = b" ".join(words)
    return [form for form in forms if form.text in (long if form.is_word else raw)]


def _core(encode: Callable[[bytes], bytes], offset: int, plain: bytes) -> bytes:
    """Return the part of base64 that `plain` alone decides when it begins at `offset` modulo 3."""
    encoded = encode(bytes(offset) + plain)
    return encoded[-(-8 * offset // 6) : 8 * (offset + len(plain)) // 6]


def _form(text: bytes, plain: bytes, *, base64: bool = False) -> Form:
    return Form(text, plain, long_words(text) == [text], base64)


def _percent(text: bytes) -> bytes:
    return text.replace(b"+", b"%2B").replace(b"/", b"%2F")


def _run(raw: bytes, start: int, end: int) -> tuple[int, int]:
    # The characters around hold some of the value's bits too.
    while start and raw[start - 1] in _BASE64:
        start -= 1
    while end < len(raw) and raw[end] in _BASE64:
        end += 1
    return start, end
