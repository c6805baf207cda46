"""Personal data that can be recognised by its form: e-mail, phone (E.164), card, IBAN, public IP address.

Each finder takes the flat view of a text and yields `(start, end, family)`. What has no checkable form
(names, street addresses) is left to the terms a project lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address

from replay.cassette._flatten import DEPTHS
from replay.cassette._pseudonyms import NO_COUNTRY, TEST_CARD, luhn, mod97

Span = tuple[int, int, str]

_EMAIL = re.compile(
    rb"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}(?![\w-])", re.ASCII
)
_PHONE = re.compile(rb"(?<![\w+/=])\+[1-9](?:[ ().-]{0,2}\d){7,14}(?!\d|\.\d)")
_CARD = re.compile(rb"(?<![\w.+-])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\w-]|\.\d)")
_CARD_PREFIX = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|(?:6011|64[4-9]\d|65\d\d)\d{12}|35\d{14}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|62\d{14,17}"
)
_IBAN = re.compile(rb"(?<![\w+/=])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?![\w+/=])")
_IP4 = re.compile(rb"(?<![\w.@-])(?<!ersion )\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w-]|\.\d)")
_IP6 = re.compile(rb"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{2,34}(?![\w:])")
_QUOTES = tuple(DEPTHS[depth : depth + 1] for depth in range(len(DEPTHS)))
# Length by country, from the IBAN registry (ISO 13616).
_IBAN_LENGTHS = {
    country: int(length)
    for length, countries in re.findall(
        r"(\d+)((?: [A-Z]{2})+)",
        "15 NO 16 BE 18 DK FI FO GL NL SD 19 MK SI 20 AT BA EE KZ LT LU MN XK 21 CH HR LI LV "
        "22 BG BH CR DE GB GE IE ME RS VA 23 AE IL IQ OM SO TL 24 AD CZ ES MD PK RO SA SE SK TN VG "
        "25 LY PT ST 26 IS TR 27 FR GR IT MC MR SM BI DJ 28 AL AZ BY CY DO GT HU LB NI PL SV "
        "29 BR EG PS QA UA 30 JO KW MU YE 31 MT SC 32 LC 33 RU",
    )
    for country in countries.split()
}


def emails(flat: bytes) -> Iterator[Span]:
    """Yield e-mail addresses, but not `git@host`, which is nobody's."""
    for found in _EMAIL.finditer(flat):
        if not found[0].startswith(b"git@"):
            yield *found.span(), "email"


def phones(flat: bytes) -> Iterator[Span]:
    """Yield international phone numbers: a plus sign and 8 to 15 digits."""
    for found in _PHONE.finditer(flat):
        yield *found.span(), "phone"


def cards(flat: bytes) -> Iterator[Span]:
    """Yield card numbers of known issuers that pass the Luhn test; never a JSON number or a test card."""
    for found in _CARD.finditer(flat):
        digits = re.sub(rb"\D", b"", found[0]).decode()
        if digits.startswith(TEST_CARD) or not _CARD_PREFIX.fullmatch(digits) or _is_number(flat, found):
            continue
        if luhn(digits[:-1]) == int(digits[-1]):
            yield *found.span(), "card"


def ibans(flat: bytes) -> Iterator[Span]:
    """Yield account numbers with a country, a length and check digits that agree."""
    for found in _IBAN.finditer(flat):
        length = _IBAN_LENGTHS.get(found[0][:2].decode(), 0)
        end = _after(found[0], length)
        iban = found[0][:end].replace(b" ", b"").decode()
        whole = length == len(iban) and not found[0][end : end + 1].isalnum()
        if whole and not iban.startswith(NO_COUNTRY) and mod97(iban) == 1:
            yield found.start(), found.start() + end, "iban"


def addresses(flat: bytes) -> Iterator[Span]:
    """Yield public IP addresses; after a slash (not a URL's) stands a version, as in `Chrome/120.0.0.0`."""
    for pattern in (_IP4, _IP6):
        for found in pattern.finditer(flat):
            start = found.start()
            version = flat[start - 1 : start] == b"/" and flat[start - 3 : start] != b"://"
            if not version and _is_public(found[0].decode()):
                yield *found.span(), "ip"


Finder = Callable[[bytes], Iterator[Span]]

# Every digit becomes 0 and every capital A, so that a form can be looked for as a plain text.
_CLASSES = bytes(
    0x30 if chr(char).isdecimal() else 0x41 if 0x41 <= char <= 0x5A else char for char in range(256)
)
_SEPARATORS = b" ()-"
# What must be there in the classes of a text (without separators?), and then a form of them.
_HINTS: tuple[tuple[Finder, bool, bytes, re.Pattern[bytes]], ...] = (
    (emails, False, b"@", re.compile(rb"[\w%+-]@[\w-]")),
    (phones, True, b"+0000000", re.compile(rb"\+0[0 ().-]{7}")),
    (cards, True, b"0" * 13, re.compile(rb"0000(?:[ -]?0){9}")),
    (ibans, False, b"AA00", re.compile(rb"AA00 ?[A0]{4} ?[A0]{4} ?[A0]{3}")),
    (addresses, False, b"0.0", re.compile(rb"0\.0{1,3}\.0{1,3}\.0")),
    (addresses, False, b":", re.compile(rb"0[0Aa-f]{3}:[0Aa-f]{0,4}:")),
)


def finders(raw: bytes) -> tuple[Finder, ...]:
    """Return the finders that may find something in raw text, to judge by a quick look."""
    classes, packed = raw.translate(_CLASSES), raw.translate(_CLASSES, _SEPARATORS)
    likely = (
        finder
        for finder, is_packed, needle, form in _HINTS
        if needle in (packed if is_packed else classes) and form.search(classes)
    )
    return tuple(dict.fromkeys(likely))


FINDERS: tuple[Finder, ...] = (emails, phones, cards, ibans, addresses)


def _is_public(address: str) -> bool:
    try:
        return ip_address(address).is_global
    except ValueError:
        return False


def _is_number(flat: bytes, found: re.Match[bytes]) -> bool:
    """Whether it stands as a number in JSON, as in `"id": 4111...`. Numbers are never changed."""
    before = flat[max(0, found.start() - 8) : found.start()].rstrip()
    if before.endswith(b":") and before[:-1].rstrip().endswith(_QUOTES):
        return True
    after = flat[found.end() : found.end() + 8].lstrip()
    alone = before.endswith((b"[", b",", b":")) and after.startswith((b"]", b",", b"}"))
    return alone and flat.lstrip().startswith((b"[", b"{")) and flat.count(b'"', 0, found.start()) % 2 == 0


def _after(text: bytes, count: int) -> int:
    """Return the offset after the first `count` characters that are no space."""
    seen = 0
    for offset, char in enumerate(text):
        seen += char != 0x20
        if seen == count:
            return offset + 1
    return len(text)
