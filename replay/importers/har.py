"""HTTP Archive 1.2: what browsers, proxies and Polly.JS save of HTTP calls.

A body is text, base64, or what Polly.JS makes of a compressed one: a list of its chunks, each base64 or (with
`_isBinary`) hexadecimal. A call with the status 0 got no answer.
http://www.softwareishard.com/blog/har-12-spec/
https://netflix.github.io/pollyjs/#/persisters/custom?id=har
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from replay.conversation import Json, Object
from replay.importers import Logged
from replay.importers._exchange import exchange, failure
from replay.importers._items import beginnings
from replay.importers._records import each, mapping, mappings, text, tree

ALONE = True  # an archive is one recording, as a cassette is
_LIST = "log.entries"


def sniff(head: bytes) -> bool:
    """Tell whether this is an archive of HTTP calls."""
    if b'"log"' not in head:
        return False
    whole = (mapping(document.get("log")) for document in beginnings(head))
    in_list = b'"entries"' in head and any("request" in entry for entry in beginnings(head, _LIST))
    return in_list or any("version" in log and "creator" in log for log in whole)


def read(path: Path) -> Iterator[Logged]:
    """Yield every entry in recorded order."""
    return each(path, _logged, _LIST)


def _logged(path: str, place: str, entry: Object) -> Logged:
    asked, got = mapping(entry.get("request")), mapping(entry.get("response"))
    request = {
        "method": asked.get("method"),
        "url": asked.get("url"),
        "headers": _headers(asked),
        "body": _body(mapping(asked.get("postData"))),
    }
    content = mapping(got.get("content"))
    response = {"status": got.get("status"), "headers": _headers(got), "body": _body(content)}
    logged = exchange(path, place, request, response, entry.get("startedDateTime"))
    why = text(entry.get("_error")) or text(got.get("_error"))
    if not got.get("status"):
        return replace(logged, status=None, response=None, error=failure(why), refused="")
    if why:  # the answer broke off
        return replace(logged, error=failure(why, "RemoteProtocolError"))
    if not logged.response and content.get("size", 0) != 0:
        return replace(logged, refused="the body of its answer was not saved")
    return logged


def _headers(side: Object) -> Object:
    """Return headers by name; those that come more than once as a list."""
    found: dict[str, list[str]] = {}
    for header in mappings(side.get("headers")):
        found.setdefault(str(header.get("name")), []).append(str(header.get("value")))
    return dict(found)


def _body(content: Object) -> bytes:
    """Return a body as it was sent, maybe compressed. Raises ValueError."""
    said = text(content.get("text"))
    if content.get("_isBinary"):
        return b"".join(map(bytes.fromhex, _chunks(said)))
    if content.get("encoding") == "base64":
        return b"".join(base64.b64decode(chunk, validate=True) for chunk in _chunks(said))
    return said.encode("utf-8", "surrogatepass")


def _chunks(said: str) -> list[str]:
    chunks: Json = tree(said) if said.startswith("[") else None
    return list(map(str, chunks)) if isinstance(chunks, list) else [said]
