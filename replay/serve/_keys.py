"""Keys of apps pass through to their provider and are hidden in all that is written down."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from replay.cassette.interaction import RecordedRequest, RecordedResponse
from replay.cassette.redact import Redactor
from replay.config import CREDENTIALS, Project

_SHORTEST = 16  # characters; what is shorter is a word that was typed because some key is needed


class Keys:
    """A project's redactor that knows the keys which were seen: a provider may repeat one it refuses."""

    def __init__(self, project: Project) -> None:
        self._project, self._known = project, dict[str, str | None]()
        self._redactor = Redactor.for_project(project, {})
        self._lock = threading.Lock()

    def learn(self, headers: Iterable[tuple[str, str]]) -> None:
        """Hide the credentials in these headers from now on."""
        found = {value.rpartition(" ")[2] for name, value in headers if name.lower() in CREDENTIALS}
        with self._lock:
            new = [value for value in found if len(value) >= _SHORTEST and value not in self._known]
            if new:
                self._known |= dict.fromkeys(new)
                self._redactor = Redactor.for_project(self._project, {key: key for key in self._known})

    def request(self, request: RecordedRequest) -> RecordedRequest:
        """As `Redactor.request`."""
        return self._redactor.request(request)

    def response(self, response: RecordedResponse) -> RecordedResponse:
        """As `Redactor.response`."""
        return self._redactor.response(response)

    def text(self, text: str) -> str:
        """As `Redactor.text`."""
        return self._redactor.text(text)
