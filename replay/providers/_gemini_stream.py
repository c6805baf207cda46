"""Reading a stream of Gemini: chunks of a reply, one an event.

No event says that the stream is over: the last chunk is the one with a finish reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from replay.conversation import Json, Object
from replay.jsontext import parse
from replay.providers import Unreadable, _errors, _events, _reading, _shape
from replay.providers import _gemini_reply as reply
from replay.providers._gemini_chunks import Chunks
from replay.turn import ApiError, Reply


def is_end(event: Mapping[str, str]) -> bool:
    """Tell whether this chunk gives a finish reason, or says that the prompt was blocked."""
    try:
        chunk = parse(event["data"])
    except ValueError:
        return False
    if not isinstance(chunk, dict):
        return False
    candidates = chunk.get("candidates")
    finished = isinstance(candidates, list) and any(
        isinstance(candidate, dict) and candidate.get("finishReason") for candidate in candidates
    )
    return finished or (not candidates and bool(_reason(chunk)))


def decode(body: Json) -> Reply:
    """Read a whole body. Raises Unreadable."""
    if _errors.is_error(body):
        raise Unreadable(_errors.told(body))
    try:
        said = _shape.mapping(body, "the body")
        if not said.get("candidates") and _reason(said):
            raise Unreadable(_blocked(said))
        return reply.read(said)
    except (ValueError, RecursionError) as problem:
        raise Unreadable(ApiError("bad_response", message=str(problem))) from None


def decode_stream(events: Iterable[Mapping[str, str]]) -> Reply:
    """Read events. Raises Unreadable with the partial reply."""
    chunks, error = Chunks(), None
    try:
        for chunk in _events.chunks(events, _events.never):
            chunks.add(chunk)
    except Unreadable as told:
        error = told.error
    except (ValueError, RecursionError) as broken:
        error = ApiError("bad_response", message=str(broken))
    return _reading.streamed(chunks.body(), error, decode)


def _reason(body: Object) -> str | None:
    feedback = body.get("promptFeedback")
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    return reason if isinstance(reason, str) else None


def _blocked(body: Object) -> ApiError:
    """The prompt's own filter: an error, as it is where Azure's filter refuses a prompt."""
    reason = _reason(body)
    said = body["promptFeedback"].get("blockReasonMessage")
    return ApiError("content_filter", message=f"the prompt was blocked: {said or reason}", code=reason)
