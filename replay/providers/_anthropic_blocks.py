"""Content blocks of the Messages wire, and the parts of content they are.

https://docs.claude.com/en/api/messages

What a block says beside what its part has a word for (`cache_control`, `citations`, ...) stands in the part's
`native`. A block that does not come back from its part as it was is kept as it is, as a part of type native.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable

from replay.conversation import Object
from replay.jsontext import same
from replay.providers import _media, _native

WIRE = "anthropic"
_PDF = "application/pdf"
_TEXT = "text/plain"


def part(block: Object) -> Object:
    """Return the part of content that a block is."""
    read = _READ.get(block["type"]) if isinstance(block.get("type"), str) else None
    found = read(block) if read else None
    if found is None:
        return _native.part(WIRE, block)
    rest = {key: value for key, value in block.items() if key not in ("type", "text", "source", "title")}
    found |= _native.keep(WIRE, rest)
    return found if same(written(found), block) else _native.part(WIRE, block)


def written(said: Object) -> Object | None:
    """Return the block that says a part; None for a part that this wire has no word for, or that is empty."""
    native = _native.said(said, WIRE)
    if native is not None:
        return native
    write = _WRITE.get(str(said.get("type")))
    block = write(said) if write else None
    if block is None:
        return None
    cached = {"cache_control": said["cache_control"]} if said.get("cache_control") else {}
    return block | cached | _native.own(said, WIRE)


def blocks(content: str | Iterable[Object] | None) -> list[Object]:
    """Return the blocks that say a message's content."""
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or ()
    return [block for item in parts if (block := written(item)) is not None]


def bare(parts: list[Object]) -> str | None:
    """Return the text of content that is nothing but one plain text, None of any other."""
    if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
        text: str = parts[0]["text"]
        return text
    return None


def _read_text(block: Object) -> Object | None:
    return {"type": "text", "text": block["text"]} if isinstance(block.get("text"), str) else None


def _write_text(said: Object) -> Object | None:
    text = said.get("refusal") if said.get("type") == "refusal" else said.get("text")
    return {"type": "text", "text": text} if isinstance(text, str) and text.strip() else None


def _read_image(block: Object) -> Object | None:
    source = _source(block)
    url = _data_url(source) if source.get("type") == "base64" else source.get("url")
    return {"type": "image_url", "image_url": {"url": url}} if isinstance(url, str) else None


def _write_image(said: Object) -> Object | None:
    url = _media.image_url(said)
    if not isinstance(url, str):
        return None
    opened = _media.opened(url)
    if opened is None:
        return {"type": "image", "source": {"type": "url", "url": url}}
    mime, data = opened
    mime = "image/jpeg" if mime == "image/jpg" else mime or _media.mime_of(data)
    return {"type": "image", "source": {"type": "base64", "media_type": mime, "data": data}}


def _read_document(block: Object) -> Object | None:
    source = _source(block)
    held: Object = {}
    if source.get("type") == "base64":
        held = {"file_data": _data_url(source)}
    elif source.get("type") == "text" and isinstance(source.get("data"), str):
        data = base64.b64encode(source["data"].encode("utf-8", "surrogatepass")).decode()
        held = {"file_data": _media.url(_TEXT, data)}
    elif source.get("type") == "file":
        held = {"file_id": source.get("file_id")}
    if not all(isinstance(value, str) for value in held.values()) or not held:
        return None
    named = {"filename": block["title"]} if isinstance(block.get("title"), str) else {}
    return {"type": "file", "file": held | named}


def _write_document(said: Object) -> Object | None:
    held = said.get("file")
    source = _document_source(held) if isinstance(held, dict) else None
    if source is None or not isinstance(held, dict):
        return None
    title = {"title": held["filename"]} if isinstance(held.get("filename"), str) else {}
    return {"type": "document", "source": source} | title


def _document_source(held: Object) -> Object | None:
    if isinstance(held.get("file_id"), str):
        return {"type": "file", "file_id": held["file_id"]}
    data = held.get("file_data")
    if not isinstance(data, str):
        return None
    mime, packed = _media.opened(data) or (_PDF, data)
    if not mime.startswith("text/"):
        return {"type": "base64", "media_type": mime or _PDF, "data": packed}
    try:
        text = base64.b64decode(packed).decode("utf-8", "surrogatepass")
    except ValueError:
        return None
    return {"type": "text", "media_type": _TEXT, "data": text}


def _source(block: Object) -> Object:
    source = block.get("source")
    return source if isinstance(source, dict) else {}


def _data_url(source: Object) -> str | None:
    mime, data = source.get("media_type"), source.get("data")
    return _media.url(mime, data) if isinstance(mime, str) and isinstance(data, str) else None


_Translate = Callable[[Object], Object | None]
_READ: dict[str, _Translate] = {"text": _read_text, "image": _read_image, "document": _read_document}
_WRITE: dict[str, _Translate] = {
    "text": _write_text,
    "refusal": _write_text,
    "image_url": _write_image,
    "file": _write_document,
}
