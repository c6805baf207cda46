"""A cassette seen from the app's side: the same answers, and what passed, in order."""

from __future__ import annotations

import threading
from typing import Any

from replay.cassette.cassette import Cassette
from replay.cassette.interaction import Interaction, RecordedRequest, RecordedResponse
from replay.errors import CassetteMiss


class Witness:
    """Stands between transports and `cassette`; `exchanges` holds every request that was answered.

    Requests are kept redacted, as the cassette stores them. A request that had no answer is in
    `cassette.misses`.
    """

    def __init__(self, cassette: Cassette) -> None:
        self.cassette, self.path = cassette, cassette.path
        self.exchanges: list[Interaction] = []
        self._lock = threading.Lock()

    def play(self, request: RecordedRequest) -> RecordedResponse | None:
        """As `Cassette.play`."""
        played = self.cassette.play(request)
        if played is not None:
            self._keep(request, played)
        return played

    def record(self, request: RecordedRequest, response: RecordedResponse) -> None:
        """As `Cassette.record`."""
        self.cassette.record(request, response)
        self._keep(request, response)

    def miss(self, message: str) -> CassetteMiss:
        """As `Cassette.miss`."""
        return self.cassette.miss(message)

    def transport(self, inner: Any) -> Any:
        """Return the transport over this; `inner` sends what is not recorded."""
        from replay.cassette.transport import CassetteTransport

        return CassetteTransport(self, inner)

    def correct(self, request: RecordedRequest, response: RecordedResponse, answered: bool) -> None:
        """Note what came of a request after all; `answered` if it was answered otherwise just before."""
        kept = self._clean(request, response)
        with self._lock:
            if answered:
                same = (
                    n
                    for n in reversed(range(len(self.exchanges)))
                    if self.exchanges[n].request == kept.request
                )
                del self.exchanges[next(same)]
            self.exchanges.append(kept)

    def _keep(self, request: RecordedRequest, response: RecordedResponse) -> None:
        kept = self._clean(request, response)
        with self._lock:
            self.exchanges.append(kept)

    def _clean(self, request: RecordedRequest, response: RecordedResponse) -> Interaction:
        redactor = self.cassette.redactor
        if redactor is None:
            return Interaction(request, response)
        return Interaction(redactor.request(request), redactor.response(response))
