"""From what a provider or the network did to an `ApiError`.

Kinds are `replay.turn.ERROR_KINDS`. The exception named is the one the openai SDK raises for the same answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from replay.conversation import Json, Object
from replay.jsontext import parse
from replay.turn import ApiError

# What an error calls itself, whatever its status: waiting mends no billing, and Google says 400 of a key.
_NAMED = {
    "billing": {
        "billing_hard_limit_reached",
        "contract_spend_limit_reached",
        "credit_balance_exhausted",
        "enforced_spend_limit_reached",
        "insufficient_quota",
        "organization_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "project_spend_limit_exceeded",
    },
    "auth": {"api_key_invalid", "invalid_api_key"},
    "content_filter": {"content_filter", "responsibleaipolicyviolation"},
}
_STATUS_KIND = {401: "auth", 402: "billing", 403: "auth", 404: "not_found", 408: "timeout", 529: "overloaded"}
_STATUS_CLASS = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}
_RATE = re.compile(r"rate.?limit|too many requests", re.IGNORECASE)
_TITLE = re.compile(r"<(title|h1)[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
_MARKUP = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>|\s+", re.IGNORECASE | re.DOTALL)
_LONGEST = 500


def refused(status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """Read an answer that came with another status than 2xx, whatever its body is."""
    error = blamed(readable(body))
    if named := headers.get("x-amzn-errortype"):  # AWS names an error here and nowhere else
        error = {"code": named.partition(":")[0]} | error
    message = _message(error) or (
        f"redirect to {headers.get('location', '?')}, not followed" if status < 400 else ""
    )
    words = _words(error)
    return ApiError(
        _kind(status, words, message),
        status,
        message or f"status {status}, empty body",
        retry_after(headers),
        _code(words),
        _STATUS_CLASS.get(status, "InternalServerError" if status >= 500 else "APIStatusError"),
    )


def told(document: Json, kind: str | None = None) -> ApiError:
    """Read an error object that came with a success status; its kind is its own code's unless given."""
    error = blamed(document)
    words, message = _words(error), _message(error)
    status = next((int(word) for word in words if word in map(str, range(400, 600))), 200)
    return ApiError(
        kind or _kind(status, words, message), message=message or "an error, no message", code=_code(words)
    )


def failed(exception: str, message: str = "", *, begun: bool = False) -> ApiError:
    """Read a transport error by its class name in httpx; `begun` when part of the answer had arrived."""
    if "Timeout" in exception:
        return ApiError("timeout", message=f"{exception}: {message}", exception="APITimeoutError")
    kind = "bad_response" if exception == "DecodingError" else "cut" if begun else "connection"
    return ApiError(kind, message=f"{exception}: {message}", exception="APIConnectionError")


def failure(problem: BaseException, *, begun: bool = False) -> ApiError:
    """Read an exception of the SDK (its cause says more) or of the HTTP library."""
    cause = problem.__cause__ or problem
    return failed(type(cause).__name__, str(cause), begun=begun)


def is_error(document: Json) -> bool:
    """Tell whether a document that came with a success status says that it is an error."""
    if isinstance(document, list):
        return bool(document) and is_error(document[0])
    if not isinstance(document, dict):
        return False
    named = document.get("error") or "error" in (document.get("object"), document.get("type"))
    return bool(named) or ("choices" not in document and bool(document.keys() & {"detail", "message"}))


def readable(body: bytes) -> Json:
    """Return a body as JSON, or as text without markup: the title of an HTML page, else its words."""
    text = body.decode("utf-8-sig", "replace").strip()
    if text.startswith(("data:", "event:")):
        text = "".join(line[5:] for line in text.splitlines() if line.startswith("data:")).strip()
    try:
        return parse(text)
    except ValueError:
        title = _TITLE.search(text[:5_000])  # both patterns are quadratic on a page made to be slow
        return _MARKUP.sub(" ", title[2] if title else text[:5_000]).strip()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait: `retry-after-ms`, `retry-after` in seconds or as an HTTP date.

    A date counts from the answer's own `date`, so that a recording says the same every day. None for what is
    missing, past, not finite or not a time (RFC 9110 10.2.3).
    """
    value = headers.get("retry-after", "")
    for wait in (_number(headers.get("retry-after-ms", ""), 0.001), _number(value), _until(value, headers)):
        if wait is not None and wait >= 0:
            return wait
    return None


def _number(text: str, unit: float = 1.0) -> float | None:
    try:
        seconds = float(text) * unit
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def _until(value: str, headers: Mapping[str, str]) -> float | None:
    try:
        then = parsedate_to_datetime(value)
        now = parsedate_to_datetime(headers["date"]) if headers.get("date") else datetime.now(UTC)
        return (then - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None


def blamed(document: Json, depth: int = 8) -> Object:
    """Find the error object in any of the shapes that servers send, JSON in a JSON string included."""
    if depth == 0:
        return {}
    if isinstance(document, list):
        return blamed(document[0], depth - 1) if document else {}
    if isinstance(document, str):
        try:
            inner = parse(document)
        except ValueError:
            inner = None
        return blamed(inner, depth - 1) if isinstance(inner, dict | list) else {"message": document}
    if not isinstance(document, dict):
        return {}
    for key in ("error", "errors", "detail"):
        if document.get(key) and not isinstance(document[key], bool):
            return document | {key: None} | _part(document[key], depth)
    return document


def _part(value: Json, depth: int) -> Object:
    """A part of an error: an object, text, or a list of `{loc, msg}` as FastAPI sends it."""
    if isinstance(value, list) and all(isinstance(item, dict) and "msg" in item for item in value):
        return {"message": "; ".join(f"{_place(item)}{item['msg']}" for item in value)}
    return blamed(value, depth - 1)


def _place(item: Object) -> str:
    where = item.get("loc")
    return f"{'.'.join(map(str, where))}: " if isinstance(where, list) and where else ""


def _message(error: Object) -> str:
    names = ("message", "msg", "Message", "detail", "title", "reason", "error_description")
    said = next((error[name] for name in names if error.get(name)), "")
    text = said if isinstance(said, str) else repr(said)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _words(error: Object) -> list[str]:
    """What an error calls itself: its code, status, type and reason, then the codes inside it."""
    found = [*(error.get(name) for name in ("code", "status", "type", "reason")), *_inner(error)]
    return [str(word) for word in found if isinstance(word, str | int) and word != ""]


def _inner(error: Object) -> Iterator[Json]:
    for holder, name in (("details", "error_code"), ("innererror", "code"), ("metadata", "error_type")):
        if isinstance(error.get(holder), dict):
            yield error[holder].get(name)
    details = error.get("details")  # of Google: a list of objects, one of which has the reason
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            yield detail.get("reason")


def _code(words: list[str]) -> str | None:
    """The error's code: the first word, else the first number."""
    named = [word for word in words if not word.isdigit()]
    return next(iter(named or words), None)


def _kind(status: int, words: Iterable[str], message: str) -> str:
    names = {word.lower() for word in words}
    if named := next((kind for kind, words in _NAMED.items() if names & words), None):
        return named
    if status == 429 or (status == 400 and (_RATE.search(message) or "rate_limit_exceeded" in names)):
        return "rate_limit"
    if status in _STATUS_KIND:
        return _STATUS_KIND[status]
    if status >= 500:
        return "overloaded" if "overloaded" in " ".join((*names, message.lower())) else "server"
    return "invalid_request" if status >= 400 else "bad_response"
