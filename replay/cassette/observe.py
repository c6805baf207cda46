"""What an app asked of a model, as a transcript that takes the same assertions as any other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from replay.cassette.interaction import Interaction, RecordedResponse
from replay.conversation import Conversation
from replay.jsontext import parse
from replay.providers import _errors, _wire, registry
from replay.turn import Request, Target, Transcript, Turn

CHAT = "/chat/completions"


def transcript(exchanges: Iterable[Interaction], name: str, target: Target) -> Transcript:
    """Return the chat completions among `exchanges` as the turns of one play, in order.

    `target.provider` says whose codec reads them. The conversation is the first request's. Other exchanges
    are left out; `conversation.source["left_out"]` counts them. A retry takes the place of the try before it.
    """
    codec = registry.get(target.provider)
    turns: list[Turn] = []
    left_out = 0
    for exchange in exchanges:
        request = _request(codec, exchange)
        if request is None:
            left_out += 1
            continue
        turn = _turn(codec, request, exchange.response)
        if turn.attempts > 1 and turns and turns[-1].request == request:
            turns.pop()
        turns.append(turn)
    first = turns[0].request if turns else Request(target.model, ())
    source = {"format": "app", "left_out": left_out}
    conversation = Conversation(name, first.messages, first.tools, first.params, source=source)
    return Transcript(conversation, target, tuple(turns), "to_completion")


def _request(codec: Any, exchange: Interaction) -> Request | None:
    """The request, None where it is not one for a chat completion."""
    asked = exchange.request
    if asked.method.upper() != "POST" or not urlsplit(asked.uri).path.rstrip("/").endswith(CHAT):
        return None
    try:
        body = parse(asked.body)
    except ValueError:
        return None
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        return None
    request: Request = codec.decode_request(body)
    return request


def _turn(codec: Any, request: Request, response: RecordedResponse) -> Turn:
    cut, begun = response.failure, response.status is not None
    failure = _errors.failed(cut.exception, cut.message, begun=begun) if cut else None
    headers = {name.lower(): values[0] for name, values in response.headers.items() if values}
    read = _wire.answer(codec, response.status, headers, response.body, failure)
    times, sizes = zip(*response.chunks, strict=True) if response.chunks else ((), ())
    return Turn(
        request,
        read.reply,
        read.error,
        _wire.timing(response.body, times, sizes, streamed=bool(read.stream)),
        response.attempt,
        _wire.text(response.body) if begun else None,
        read.stream,
    )
