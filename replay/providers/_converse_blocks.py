"""Content blocks of the Converse wire, and the parts of content they are.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html

What a block says beside what its part has a word for stands in the part's `native`. A block that does not
come back from its part as it was is kept as it is, as a part of type native.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable

from replay.conversation import Json, Object
from replay.jsontext import same
from replay.providers import _media, _native

WIRE = "bedrock"
_FORMATS = {
    "pdf": "application/pdf",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html",
    "txt": "text/plain",
    "md": "text/markdown",
}
_FORMAT_OF = {mime: name for name, mime in _FORMATS.items()}
_IN_NAMES = re.compile(r"[^A-Za-z0-9\s()\[\]-]+")  # a document's name may hold nothing else


def part(block: Object) -> Object:
    """Return the part of content that a block is."""
    kind = next(iter(block)) if len(block) == 1 else ""
    read = _READ.get(kind)
    found = read(block[kind]) if read else None
    if found is None:
        return _native.part(WIRE, block)
    found = _native.merged(found, _native.keep(WIRE, _native.beyond(block, written(found) or {})))
    return found if same(written(found), block) else _native.part(WIRE, block)


def written(said: Object) -> Object | None:
    """Return the block that says a part; None for a part that this wire has no word for."""
    native = _native.said(said, WIRE)
    if native is not None:
        return native
    write = _WRITE.get(str(said.get("type")))
    block = write(said) if write else None
    rest = {key: value for key, value in _native.own(said, WIRE).items() if key != "as"}
    return block and _native.merged(block, rest)


def blocks(content: str | Iterable[Object] | None) -> list[Object]:
    """Return the blocks that say a message's content; there is no empty text on this wire."""
    parts = [{"type": "text", "text": content}] if isinstance(content, str) and content else content or ()
    return [block for item in parts if isinstance(item, dict) and (block := written(item)) is not None]


def content(blocks: Iterable[Object]) -> str | list[Object]:
    """Return blocks as a message's content: one plain text is text."""
    parts = [part(block) for block in blocks]
    return bare(parts) if bare(parts) is not None else parts or ""


def bare(parts: list[Object]) -> Json:
    """Return the text of content that is nothing but one plain text, None of any other."""
    plain = len(parts) == 1 and parts[0].keys() == {"type", "text"}
    return (parts[0]["text"] or None) if plain else None


def _read_text(text: Json) -> Object | None:
    return {"type": "text", "text": text} if isinstance(text, str) else None


def _read_guarded(held: Json) -> Object | None:
    inner = held.get("text") if isinstance(held, dict) else None
    read = _read_text(inner.get("text")) if isinstance(inner, dict) else None
    return read and read | _native.keep(WIRE, {"as": "guardContent"})


def _read_cited(held: Json) -> Object | None:
    texts = held.get("content") if isinstance(held, dict) else None
    one = isinstance(texts, list) and len(texts) == 1 and isinstance(texts[0], dict)
    read = _read_text(texts[0].get("text")) if one and texts else None
    return read and read | _native.keep(WIRE, {"as": "citationsContent"})


def _write_text(said: Object) -> Object | None:
    text = said.get("refusal") if said.get("type") == "refusal" else said.get("text")
    if not isinstance(text, str):
        return None
    form = _native.own(said, WIRE).get("as")
    if form == "guardContent":
        return {"guardContent": {"text": {"text": text}}}
    return (
        {"citationsContent": {"content": [{"text": text}]}} if form == "citationsContent" else {"text": text}
    )


def _bytes(held: Json) -> str | None:
    source = held.get("source") if isinstance(held, dict) else None
    data = source.get("bytes") if isinstance(source, dict) else None
    return data if isinstance(data, str) else None


def _read_image(held: Json) -> Object | None:
    data = _bytes(held)
    url = _media.url(f"image/{held.get('format')}", data) if data is not None else ""
    return {"type": "image_url", "image_url": {"url": url}} if url else None


def _write_image(said: Object) -> Object | None:
    found = _media.opened(_media.image_url(said))
    if found is None:
        return None
    form = found[0].partition("/")[2]
    return {"image": {"format": "jpeg" if form == "jpg" else form, "source": {"bytes": found[1]}}}


def _read_document(held: Json) -> Object | None:
    data, form = _bytes(held), ""
    if data is None:
        source = held.get("source") if isinstance(held, dict) else None
        text = source.get("text") if isinstance(source, dict) else None
        if not isinstance(text, str):
            return None
        data, form = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode(), "text"
    mime = _FORMATS.get(str(held.get("format")), "text/plain" if form else "application/octet-stream")
    named = {"filename": held["name"]} if isinstance(held.get("name"), str) else {}
    file = {"file_data": _media.url(mime, data)} | named
    return {"type": "file", "file": file} | _native.keep(WIRE, {"as": "text"} if form else {})


def _write_document(said: Object) -> Object | None:
    held = said.get("file")
    found = _media.opened(held.get("file_data")) if isinstance(held, dict) else None
    if found is None or not isinstance(held, dict):
        return None
    name = str(held.get("filename") or "document")
    form = _FORMAT_OF.get(found[0]) or name.rpartition(".")[2].lower()
    source = {"text": _decoded(found[1])} if _native.own(said, WIRE).get("as") else {"bytes": found[1]}
    stem = name.removesuffix(f".{form}")
    return {"document": {"format": form, "name": _IN_NAMES.sub("-", stem), "source": source}}


def _decoded(data: str) -> str:
    try:
        return base64.b64decode(data).decode("utf-8", "surrogatepass")
    except (binascii.Error, ValueError):
        return ""


def _read_audio(held: Json) -> Object | None:
    data = _bytes(held)
    form = held.get("format") if isinstance(held, dict) else None
    known = data is not None and isinstance(form, str)
    return {"type": "input_audio", "input_audio": {"data": data, "format": form}} if known else None


def _write_audio(said: Object) -> Object | None:
    held = said.get("input_audio")
    if not isinstance(held, dict):
        return None
    return {"audio": {"format": held.get("format"), "source": {"bytes": held.get("data")}}}


_READ: dict[str, Callable[[Json], Object | None]] = {
    "text": _read_text,
    "image": _read_image,
    "document": _read_document,
    "audio": _read_audio,
    "guardContent": _read_guarded,
    "citationsContent": _read_cited,
}
_WRITE: dict[str, Callable[[Object], Object | None]] = {
    "text": _write_text,
    "refusal": _write_text,
    "image_url": _write_image,
    "file": _write_document,
    "input_audio": _write_audio,
}
