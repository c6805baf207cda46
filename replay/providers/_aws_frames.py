"""Frames of `application/vnd.amazon.eventstream`, read and written.

A frame is: its length, the length of its headers, the CRC-32 of these eight bytes; the headers; the payload;
the CRC-32 of all before. Numbers are big-endian, lengths and checksums of four bytes.
https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream
https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from replay.conversation import Object
from replay.jsontext import parse
from replay.providers._sse import Event

_PRELUDE = struct.Struct("!II")
BEFORE = 12  # bytes of a frame before its headers
_AROUND = 16  # bytes of a frame beside headers and payload
_STRING = 7
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}  # of header values by type; 6 and 7 say their own
_NAMES = (":event-type", ":exception-type", ":error-code")


class Frame(NamedTuple):
    """One frame: its headers as they stand, and its payload."""

    headers: bytes
    payload: bytes


def looks_like_frames(body: bytes) -> bool:
    """Tell from its beginning whether a body is a stream of frames, whatever its headers say.

    One whose first frame is damaged still shows the name of a header.
    """
    if len(body) < BEFORE or body[:1] > b"\x01":
        return False
    return _is_whole(body[:8], body[8:12]) or b":message-type" in body[:512]


def frames(body: bytes) -> tuple[list[Frame], Object]:
    """Return the whole frames and what was odd: where one is `cut` off, or the first that is `damaged`.

    Nothing is read behind a damaged frame: its length cannot be trusted.
    """
    found: list[Frame] = []
    start = 0
    while start < len(body):
        if len(body) - start < BEFORE:
            return found, {"cut": start}
        length, headers = lengths(body, start)
        end, payload = start + length, start + BEFORE + headers
        if length and end > len(body):
            return found, {"cut": start}
        if not length or not _is_whole(body[start : end - 4], body[end - 4 : end]):
            return found, {"damaged": start}
        found.append(Frame(body[start + BEFORE : payload], body[payload : end - 4]))
        start = end
    return found, {}


def lengths(body: bytes, start: int) -> tuple[int, int]:
    """Return the length of the frame that begins at `start`, and of its headers; 0 where it is damaged."""
    length, headers = _PRELUDE.unpack_from(body, start)
    sound = _is_whole(body[start : start + 8], body[start + 8 : start + BEFORE])
    return (length, headers) if sound and headers + _AROUND <= length else (0, 0)


def events(body: bytes) -> tuple[list[Event], Object]:
    """Return the frames as events, and what was odd (see `frames`, and `bad_utf8`).

    An event is `{"event": type, "data": payload}`; one that is an exception or an error has `error` beside
    them, what the frame's `:message-type` says. An error without a payload tells its `:error-message`.
    """
    found, odd = frames(body)
    cut = {"cut": True} if "cut" in odd else {}
    bad = {"bad_utf8": True} if any(map(_is_bad, found)) else {}
    return [_event(frame) for frame in found], odd | cut | bad


def written(frame: Frame) -> bytes:
    """Return the bytes of a frame."""
    before = begun(frame.headers, len(frame.payload)) + frame.payload
    return before + _checksum(before)


def begun(headers: bytes, length: int) -> bytes:
    """Return the bytes of a frame before its payload, which is to have this length."""
    prelude = _PRELUDE.pack(_AROUND + len(headers) + length, len(headers))
    return prelude + _checksum(prelude) + headers


def text(body: bytes) -> str:
    """Return the frames as a person reads them: as server-sent events, base64 undone."""
    lines = []
    for frame in frames(body)[0]:
        event = _event(frame)
        packed = inside(frame.payload)
        data = event["data"] if packed is None else _text(packed)
        lines.append(f"event: {event['event']}\ndata: {data}\n\n")
    return "".join(lines)


def framed(events: Iterable[Event]) -> bytes:
    """Return the body that carries these events (`{"event", "data"}`, and `error` on an exception)."""
    return b"".join(written(Frame(_headers_of(event), event["data"].encode())) for event in events)


def inside(payload: bytes) -> bytes | None:
    """Return what a payload carries in base64 (`{"bytes": ...}`, as InvokeModel streams), None for others."""
    try:
        packed = parse(payload)["bytes"]
        return base64.b64decode(packed, validate=True)
    except (ValueError, TypeError, LookupError, binascii.Error):
        return None


def headers(frame: Frame) -> dict[str, str]:
    """Return the headers that are text."""
    return dict(_headers(frame.headers))


def _headers(raw: bytes) -> Iterator[tuple[str, str]]:
    """Yield headers up to the end, or to the first that makes no sense."""
    place = 0
    while place < len(raw):
        name_end = place + 1 + raw[place]
        kind = raw[name_end] if name_end < len(raw) else -1
        start = name_end + 1
        size = _SIZES.get(kind)
        if size is None:
            size = int.from_bytes(raw[start : start + 2], "big")
            start += 2
        if kind not in _SIZES and kind not in (6, _STRING):
            return
        if kind == _STRING:
            yield raw[place + 1 : name_end].decode("utf-8", "replace"), _text(raw[start : start + size])
        place = start + size


def _event(frame: Frame) -> Event:
    said = headers(frame)
    name = next((said[key] for key in _NAMES if said.get(key)), "")
    data = _text(frame.payload) or said.get(":error-message", "")
    kind = said.get(":message-type", "event")
    return {"event": name, "data": data} | ({} if kind == "event" else {"error": kind})


def _headers_of(event: Mapping[str, str]) -> bytes:
    kind = event.get("error") or "event"
    name = {"event": ":event-type", "error": ":error-code"}.get(kind, ":exception-type")
    said = {name: event["event"], ":content-type": "application/json", ":message-type": kind}
    return b"".join(_header(key.encode(), value.encode()) for key, value in said.items())


def _header(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + bytes([_STRING]) + struct.pack("!H", len(value)) + value


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _is_bad(frame: Frame) -> bool:
    try:
        frame.payload.decode()
    except UnicodeDecodeError:
        return True
    return False


def _checksum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")


def _is_whole(data: bytes, checksum: bytes) -> bool:
    return _checksum(data) == checksum
