"""Server-sent events, as the WHATWG describes them, out of a whole body.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation, read leniently
where servers and recordings are known to stray: a byte order mark, events without a blank line after them,
and lines that are bare JSON (an error in the middle of a stream, chunks kept one a line).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from replay.conversation import Object

Event = dict[str, str]
_LINE = re.compile(r"\r\n|\r|\n")
_FIELD = re.compile(rb"(data|event|id|retry)?:")
BLANK = b"\xef\xbb\xbf \t\r\n"


def looks_like_events(body: bytes) -> bool:
    """Tell from its first bytes whether a body is an event stream, whatever its headers say."""
    return bool(_FIELD.match(body.lstrip(BLANK)))


def events(body: bytes) -> tuple[list[Event], Object]:
    """Return the events (`{"event", "data"}`) and what was odd: `bom`, `bad_utf8`."""
    text, odd = _text(body)
    return list(_events(_LINE.split(text))), odd


def _text(body: bytes) -> tuple[str, Object]:
    odd: Object = {"bom": True} if body.startswith(b"\xef\xbb\xbf") else {}
    try:
        return body.decode("utf-8-sig"), odd
    except UnicodeDecodeError:
        return body.decode("utf-8-sig", "replace"), odd | {"bad_utf8": True}


def _events(lines: list[str]) -> Iterator[Event]:
    name = ""
    data: list[str] = []
    for line in (*_joined(lines), ""):
        if line.startswith(("{", "[")):
            yield {"event": name, "data": line}
            continue
        field, _, value = line.partition(":")
        if field == "data":
            value = value.removeprefix(" ")
            # no JSON text has a closing brace and then, on its next line, another beginning
            if data and data[-1].endswith("}") and value.startswith(("{", "[DONE]")):
                yield {"event": name, "data": "\n".join(data)}
                data = []
            data.append(value)
        elif field == "event":
            name = value.strip()
        elif not line:
            if any(data) or name == "error":
                yield {"event": name, "data": "\n".join(data)}
            name, data = "", []


def _joined(lines: list[str]) -> Iterator[str]:
    """Join the lines of bare JSON that was written over many of them, as Gemini writes an error."""
    bare: list[str] = []
    for line in lines:
        if not bare and line.rstrip() not in ("{", "[", "[{"):
            yield line
            continue
        bare.append(line)
        if line.startswith(("}", "]")):
            yield "\n".join(bare)
            bare = []
    yield from filter(None, ["\n".join(bare)])
