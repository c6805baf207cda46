"""What a trace says of a call that failed, as the answer of a server or the error of a transport."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from replay.conversation import Json, Object
from replay.importers._parts import as_text
from replay.jsontext import parse

# The statuses that the SDKs of OpenAI and Anthropic raise these for, and AWS's and Google's names of them.
_STATUS = {
    "BadRequest": 400,
    "ValidationException": 400,
    "INVALID_ARGUMENT": 400,
    "Authentication": 401,
    "UNAUTHENTICATED": 401,
    "PermissionDenied": 403,
    "PERMISSION_DENIED": 403,
    "AccessDenied": 403,
    "NotFound": 404,
    "NOT_FOUND": 404,
    "ResourceNotFound": 404,
    "Conflict": 409,
    "UnprocessableEntity": 422,
    "RateLimit": 429,
    "Throttling": 429,
    "TooManyRequests": 429,
    "RESOURCE_EXHAUSTED": 429,
    "InternalServer": 500,
    "ServiceUnavailable": 503,
    "UNAVAILABLE": 503,
    "Overloaded": 529,
}
_CODE = re.compile(
    r"(?:error code|status(?:[_ ]code)?|http)\W{0,3}([45]\d\d)\b|^\W*([45]\d\d)\b", re.IGNORECASE
)
_TIMEOUT = re.compile(r"time[d ]?-?out", re.IGNORECASE)
_LOST = re.compile(r"Connect(ion|Error)|ReadError|RemoteProtocol|Network|ECONN|socket hang up|fetch failed")
_THROWN = re.compile(r"([A-Za-z_][\w.]*(?:Error|Exception|Timeout|Interrupt))(?:\(|: ?)(.*)")
_BODY = re.compile(r"\{.*\}|\[\{.*\}\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Failure:
    """How a call failed: a `status` with its `body`, or a transport's exception by its name in httpx.

    With neither the log does not say enough to play it; `told` is what it says.
    """

    told: str
    status: int | None = None
    body: Object | None = None
    exception: str | None = None


def failure(kind: str, message: str, status: Json = None) -> Failure:
    """Read an exception's class name and message, and the HTTP status where it is said by itself."""
    told = ": ".join(filter(None, (kind.rpartition(".")[2], message))) or "an error"
    code = status if isinstance(status, int) and 400 <= status < 600 else _status(kind, message)
    if code:
        return Failure(told, code, _body(message))
    name = "ReadTimeout" if _TIMEOUT.search(told) else "ConnectError" if _LOST.search(told) else None
    return Failure(told, exception=name)


def _status(kind: str, message: str) -> int | None:
    code = _CODE.search(message)
    if code:
        return int(code[1] or code[2])
    return next((status for name, status in _STATUS.items() if name in kind or name in message[:200]), None)


def _body(message: str) -> Object:
    """Return the error's own body where the message quotes it (as JSON or as Python writes it)."""
    quoted = _BODY.search(message)
    found = _read(quoted[0]) if quoted else None
    if isinstance(found, list) and found:
        found = found[0]
    if isinstance(found, dict) and (found.keys() & {"error", "type", "message", "detail"}):
        return found if "error" in found or found.get("type") == "error" else {"error": found}
    plain = re.sub(r"^Error code: \d{3} - ", "", message)
    return {"error": {"message": plain}}


def _read(text: str) -> Json:
    for read in (parse, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
    return None


def thrown(text: Json) -> tuple[str, str]:
    """Return the class name and the message of an exception out of its repr, its `str`, or its traceback."""
    lines = [line.strip() for line in as_text(text).splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith("Traceback")), None)
    line = (lines[-1] if said == lines[0] else lines[0].partition("Traceback (most")[0]) if lines else ""
    named = _THROWN.match(line)
    return (named[1], named[2].removesuffix(")").strip("'\"")) if named else ("", line)
