"""Fields, parameters and assignments whose name says that their value is secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from replay.cassette._flatten import DEPTHS
from replay.cassette._patterns import masked

Span = tuple[int, int, str]

_FIELD = re.compile(rb"([\"'\x01-\x07])([\w.-]{2,80})\1\s*(?::|=>)\s*(?=\1|\[\s*\1)")
_ASSIGNED = re.compile(
    rb"(?:key|token|secret|passwd|password|pwd|credential|auth|authorization)"
    rb"\s{0,3}[=:]\s{0,3}[\"'\x01-\x07]?([^\s\"'\x01-\x07,;&<>(){}\[\]]{8,})"
)  # for lower case
_NAME = re.compile(rb"(?:\w+ )?[\w.-]+\Z")  # `api key: ...` in prose has two words
_QUERY = re.compile(rb"(?:^|[?&;])([\w.-]{2,80})=([^\s&;#\"'<>\x01-\x07\\]{6,})")
_LISTED = re.compile(  # as cassettes write headers: `x-api-key:`, and the value as a list item below it
    rb"(?:^|\n)[ \t]*[\"']?([\w-]{2,80})[\"']?:[ \t]*\r?\n[ \t]*-[ \t]+[\"']?([^\s\"';]{8,})"
)
_LOGPROB = re.compile(
    rb"[\"\x01-\x07]\s*,\s*[\"\x01-\x07](?:logprob|bytes|top_logprobs|id|token_id|rank|prob)"
)
_OPAQUE = re.compile(rb"(?=\S*\d)(?=\S*[A-Za-z])\S{8,}")

_STRONG = re.compile(
    r"(?:api|app|secret|access|private|signing|encryption|master|account|shared|subscription|webhook|license|admin"
    r"|service|server|client|user|auth|bot)(?:keys?|secrets?)$"
    r"|(?:access|refresh|id|auth|bearer|session|security|api|app|bot|user|oauth|csrf|xsrf|verification)token$"
    r"|(?:password|passwd|passphrase|passcode|pwd)s?$|^(?:proxy|x)?authorization$|connectionstring$|cookies?$"
)
_WEAK = re.compile(r"(?:token|secrets?|credentials?|auth|pass)$")
_SPARED = re.compile(
    r"(?:page|next|continuation|continue|cursor|sync|eos|bos|pad|unk|mask|sep|cls|stop|start|end|max|min|image|audio"
    r"|text|special|cached?|prompt|completion|reasoning|first|last|new|per)token$"
)
_QUERY_NAME = re.compile(
    r"^(?:key|sig|signature|code|xamz(?:signature|credential|securitytoken)|xgoog(?:signature|credential))$"
)


# What a name that says something ends with; nearly all texts can be put aside by looking for these alone.
_ENDS = (
    *(b"key", b"keys", b"secret", b"secrets", b"token", b"auth", b"authorization", b"cookie", b"cookies"),
    *(b"password", b"passwords", b"passwd", b"passphrase", b"passcode", b"pwd", b"pass", b"passwds", b"pwds"),
    *(b"passphrases", b"passcodes", b"credential", b"credentials", b"connectionstring", b"connection_string"),
)
_LOWER = bytes(char + 32 if 65 <= char <= 90 else char for char in range(256))
_BETWEEN = b"\\\"' "


def plain(name: bytes | str) -> str:
    """Return a field's name as names are compared: only its letters and digits, in lower case."""
    text = name if isinstance(name, str) else name.decode("latin-1")
    return re.sub(r"[^a-z0-9]", "", text.lower())


def hinted(raw: bytes) -> bool:
    """Tell quickly whether raw text may name a secret, escaped or not."""
    text = raw.translate(_LOWER, _BETWEEN)
    if any(map(text.__contains__, (b"sig=", b"signature=", b"code="))):
        return True
    names = text.replace(b"=", b":").split(b":")
    return any(name.endswith(_ENDS) and not name.endswith(b"cache_key") for name in names[:-1])


def fields(flat: bytes, added: frozenset[str] = frozenset()) -> Iterator[Span]:
    """Yield `(start, end, kind)` of values, in the flat view; `added` are more (plain) names of secrets."""
    for found in _FIELD.finditer(flat):
        secret = secrecy(found[2], added)
        for start, end in _values(flat, found.end(), found[1]) if secret else ():
            logprob = found[2] == b"token" and _LOGPROB.match(flat, end)
            if not logprob and _is_value(flat[start:end], secret):
                yield start, end, f"field {found[2].decode()}"
    for found in _ASSIGNED.finditer(flat.lower()):
        start, end = found.span(1)
        if _is_value(flat[start:end], 1) and secrecy(_name_before(flat, start)):
            yield start, end, "assignment"
    for found in _LISTED.finditer(flat):
        if secrecy(found[1], added) and _is_value(found[2], 1):
            yield *found.span(2), f"field {found[1].decode()}"
    yield from parameters(flat, added)


def parameters(raw: bytes, added: frozenset[str] = frozenset()) -> Iterator[Span]:
    """Yield `(start, end, kind)` of secret parameters of URLs in raw text, where `%26` ends no value."""
    for found in _QUERY.finditer(raw):
        if secrecy(found[1], added, query=True) and _is_value(found[2], 2):
            yield *found.span(2), f"parameter {found[1].decode()}"


@lru_cache(maxsize=4096)
def secrecy(name: bytes, added: frozenset[str] = frozenset(), *, query: bool = False) -> int:
    """Tell what a field's name says of its value: 2 a secret, 1 a secret if it looks like one, 0 nothing.

    `prompt_tokens`, `prompt_cache_key`, `signature`, `encrypted_content` and their like say nothing.
    """
    word = plain(name)
    if word in added or _STRONG.search(word):
        return 2
    if _WEAK.search(word) and not _SPARED.search(word):
        return 1
    return 2 if query and _QUERY_NAME.search(word) else 0


def _values(flat: bytes, place: int, quote: bytes) -> Iterator[tuple[int, int]]:
    """Yield the text at `place`, or the texts of the list that begins there."""
    ends = re.compile(b'[%s"]' % (DEPTHS if quote == b"'" else DEPTHS[: DEPTHS.index(quote) + 1] + quote))
    more = re.compile(rb"\s*[\[,]\s*(?=%s)" % quote)
    item = more.match(flat, place)
    while True:
        start = (item.end() if item else place) + 1
        # A quote of the text around ends a value that was cut, and so does the end of the data.
        end = found.start() if (found := ends.search(flat, start)) else len(flat)
        yield start, end
        item = more.match(flat, end + 1) if item and flat[end : end + 1] == quote else None
        if not item:
            return


def _name_before(flat: bytes, place: int) -> bytes:
    left = flat[max(0, place - 80) : place].rstrip(DEPTHS + b"'=: \t\n")
    name = _NAME.search(left)
    return name[0] if name else b""


def _is_value(value: bytes, secret: int) -> bool:
    return not masked(value) and (secret == 2 or _OPAQUE.fullmatch(value) is not None)
