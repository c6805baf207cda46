"""An interaction as the plain mapping that is stored: vcrpy's shape, with ours under `response.replay`.

vcrpy drops unknown keys beside `request` and crashes on unknown ones inside it, so this is the only place:

    chunk_bytes, chunk_ms   sizes of the body's pieces, and when each arrived (ms since the request was sent)
    failure                 {exception, message, before_response}; without a response the status is 599
    attempt                 which try of one call this was, when not the first
    source                  where it comes from
"""

from __future__ import annotations

from replay.cassette.interaction import Interaction, RecordedRequest, RecordedResponse
from replay.conversation import Object

NO_RESPONSE = 599  # the status that a failure before any response is stored with, so that vcrpy can load it


def to_shape(interaction: Interaction) -> Object:
    """Return the mapping that is written. Bodies are text where they are UTF-8, else bytes."""
    return {"request": _request(interaction.request), "response": _response(interaction.response)}


def _request(request: RecordedRequest) -> Object:
    return {
        "body": _text(request.body),
        "headers": {name: [value] for name, value in request.headers.items()},
        "method": request.method,
        "uri": request.uri,
    }


def _response(response: RecordedResponse) -> Object:
    status: Object = {"code": response.status, "message": response.reason}
    if response.status is None:
        status = {"code": NO_RESPONSE, "message": response.failure.exception if response.failure else ""}
    extras = _extras(response)
    return {
        "body": {"string": _text(response.body)},
        "headers": response.headers,
        **({"replay": extras} if extras else {}),
        "status": status,
    }


def _extras(response: RecordedResponse) -> Object:
    extras: Object = {}
    if response.attempt > 1:
        extras["attempt"] = response.attempt
    if response.chunks:
        extras["chunk_bytes"] = [size for _, size in response.chunks]
        extras["chunk_ms"] = [at for at, _ in response.chunks]
    if response.failure:
        failure: Object = {"exception": response.failure.exception, "message": response.failure.message}
        extras["failure"] = failure | ({"before_response": True} if response.status is None else {})
    if response.source:
        extras["source"] = response.source
    return extras


def _text(body: bytes) -> str | bytes:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body
