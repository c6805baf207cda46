"""What an app asked of a model, as a transcript that takes the same assertions as any other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from replay.cassette.interaction import Interaction, RecordedResponse
from replay.conversation import Conversation
from replay.jsontext import parse
from replay.providers import Unreadable, _errors, _wire, placed, registry
from replay.turn import Request, Target, Transcript, Turn


def transcript(exchanges: Iterable[Interaction], name: str, target: str) -> Transcript:
    """Return the calls of models among `exchanges`, of any provider, as the turns of one play, in order.

    The conversation is the first request's; `target` is a name, its provider and model are the first's too.
    Other exchanges are left out; `conversation.source["left_out"]` counts them. A retry, which is
    also an equal request after an error, takes the place of the try before it.
    """
    turns: list[Turn] = []
    provider, left_out = "", 0
    for exchange in exchanges:
        wire, request = _request(exchange)
        if request is None:
            left_out += 1
            continue
        provider = provider or wire
        turn = _turn(registry.get(wire), request, exchange.response)
        before = turns[-1] if turns and turns[-1].request == request else None
        if before and (turn.attempts > 1 or before.error):
            turns[-1] = replace(turn, attempts=max(turn.attempts, before.attempts + 1))
        else:
            turns.append(turn)
    first = turns[0].request if turns else Request("", ())
    source = {"format": "app", "left_out": left_out}
    conversation = Conversation(name, first.messages, first.tools, first.params, source=source)
    asked = Target(target, provider or "openai", first.model)
    return Transcript(conversation, asked, tuple(turns), "to_completion")


def _request(exchange: Interaction) -> tuple[str, Request | None]:
    """The provider and the request, None where it is no call of a model."""
    asked = exchange.request
    try:
        found = placed(asked.method.upper(), asked.uri)
        body = parse(asked.body)
        if found is None or not isinstance(body, dict):
            return "", None
        wire, place = found
        request = registry.get(wire).decode_request(body)
    except (ValueError, Unreadable):
        return "", None
    if not request.messages:
        return "", None
    return wire, replace(
        request, model=request.model or place.model or "", params=request.params | place.params
    )


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
        _wire.timing(codec, response.body, times, sizes, streamed=bool(read.stream)),
        response.attempt,
        _wire.text(response.body) if begun else None,
        read.stream,
        _wire.request_id(headers),
    )
