"""Helicone's export of requests: JSON, JSON Lines or CSV, of its export tool or its query API.

A record has both bodies as they went over the wire (`request_body`, `response_body`), where they were asked
for; of a stream Helicone keeps the answer put together, and sometimes its events as `streamed_data`. The CSV
has no column for answers. Properties become tags, the session's id the thread.
https://docs.helicone.ai/tools/export
https://docs.helicone.ai/rest/request/post-v1requestquery-clickhouse
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from replay.conversation import Json, Object
from replay.importers import Logged, _lines
from replay.importers._derived import origin
from replay.importers._items import beginnings
from replay.importers._records import as_bytes, attempt, each, mapping, text, tree

_LIST = "data"
_JOINED = "helicone keeps the answer of a stream put together, not its events"
_SESSION = "helicone-session-"
_FIELD = re.compile(r'(?:^|,)(?:"((?:[^"]|"")*+)"|([^",]*))', re.DOTALL)


def sniff(head: bytes) -> bool:
    """Tell whether records are of Helicone."""
    if _is_table(head):
        return True
    found = beginnings(head, _LIST) if b'"request_created_at"' in head else []
    return any("request_created_at" in record and "request_body" in record for record in found)


def read(path: Path) -> Iterator[Logged]:
    """Yield every request."""
    return _table(path) if _is_table(_lines.head(path)) else each(path, _logged, _LIST)


def _logged(path: str, place: str, record: Object) -> Logged:
    request, answer = tree(record.get("request_body")), tree(record.get("response_body"))
    if record.get("signed_body_url") and not isinstance(request, dict):
        return Logged(path, place, refused="its bodies were not exported: export with --include-body")
    if not isinstance(request, dict) or "heliconeMessage" in request:
        return Logged(path, place, refused="its request body was not kept")
    logged = Logged(
        path,
        place,
        url=_url(text(record.get("request_path"))),
        request=as_bytes(request),
        model=text(record.get("request_model")) or text(record.get("model")),
        **_properties(mapping(record.get("request_properties"))),
        **origin(record.get("request_id") or record.get("response_id"), record.get("request_created_at")),
    )
    return _answered(logged, answer, record.get("response_status"), streamed=request.get("stream") is True)


def _answered(logged: Logged, answer: Json, status: Json, *, streamed: bool) -> Logged:
    body = answer if isinstance(answer, dict) else {}
    if not answer or "heliconeMessage" in body:
        return replace(logged, notes=("its answer was not kept",))
    code = int(status) if re.fullmatch("[1-5][0-9][0-9]", str(status)) else None
    if code is None:  # Helicone has numbers of its own below zero: cancelled, pending, blocked
        return replace(logged, refused=f"it was not answered (status {status})")
    events = body.get("streamed_data")
    joined = {key: value for key, value in body.items() if key != "streamed_data"} if body else answer
    response = as_bytes(events if isinstance(events, str) and events else joined)
    derived = _JOINED if streamed and code < 300 and not response.startswith((b"data:", b"event:")) else ""
    return replace(logged, status=code, response=response, derived=derived)


def _url(address: str) -> str:
    """Return where a call went; of Helicone's own hosts only the path says something."""
    host = urlsplit(address).hostname or ""
    return urlsplit(address).path if host.endswith(("helicone.ai", "hconeai.com")) else address


def _properties(given: Object) -> Object:
    named = {str(name): value for name, value in given.items()}
    thread = next((value for name, value in named.items() if name.lower() == f"{_SESSION}id"), "")
    tags = (f"{name}:{value}" for name, value in named.items() if not name.lower().startswith(_SESSION))
    return {"thread": text(thread), "tags": tuple(tags)}


def _is_table(head: bytes) -> bool:
    first = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0]
    return first[:1] not in (b"{", b"[") and {b"request_body", b"request_created_at"} <= set(
        first.strip().replace(b'"', b"").split(b",")
    )


def _table(path: Path) -> Iterator[Logged]:
    """Yield the rows of a CSV file, by the line they begin on."""
    try:
        with _lines.opened(path) as stream:
            rows = _rows(stream)
            names = [name.strip() for name in next(rows, (0, []))[1]]
            for line, row in rows:
                record = dict(zip(names, map(_unquoted, row), strict=False))
                whole = len(row) == len(names)
                wrong = "" if whole else f"it has {len(row)} columns, not {len(names)}"
                place = f"line {line}"
                yield (
                    Logged(str(path), place, refused=wrong)
                    if wrong
                    else attempt(_logged, str(path), place, record)
                )
    except _lines.DAMAGE as problem:
        yield Logged(str(path), "", refused=f"the file cannot be read to its end: {problem}")


def _rows(stream: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    """Yield each row and the number of its first line; texts in quotes may run over lines."""
    begun, row = 1, b""
    for number, line in enumerate(chain(_lines.lines(stream), [b""]), 1):
        row += line
        if line and row.count(b'"') % 2 and len(row) <= _lines.LONGEST:
            continue
        if row.strip():
            said = row.decode("utf-8-sig", "replace").rstrip("\r\n")
            yield begun, [(one or other or "").replace('""', '"') for one, other in _FIELD.findall(said)]
        begun, row = number + 1, b""


def _unquoted(value: str) -> str:
    """Undo the second quoting that the export tool gives to bodies."""
    return value.replace('""', '"') if value.startswith(('{""', '[{""')) else value
