"""One logged HTTP exchange in the words that recorders use, read as `Logged`."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from replay.cassette.encoding import decoded, still_encoded
from replay.conversation import Json, Object
from replay.importers import Logged
from replay.importers._packed import unpacked

_WRAPPED = {"string", "base64_string", "encoding"}
_PICKLED = ({"state"}, {"args"})


def exchange(path: str, place: str, request: Json, response: Json, when: Any = None) -> Logged:
    """Read a request (`method`, `uri` or `url`, `headers`, a body) and its response (a status, ...).

    `when` is the recorder's own date; without it the response's `date` header counts. Raises ValueError.
    """
    if not isinstance(request, dict):
        return Logged(path, place, refused="no request is recorded")
    asked: Object = {
        "method": str(request.get("method") or "POST").upper(),
        "url": str(request.get("uri") or request.get("url") or ""),
        "request_headers": _headers(request.get("headers")),
        "request": _body(request, _headers(request.get("headers"))),
    }
    if not isinstance(response, dict):
        return Logged(path, place, **asked, refused="no response is recorded")
    got = _headers(response.get("headers"))
    moment = when_was(when) or when_was(got.get("date"))
    return Logged(
        path,
        place,
        **asked,
        status=_status(response),
        response_headers=got,
        response=_body(response, got),
        source={"recorded_at": iso(moment)} if moment else {},
        at=moment.timestamp() if moment else None,
    )


def failure(why: str, otherwise: str = "ConnectError") -> str:
    """Return the class of a transport error by what a tool calls it (`net::ERR_TIMED_OUT`)."""
    return "ReadTimeout" if re.search("time.?d?.?out", why, re.IGNORECASE) else otherwise


def _body(side: Object, headers: dict[str, str]) -> bytes:
    """Return the decoded bytes of a body, none where none is recorded. Raises ValueError."""
    recorded = next(
        (side[key] for key in ("parsed_body", "body", "content") if side.get(key) is not None), b""
    )
    encoding = headers.get("content-encoding", "").strip().lower()
    body = decoded(_stored(recorded), encoding)
    return unpacked(body, encoding) if still_encoded(body, encoding) else body


def _stored(body: Json) -> bytes:
    """Return the bytes of a body in any form that recorders store.

    Text, bytes, a list of either, `{string}` (vcrpy), `{encoding, string | base64_string}` (Ruby VCR),
    `{state}` or `{args}` (a stream that vcrpy pickled), text that starts with `base64:` (ddapm), and any
    other JSON value as the body's own tree.
    """
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return _base64(body[7:]) if body.startswith("base64:") else body.encode("utf-8", "surrogatepass")
    if isinstance(body, list) and all(isinstance(piece, str | bytes) for piece in body):
        return b"".join(map(_stored, body))
    if isinstance(body, dict) and _WRAPPED.issuperset(body):
        return _unwrapped(body)
    if isinstance(body, dict) and body.keys() in _PICKLED:
        return _stored(next(iter(body.values()))[:1])
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _unwrapped(body: Object) -> bytes:
    if body.get("base64_string") is not None:
        return _base64(body["base64_string"])
    text = body.get("string") or b""
    if isinstance(text, str) and str(body.get("encoding")).upper().startswith("ISO-8859"):
        return text.encode("latin-1", "replace")
    return _stored(text)


def _base64(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)


def _headers(recorded: Json) -> dict[str, str]:
    """Name headers in lower case; the values of a repeated one are joined with a comma."""
    if not isinstance(recorded, dict):
        return {}
    return {
        str(name).lower(): ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in recorded.items()
        if value is not None
    }


def _status(response: Object) -> int | None:
    """Read `{code, message}`, `200`, `200 OK` beside `code`, or `status_code`."""
    status = response.get("status")
    if isinstance(status, dict):
        status = status.get("code")
    for value in (response.get("code"), response.get("status_code"), status):
        digits = re.match(r"[1-9]\d\d\b", str(value))
        if digits:
            return int(digits[0])
    return None


def when_was(date: Any) -> datetime | None:
    """Read a date of HTTP, of ISO 8601 or in seconds (or ms) since 1970; None for anything else."""
    readers = (parsedate_to_datetime, datetime.fromisoformat) if isinstance(date, str) else (_since_1970,)
    for read_date in readers:
        try:
            moment = read_date(date)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, TypeError, OverflowError, OSError):
            continue
    return None


def iso(moment: datetime) -> str:
    """Write a moment as fixtures do, in seconds."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _since_1970(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
