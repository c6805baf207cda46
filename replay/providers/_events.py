"""The JSON documents that the events of a stream carry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from replay.conversation import Json, Object
from replay.jsontext import parse
from replay.providers import Unreadable, _errors, _shape
from replay.turn import ApiError

Event = Mapping[str, str]


def is_done(event: Event) -> bool:
    """Tell whether this is the event that says nothing but that it was the last."""
    return event["data"].lstrip().startswith("[DONE]")


def never(_: Event) -> bool:
    """A stream that ends where its events do."""
    return False


def numbered(
    events: Iterable[Event], is_end: Callable[[Event], bool] = is_done
) -> Iterator[tuple[Event, int, bool]]:
    """Yield each event before the end with its number, from 1, and whether nothing follows it."""
    upcoming = iter(events)
    event, number = next(upcoming, None), 0
    while event is not None and not is_end(event):
        number, following = number + 1, next(upcoming, None)
        yield event, number, following is None
        event = following


def parsed(data: str, number: int, *, last: bool) -> Json:
    """Read the data of an event; nothing is an empty object. Raises Unreadable, `cut` for the last one."""
    try:
        return parse(data) if data else {}
    except ValueError as problem:
        kind = "cut" if last else "bad_response"
        raise Unreadable(ApiError(kind, message=f"event {number} is not JSON: {problem}")) from None


def documents(events: Iterable[Event]) -> Iterator[tuple[Event, Object]]:
    """Yield each event and its object, up to [DONE]. Raises Unreadable for data that is no object."""
    for event, number, last in numbered(events):
        document = parsed(event["data"], number, last=last)
        if not isinstance(document, dict):
            message = f"event {number} is no JSON object"
            raise Unreadable(ApiError("bad_response", message=message))
        yield event, document


def chunks(events: Iterable[Event], is_end: Callable[[Event], bool]) -> Iterator[Object]:
    """Yield the objects of a stream whose errors are objects of their own. Raises Unreadable, ValueError."""
    for event, number, last in numbered(events, is_end):
        yield chunk(event, parsed(event["data"], number, last=last), number)


def chunk(event: Event, document: Json, number: int) -> Object:
    """Return the object of an event that tells no error. Raises Unreadable, ValueError."""
    if event.get("event") == "error" or _errors.is_error(document):
        raise Unreadable(_errors.told(document, "stream_error"))
    return _shape.mapping(document, f"event {number}")
