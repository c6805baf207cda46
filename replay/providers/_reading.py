"""Reading bodies: whatever is wrong with one is told as Unreadable."""

from __future__ import annotations

from collections.abc import Callable

from replay.conversation import Json, Object
from replay.providers import Unreadable, _errors, _shape
from replay.turn import ApiError, Reply, Request


def request(body: Json, read: Callable[[Object], Request]) -> Request:
    """Return what `read` makes of a request's body. Raises Unreadable (`invalid_request`)."""
    try:
        return read(_shape.mapping(body, "the request"))
    except ValueError as problem:
        raise Unreadable(ApiError("invalid_request", message=str(problem))) from None
    except RecursionError:
        raise Unreadable(ApiError("invalid_request", message="nested too deeply")) from None


def reply(body: Json, read: Callable[[Object], Reply]) -> Reply:
    """Return what `read` makes of a response's body. Raises Unreadable, with the error that the body is.

    What is neither a reply nor an error is a `bad_response`.
    """
    try:
        return read(_shape.mapping(body, "the body"))
    except (ValueError, RecursionError) as problem:
        error = _errors.told(body) if _errors.is_error(body) else None
        raise Unreadable(error or ApiError("bad_response", message=str(problem))) from None


def streamed(body: Json, error: ApiError | None, decode: Callable[[Json], Reply]) -> Reply:
    """Return the reply of the body that a stream came to; `error` ended it too early.

    Raises Unreadable, with the partial reply if there is one.
    """
    try:
        found = decode(body)
    except Unreadable as rest:
        raise Unreadable(error or rest.error) from None
    if error:
        raise Unreadable(error, found)
    return found
