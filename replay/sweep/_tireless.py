"""A cassette for an app that may have to begin again."""

from __future__ import annotations

from typing import Any

from replay.cassette.cassette import Cassette
from replay.cassette.interaction import RecordedRequest, RecordedResponse


class Tireless(Cassette):
    """A cassette that is only played, and answers an equal request as often as it is asked."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._said: dict[str, RecordedResponse] = {}

    def play(self, request: RecordedRequest) -> RecordedResponse | None:
        """As `Cassette.play`; what was asked before is answered with the last answer again."""
        key = self.key(request)
        if key in self._said and not self.holds(request):
            return self._said[key]
        played = super().play(request)
        if played is not None:
            self._said[key] = played
        return played
