"""Requests that come packed: what is in them is matched, redacted, and sent on unpacked."""

from __future__ import annotations

from replay.cassette.encoding import decoded, still_encoded
from replay.errors import BadInput

_NAME = "content-encoding"


def plain(body: bytes, headers: list[tuple[str, str]]) -> tuple[bytes, list[tuple[str, str]]]:
    """Unpack the body of a request, and leave out the header that said so. Raises BadInput."""
    encoding = ",".join(value for name, value in headers if name.lower() == _NAME).strip().lower()
    try:
        unpacked = decoded(body, encoding, ours=True)
    except ValueError as damage:
        raise BadInput(f"the request's body cannot be unpacked as {encoding}: {damage}") from None
    if still_encoded(unpacked, encoding):
        raise BadInput(f"the request's body is packed as {encoding}; send it plain, or as gzip")
    return unpacked, [pair for pair in headers if pair[0].lower() != _NAME]
