"""Images, sounds and files as data: URLs (RFC 2397), which is how Chat Completions carries them."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from replay.conversation import Json, Object

_URL = re.compile(r"data:(?P<mime>[^;,]*)(?:;[^;,]+)*?(?P<packed>;base64)?,(?P<data>.*)", re.DOTALL)
_MAGIC = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
    b"BM": "image/bmp",
}


def url(mime: str, data: str) -> str:
    """Return base64 as a data: URL."""
    return f"data:{mime};base64,{data}"


def opened(url: Json) -> tuple[str, str] | None:
    """Return the type of a data: URL and its content in base64, None for any other URL."""
    found = _URL.fullmatch(url) if isinstance(url, str) else None
    if found is None:
        return None
    data = found["data"]
    if not found["packed"]:
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    return found["mime"], data


def image_url(part: Object) -> Json:
    """Return the URL of an image part, in either of the forms that servers take."""
    held = part.get("image_url")
    return held.get("url") if isinstance(held, dict) else held


def mime_of(data: str) -> str:
    """Tell the type of an image in base64 by its first bytes."""
    try:
        head = base64.b64decode(data[:24])
    except (binascii.Error, ValueError):
        head = b""
    return next((mime for magic, mime in _MAGIC.items() if head.startswith(magic)), "image/png")
