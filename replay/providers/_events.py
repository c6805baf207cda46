"""The JSON objects that the events of a stream carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from replay.conversation import Object
from replay.jsontext import parse
from replay.providers import Unreadable
from replay.turn import ApiError


def documents(events: Iterable[Mapping[str, str]]) -> Iterator[tuple[Mapping[str, str], Object]]:
    """Yield each event and its object, up to [DONE].

    Raises Unreadable for data that is no object: `cut` where it is the last, else `bad_response`.
    """
    upcoming = iter(events)
    event, number = next(upcoming, None), 0
    while event is not None and not event["data"].lstrip().startswith("[DONE]"):
        number, following = number + 1, next(upcoming, None)
        try:
            document = parse(event["data"] or "{}")
        except ValueError as problem:
            kind = "cut" if following is None else "bad_response"
            raise Unreadable(ApiError(kind, message=f"event {number} is not JSON: {problem}")) from None
        if not isinstance(document, dict):
            message = f"event {number} is no JSON object"
            raise Unreadable(ApiError("bad_response", message=message))
        yield event, document
        event = following
