"""Stored mappings read as interactions, in every form that vcrpy and the projects around it have written.

Bodies as text, bytes, base64, pickled streams or JSON trees (`parsed_body`); responses with `status` or with
the `status_code` and `content` of early httpx support; header values as lists, text or bytes.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from replay.cassette.encoding import decoded, request_body, still_encoded
from replay.cassette.interaction import Failure, Interaction, RecordedRequest, RecordedResponse
from replay.cassette.tree import typed
from replay.conversation import Object
from replay.errors import Fault


class Malformed(ValueError):
    """What is wrong with one interaction: the end of a sentence that begins with `this interaction`."""


def from_shape(data: Any, path: str, line: int, faults: list[Fault]) -> Interaction | None:
    """Read one mapping. What is wrong is added to `faults`; None when it cannot be used."""

    def note(message: str, *, warning: bool) -> None:
        faults.append(Fault(path, line, 0, f"this interaction {message}", warning))

    try:
        interaction = Interaction(_request(_mapping(data, "request")), _response(_mapping(data, "response")))
    except Malformed as problem:
        note(str(problem), warning=False)
        return None
    stored = data["response"].get("replay")
    if isinstance(stored, dict) and stored.get("chunk_bytes") and not interaction.response.chunks:
        note("has a body that its `chunk_bytes` do not add up to; its timing is left out", warning=True)
    return interaction


def _mapping(data: Any, key: str) -> Object:
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, dict):
        raise Malformed(f"has no `{key}`")
    return value


def _request(data: Object) -> RecordedRequest:
    method, uri = data.get("method"), data.get("uri")
    if not isinstance(method, str) or not isinstance(uri, str):
        raise Malformed("has a request without `method` or `uri`")
    body = data.get("body")
    if "parsed_body" not in data and isinstance(body, dict) and not _is_wrapped(body):
        data = {**data, "parsed_body": body}  # a JSON tree where the text should be
    headers = {name: ", ".join(values) for name, values in _headers(data).items()}
    return RecordedRequest(method, uri, headers, request_body(_body(data) or b"", headers))


def _response(data: Object) -> RecordedResponse:
    headers, body = _headers(data), _body(data)
    if body is None:
        raise Malformed("has a response without a body; write `body: {string: ''}` for an empty one")
    encoding = ",".join(headers.get("content-encoding", ())).strip().lower()
    try:
        body = decoded(body, encoding, ours=bool(data.get("replay")))
    except ValueError as problem:
        raise Malformed(f"has a compressed body that cannot be read: {problem}") from None
    if not still_encoded(body, encoding):
        headers.pop("content-encoding", None)
    status, reason = _status(data)
    try:
        return _with_extras(typed(data.get("replay")) or {}, status, reason, headers, body)
    except (TypeError, ValueError, LookupError, AttributeError):
        raise Malformed("has a `replay` that cannot be read") from None


def _with_extras(
    extras: Object, status: int, reason: str, headers: dict[str, list[str]], body: bytes
) -> RecordedResponse:
    failure = extras.get("failure") or {}
    before = failure.get("before_response") is True
    return RecordedResponse(
        None if before else status,
        "" if before else reason,
        headers,
        body,
        _chunks(extras, len(body)),
        Failure(str(failure["exception"]), str(failure.get("message") or "")) if failure else None,
        int(extras.get("attempt") or 1),
        dict(extras.get("source") or {}),
    )


def _chunks(extras: Object, length: int) -> tuple[tuple[float, int], ...]:
    sizes, times = extras.get("chunk_bytes") or [], extras.get("chunk_ms") or []
    chunks = tuple((float(at), int(size)) for at, size in zip(times, sizes, strict=True))
    fits = sum(size for _, size in chunks) == length and all(size >= 0 for _, size in chunks)
    return chunks if fits else ()


def _status(data: Object) -> tuple[int, str]:
    status = data.get("status")
    stored = status if isinstance(status, dict) else {"code": data.get("status_code")}
    code, reason = typed(stored.get("code")), typed(stored.get("message"))
    if isinstance(code, str) and code.isdecimal():
        code = int(code)
    if not isinstance(code, int) or not 100 <= code <= 999:
        raise Malformed(f'has a response status "{code}"; it must be a number from 100 to 999')
    if data.get("replay") and "message" not in stored:  # we always write it, and last
        raise Malformed("ends early")
    return code, "" if reason is None else str(reason)


def _headers(data: Object) -> dict[str, list[str]]:
    headers = _mapping_or_nothing(data.get("headers"))
    read: dict[str, list[str]] = {}
    for name, values in headers.items():
        many = values if isinstance(values, list) else [values]
        read.setdefault(name.lower(), []).extend(map(_header, many))
    return read


def _mapping_or_nothing(value: Any) -> Object:
    if not isinstance(value, dict) and typed(value) is not None:
        raise Malformed("has `headers` that are not a mapping")
    return value if isinstance(value, dict) else {}


def _header(value: Any) -> str:
    return (
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str("" if value is None else value)
    )


def _body(data: Object) -> bytes | None:
    if "parsed_body" in data:
        return json.dumps(typed(data["parsed_body"]), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return _bytes(data.get("body", data.get("content")))


def _is_wrapped(body: Object) -> bool:
    return bool(body.keys() & {"string", "base64_string"}) or body.keys() in ({"state"}, {"args"})


def _bytes(body: Any) -> bytes | None:
    """The bytes of a body in whichever form it is stored; None where there is none."""
    if isinstance(body, str):
        return None if typed(body) is None else body.encode("utf-8", "surrogatepass")
    if isinstance(body, list):
        return b"".join(_bytes(piece) or b"" for piece in body)
    return _unwrapped(body) if isinstance(body, dict) and _is_wrapped(body) else _none_or_bytes(body)


def _none_or_bytes(body: Any) -> bytes | None:
    if body is not None and not isinstance(body, bytes):
        raise Malformed("has a body in no form that can be read")
    return body


def _unwrapped(body: Object) -> bytes | None:
    if "string" in body:
        return _bytes(body["string"])
    if "base64_string" in body:
        return _base64(str(body["base64_string"]))
    pickled = next(iter(body.values()))  # `state` of a BytesIO, `args` of an iterator
    return _bytes(pickled[0]) if isinstance(pickled, list) and pickled else b""


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("has a body that is not base64") from None
