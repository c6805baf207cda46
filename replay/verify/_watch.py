"""A network that asks live and answers from the recording: a play goes on as it was recorded.

What a provider refuses for now (rate limit, server, timeout) is passed on, so that the runner tries again by
its own rules; what came in the end is kept beside the recorded answer.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from replay.cassette.answers import asked
from replay.cassette.interaction import RecordedRequest, RecordedResponse
from replay.cassette.transport import CassetteTransport
from replay.errors import CassetteMiss
from replay.providers import Provider
from replay.providers._wire import Answer, answer
from replay.turn import NOT_JSON, RETRYABLE
from replay.verify._rails import Step

NO_ANSWER = (*RETRYABLE, "billing", "auth", "cut", "stream_error")  # of these nothing can be concluded


def read(provider: Provider, response: RecordedResponse) -> Answer:
    """Return what a recorded response says."""
    headers = {name: values[0] for name, values in response.headers.items() if values}
    return answer(provider, response.status, headers, response.body)


class Watch:
    """The network under one case. `live` has for each of its steps what came, None where nothing did."""

    def __init__(
        self,
        steps: Sequence[Step],
        key: Callable[[RecordedRequest], str],
        clean: Callable[[RecordedResponse], RecordedResponse],
        provider: Provider,
        network: Any,
    ) -> None:
        self.live: list[Answer | None] = [None] * len(steps)
        self.refused: str = ""
        self._steps, self._key, self._clean = steps, key, clean
        self._provider, self._network = provider, network
        self._expected: dict[str, deque[int]] = defaultdict(deque)
        for place, step in enumerate(steps):
            if step.exact:
                self._expected[step.key].append(place)

    def handle_request(self, request: Any) -> Any:
        """Ask live; answer what was recorded. Raises CassetteMiss for what is not, and sends nothing."""
        waiting = self._expected[self._key(asked(request, request.read()))]
        if not waiting:
            raise CassetteMiss("this is not what was recorded; see replay verify --stale")
        came = self._sent(request)
        said = read(self._provider, came)
        if said.error and (said.error.kind in NO_ANSWER or said.error.code == NOT_JSON):
            self.refused = f"{said.error.kind}: {said.error.message}"
            return _answered(request, came)
        place = waiting.popleft()
        self.live[place] = said
        recorded = self._steps[place].recorded
        return _answered(request, recorded.response if recorded else came)

    def _sent(self, request: Any) -> RecordedResponse:
        """Send a request and take the whole answer. Raises what the library of the request raises."""
        taken = _Taken()
        try:
            CassetteTransport(taken, self._network).handle_request(request).read()
        except Exception as problem:
            self.refused = f"{type(problem).__name__}: {problem}"
            raise
        return self._clean(taken.response)


class _Taken:
    """A seam that lets a request through and takes what comes."""

    path = Path()
    response: RecordedResponse

    def play(self, _: RecordedRequest) -> None:
        return None

    def miss(self, message: str) -> CassetteMiss:
        return CassetteMiss(message)

    def record(self, _: RecordedRequest, response: RecordedResponse) -> None:
        self.response = response


class _Known(_Taken):
    """A seam that has one answer."""

    def __init__(self, response: RecordedResponse) -> None:
        self.response = response

    def play(self, _: RecordedRequest) -> Any:
        return self.response


def _answered(request: Any, response: RecordedResponse) -> Any:
    return CassetteTransport(_Known(response)).handle_request(request)
