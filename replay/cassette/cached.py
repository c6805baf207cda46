"""Cassettes that were read before: taken from the cache as long as the file is the same."""

from __future__ import annotations

from replay.cache import Cached
from replay.cassette import file
from replay.cassette.interaction import Failure, Interaction, RecordedRequest, RecordedResponse
from replay.conversation import Json


def read(path: str, raw: bytes, cached: Cached | None) -> tuple[Interaction, ...]:
    """Do what `file.whole(file.read(path, raw))` does. Raises BadInput for a damaged file."""
    kept: Json = cached and cached.get()
    if kept is not None:
        return tuple(_interaction(*one) for one in kept)
    contents = file.read(path, raw)
    interactions = file.whole(contents)
    if cached and not contents.faults:
        cached.put([_plain(one) for one in interactions])
    return interactions


def _plain(one: Interaction) -> Json:
    """An interaction as JSON. Bodies are bytes of any kind, and Latin-1 has a character for each byte."""
    asked, came = one.request, one.response
    failure = came.failure and [came.failure.exception, came.failure.message]
    return [
        [asked.method, asked.uri, asked.headers, asked.body.decode("latin-1")],
        [came.status, came.reason, came.headers, came.body.decode("latin-1")],
        [came.chunks, failure, came.attempt, came.source],
    ]


def _interaction(asked: Json, came: Json, rest: Json) -> Interaction:
    method, uri, sent, question = asked
    status, reason, headers, body = came
    chunks, failure, attempt, source = rest
    return Interaction(
        RecordedRequest(method, uri, sent, question.encode("latin-1")),
        RecordedResponse(
            status,
            reason,
            headers,
            body.encode("latin-1"),
            tuple(map(tuple, chunks)),
            Failure(*failure) if failure else None,
            attempt,
            source,
        ),
    )
