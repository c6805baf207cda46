"""Flow files of mitmproxy and mitmdump (`mitmdump -w FILE`), of every version since 1.0.

Its HAR export is read by `har`.
https://github.com/mitmproxy/mitmproxy/blob/main/mitmproxy/io/compat.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from replay.conversation import Object
from replay.importers import Logged, _lines
from replay.importers._exchange import exchange, failure
from replay.importers._records import attempt, mapping
from replay.importers._tnetstring import Damaged, values

_FIRST = re.compile(rb"\d{1,12}:\d{1,9}:")
_FIELDS = (b"7:version", b"11:client_conn", b"11:server_conn", b"7:request", b"8:response")
_PORTS = {"http": 80, "https": 443}


def sniff(head: bytes) -> bool:
    """Tell whether this begins with a flow."""
    return _FIRST.match(head) is not None and any(field in head for field in _FIELDS)


def read(path: Path) -> Iterator[Logged]:
    """Yield every flow as `flow 0`, `flow 1`, ..."""
    number = 0
    try:
        with _lines.opened(path) as stream:
            for flow in values(stream):
                yield attempt(_logged, str(path), f"flow {number}", flow)
                number += 1
    except Damaged as problem:
        yield Logged(str(path), f"flow {number}", refused=f"{problem}; what follows cannot be read")
    except _lines.DAMAGE as problem:
        yield Logged(str(path), "", refused=f"the file cannot be read to its end: {problem}")


def _logged(path: str, place: str, flow: Any) -> Logged:
    if isinstance(flow, ValueError):
        return Logged(path, place, refused=f"it cannot be read: {flow}")
    kind = _text(mapping(flow).get("type"))
    if kind != "http":
        return Logged(path, place, refused=f"a flow of {kind or 'an unknown type'}, not of HTTP")
    asked, got = mapping(flow.get("request")), mapping(flow.get("response"))
    request = {"method": _text(asked.get("method")), "url": _url(asked), **_message(asked)}
    response = {"status": got.get("status_code"), **_message(got)}
    logged = exchange(path, place, request, response, asked.get("timestamp_start"))
    failed = _text(mapping(flow.get("error")).get("msg"))
    if not got:
        why = "" if failed else "it was not answered"
        return replace(logged, response=None, error=failure(failed) if failed else None, refused=why)
    if failed:  # the answer broke off
        return replace(logged, error=failure(failed, "RemoteProtocolError"))
    if got.get("content") is None:
        return replace(logged, refused="the body of its answer was streamed through and not kept")
    return logged


def _message(side: Object) -> Object:
    headers: dict[str, list[str]] = {}
    for name, value in side.get("headers") or ():
        headers.setdefault(_text(name), []).append(_text(value))
    return {"headers": headers, "body": side.get("content")}


def _url(request: Object) -> str:
    """Return the address that was asked; where only a number is known, by the name in the headers."""
    scheme, host = _text(request.get("scheme")) or "https", _text(request.get("host"))
    named = {_text(name).lower(): _text(value) for name, value in request.get("headers") or ()}
    authority = _text(request.get("authority")) or named.get("host", "")
    port = request.get("port")
    usual = port in (None, _PORTS.get(scheme))
    bare = f"[{host}]" if ":" in host else host
    where = authority if authority and _is_number(host) else bare if usual else f"{bare}:{port}"
    return f"{scheme}://{where}{_text(request.get('path'))}"


def _is_number(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return not host


def _text(value: Any) -> str:
    return (
        value.decode("utf-8", "replace")
        if isinstance(value, bytes)
        else value
        if isinstance(value, str)
        else ""
    )
