"""The parts of a content that are said: text, images, audio, files.

https://ai.google.dev/api/caching#Part. What a part says beside its common words (`thoughtSignature`,
`videoMetadata`, ...) stands under `native` in the content part; a part of another kind is a native part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from replay.conversation import Json, Object
from replay.jsontext import same
from replay.providers import _native
from replay.providers._gemini_words import SPELLING, WIRE, completed, in_camel, left_over

_DATA_URL = re.compile(r"data:(?P<mime>[^;,]*);base64,(?P<data>.*)", re.DOTALL)
_FOR_URLS = "base64url"  # among the spellings: that data is in the base64 for URLs
_AUDIO = ("wav", "mp3")  # the formats that Chat Completions has
_MIME = {
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}
_EXTENSION = re.compile(r"\.([a-z]+)(?:[?#].*)?$", re.IGNORECASE)


def read_part(raw: Object) -> Object:
    """Return a part as a content part, native where it has no common form."""
    spelling: set[str] = set()
    part = _plain(in_camel(raw, spelling), spelling)
    for common in () if part.get("thought") else _common(part):
        rest = left_over(part, _written(common) or {}, spelling)
        if rest is not None and same(write_part(common | rest), raw):
            return common | rest
    return _native.part(WIRE, raw)


def _plain(part: Object, spelling: set[str]) -> Object:
    """Return a part with its data in the usual base64; Google's own clients write the one for URLs."""
    blob = part.get("inlineData")
    data = blob.get("data") if isinstance(blob, dict) else None
    if not isinstance(blob, dict) or not isinstance(data, str) or not set("-_") & set(data):
        return part
    spelling.add(_FOR_URLS)
    return part | {"inlineData": blob | {"data": data.translate(str.maketrans("-_", "+/"))}}


def _for_urls(part: Object) -> Object:
    name = "inlineData" if "inlineData" in part else "inline_data"
    data = str(part[name]["data"]).translate(str.maketrans("+/", "-_"))
    return part | {name: part[name] | {"data": data}}


def _common(part: Object) -> Iterator[Object]:
    """Yield the content parts that may say this, the most telling first."""
    blob, stored = part.get("inlineData"), part.get("fileData")
    if isinstance(part.get("text"), str):
        yield {"type": "text", "text": part["text"]}
    elif isinstance(blob, dict):
        yield from _inline(str(blob.get("mimeType")), blob.get("data"))
    elif isinstance(stored, dict) and isinstance(stored.get("fileUri"), str):
        if str(stored.get("mimeType")).startswith("image/"):
            yield {"type": "image_url", "image_url": {"url": stored["fileUri"]}}
        yield {"type": "file", "file": {"file_id": stored["fileUri"]}}


def _inline(mime: str, data: Json) -> Iterator[Object]:
    kind, _, form = mime.partition("/")
    url = f"data:{mime};base64,{data}"
    if kind == "image":
        yield {"type": "image_url", "image_url": {"url": url}}
    if kind == "audio" and form in _AUDIO:
        yield {"type": "input_audio", "input_audio": {"data": data, "format": form}}
    yield {"type": "file", "file": {"file_data": url}}


def write_part(part: Object) -> Object | None:
    """Return a content part in Gemini's words, None where it has none: the inverse of `read_part`."""
    if part.get("type") == _native.NATIVE:
        return _native.said(part, WIRE)
    written = _written(part)
    if written is None:
        return None
    sent = completed(written, part)
    spelling = _native.own(part, WIRE).get(SPELLING) or ()
    return _for_urls(sent) if _FOR_URLS in spelling and "inlineData" in written else sent


def _written(part: Object) -> Object | None:
    kind = part.get("type")
    body = part.get(str(kind))
    if kind in ("text", "refusal"):
        return {"text": body if isinstance(body, str) else ""}
    if not isinstance(body, dict):
        return None
    if kind == "input_audio":
        return {"inlineData": {"mimeType": f"audio/{body.get('format')}", "data": body.get("data")}}
    if kind == "image_url":
        return _image(body.get("url"))
    return _file(body) if kind == "file" else None


def _image(url: Json) -> Object | None:
    """An image; of one at another address the type is told by its extension."""
    if not isinstance(url, str) or url.startswith("data:"):
        return _blob(url)
    extension = _EXTENSION.search(url)
    mime = _MIME.get(extension[1].lower()) if extension else None
    return {"fileData": {"fileUri": url} | ({"mimeType": mime} if mime else {})}


def _file(body: Object) -> Object | None:
    data, key = body.get("file_data"), body.get("file_id")
    if isinstance(data, str):
        return _blob(data if data.startswith("data:") else f"data:application/pdf;base64,{data}")
    return {"fileData": {"fileUri": key}} if isinstance(key, str) else None


def _blob(url: Json) -> Object | None:
    found = _DATA_URL.fullmatch(url) if isinstance(url, str) else None
    return {"inlineData": {"mimeType": found["mime"], "data": found["data"]}} if found else None
