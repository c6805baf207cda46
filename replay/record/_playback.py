"""What a target's SDK asks for, and what it makes of a recorded answer: found out by letting it ask."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from replay import providers
from replay.cassette.interaction import RecordedRequest, RecordedResponse
from replay.cassette.transport import CassetteTransport
from replay.providers._settings import RECORDED
from replay.turn import Request, Target, Turn


def played(request: Request, target: Target, response: RecordedResponse) -> tuple[RecordedRequest, Turn]:
    """Send a request as a run will, answered by a recorded response; return what went out and the turn."""
    recording: Any = _Recording(response)
    offline = replace(target, settings=target.settings | {RECORDED: ""})  # no credentials are looked for
    turn = providers.registry.get(target.provider).send(request, offline, CassetteTransport(recording))
    if recording.asked is None:
        raise RuntimeError(f"provider {target.provider} sent nothing")
    return recording.asked, turn


class _Recording:
    """Stands where a cassette does, and answers whatever is asked."""

    def __init__(self, response: RecordedResponse) -> None:
        self.asked: RecordedRequest | None = None
        self._response = response

    def play(self, request: RecordedRequest) -> RecordedResponse:
        self.asked = request
        return self._response
