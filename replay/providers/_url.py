"""The address of a logged request, as recorders write it."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

_PLACEHOLDER = re.compile(r"^<([A-Za-z0-9_-]+)>")


class Url(NamedTuple):
    """A request's address: `https://host`, the path, and the query by name."""

    origin: str
    path: str
    query: dict[str, str]


def read(url: str) -> Url:
    """Read an address; `<HOST>` at its beginning stands for a host that was taken out. Raises ValueError.

    A path alone has no origin.
    """
    if url.startswith("/") or not url:
        path, _, query = url.partition("?")
        return Url("", path, dict(parse_qsl(query)))
    url = _PLACEHOLDER.sub(lambda match: f"https://{match[1].lower().replace('_', '-')}.invalid", url)
    try:
        parts = urlsplit(url)
    except ValueError as problem:
        raise ValueError(f"its URL cannot be read: {problem}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"its URL is no address: {url}")
    host = parts.netloc.rpartition("@")[2].removesuffix(":443" if parts.scheme == "https" else ":80")
    return Url(f"{parts.scheme}://{host}", parts.path, dict(parse_qsl(parts.query)))


def before(url: Url, ending: str) -> str | None:
    """Return the base address of a call whose path ends in `ending` (`/chat/completions`), None for another.

    Of a path alone it is the empty string.
    """
    found = re.fullmatch(rf"(.*?)/*{re.escape(ending)}/?", url.path)
    return None if found is None else url.origin + found[1] if url.origin else ""
