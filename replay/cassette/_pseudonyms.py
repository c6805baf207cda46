"""Pseudonyms: stable, keyed, and of the same shape as what they stand for.

A pseudonym is made from the first 8 hex digits of HMAC-SHA256(salt, family, normalised value), so that the
same value has the same pseudonym everywhere in a project and different values differ. Each is recognisable,
and never redacted again: it names itself, or stands in a range that no real value can have.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from hashlib import sha256

from replay.cassette._flatten import DEPTHS

PLACEHOLDER = re.compile(
    rb"REDACTED-[a-z]+-[0-9a-f]{8}"
    rb"|u-[0-9a-f]{8}@redacted\.invalid"
    rb"|\+155501\d{8}"
    rb"|[0-9a-f]{8}-0000-8000-8000-000000000000"
)
UUID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SCHEME = re.compile(rb"(?i)(?:bearer|basic|token)\s+")
_QUOTES = bytes.maketrans(DEPTHS, b'"' * len(DEPTHS))
TEST_CARD = "400000"  # Visa's prefix of test cards
NO_COUNTRY = "ZZ"  # ISO 3166 keeps ZZ for private use


def pseudonym(salt: str, family: str, value: bytes, *, drop: bool = False) -> bytes:
    """Return what stands for `value`. `family` is key, term, id, email, phone, card, iban, ip or an entity's.

    With `drop` every value of a family gets the same one, which no guessing can confirm.
    """
    plain = _normal(family, value)
    digest = hmac.new(salt.encode(), family.encode() + b"\0" + plain, sha256).hexdigest()[:8]
    if drop:
        digest = "0" * 8
    shape = _SHAPES.get(family)
    if shape:
        return shape(digest, value.decode("latin-1")).encode()
    if UUID.fullmatch(value):  # a version 8 UUID: valid, and free for such use (RFC 9562, section 5.8)
        return f"{digest}-0000-8000-8000-000000000000".encode()
    return f"REDACTED-{family}-{digest}".encode()


def luhn(digits: str) -> int:
    """Return the digit that makes `digits` plus itself pass the Luhn test (ISO/IEC 7812-1, annex B)."""
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[::-2])
    return -(doubled + sum(int(digit) for digit in digits[-2::-2])) % 10


def mod97(iban: str) -> int:
    """Return the remainder of ISO 13616: 1 for a valid IBAN without spaces."""
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97


def _normal(family: str, value: bytes) -> bytes:
    if family in ("phone", "card", "iban"):
        return re.sub(rb"[^0-9A-Za-z]", b"", value).upper()
    if family not in ("key", "id"):
        return value.lower()
    return _SCHEME.sub(b"", value.translate(_QUOTES), count=1)


def _card(digest: str, value: str) -> str:
    count = sum(char.isdigit() for char in value)
    body = (TEST_CARD + str(int(digest, 16)).zfill(10) + "0" * 19)[: count - 1]
    digits = iter(f"{body}{luhn(body)}")
    return "".join(next(digits) if char.isdigit() else char for char in value)


def _iban(digest: str, value: str) -> str:
    count = sum(char.isalnum() for char in value)
    account = f"{digest.upper()}{'0' * 30}"[: count - 4]
    check = 98 - mod97(f"{NO_COUNTRY}00{account}")
    chars = iter(f"{NO_COUNTRY}{check:02}{account}")
    return "".join(next(chars) if char.isalnum() else char for char in value)


def _ip(digest: str, value: str) -> str:
    if ":" in value:
        return f"2001:db8::{digest[:4]}:{digest[4:]}"
    # The documentation ranges hold 768 addresses, too few to keep values apart; 240.0.0.0/4 is not assigned.
    number = int(digest, 16)
    first = 240 + (number >> 24) % 15
    return f"{first}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


_SHAPES: dict[str, Callable[[str, str], str]] = {
    "email": lambda digest, _: f"u-{digest}@redacted.invalid",
    # 555-01xx is kept for fiction and no area code is 555; 8 more digits keep values apart (E.164 allows 15).
    "phone": lambda digest, _: f"+155501{int(digest, 16) % 10**8:08}",
    "card": _card,
    "iban": _iban,
    "ip": _ip,
}
