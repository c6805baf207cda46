"""Reading the logs, from the first to the last, as often as it takes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from replay import importers
from replay.cassette.interaction import RecordedRequest, RecordedResponse
from replay.cassette.redact import Redactor
from replay.importers import Logged
from replay.record._files import Log, head, sniffed
from replay.record._progress import Progress, metered


class Reading:
    """Reads files in the format of this name, or each in the one that its beginning tells."""

    def __init__(self, files: Iterable[Log], log_format: str, progress: Progress) -> None:
        self.files = list(files)
        self._format = None if log_format == "auto" else importers.registry.get(log_format) and log_format
        self._progress = progress
        self._formats: dict[Log, str | None] = {}
        self._readers: dict[str, Callable[[Path], Iterator[Logged]]] = {}

    def format(self, log: Log) -> str | None:
        """Return the name of the importer that reads a file, None where none does. Raises OSError."""
        if log not in self._formats:
            self._formats[log] = self._format or sniffed(head(log.path))
        return self._formats[log]

    def alone(self, log: Log) -> bool:
        """Tell whether a file is a recording of its own: its calls belong to no call of another file."""
        name = self._told(log)
        return name is None or bool(getattr(importers.registry.get(name), "ALONE", False))

    def exchanges(self, log: Log) -> Generator[Logged]:
        """Yield what a file holds; that it holds nothing is one refusal."""
        try:
            name = self.format(log)
        except OSError as problem:
            yield Logged(log.shown, "", refused=f"cannot be read ({problem.strerror})")
            return
        if name is None:
            yield Logged(log.shown, "", refused="in no format that is known; name it with --format")
            return
        found = False
        with self._progress.file(log.path) as advance:
            for logged in self._reader(name)(metered(log.path, advance)):
                found = True
                yield logged
        if not found and not importers.is_spread(name):  # the answers to its requests may all be elsewhere
            yield Logged(log.shown, "", refused="holds no exchange")

    def _reader(self, name: str) -> Callable[[Path], Iterator[Logged]]:
        """Return what reads the files of a format; it is one for all of them."""
        if name not in self._readers:
            alike = (log.path for log in self.files if self._told(log) == name)
            self._readers[name] = importers.reader(name, alike)
        return self._readers[name]

    def _told(self, log: Log) -> str | None:
        with suppress(OSError):
            return self.format(log)
        return None


def clean(logged: Logged, redactor: Redactor) -> Logged:
    """Return an exchange without secrets. What is nested too deeply to be looked through is refused."""
    try:
        return _response(_request(_words(logged, redactor), redactor), redactor)
    except RecursionError:
        return Logged(logged.path, logged.place, refused="nested too deeply")


def _words(logged: Logged, redactor: Redactor) -> Logged:
    """What the log says beside the bodies."""
    names = ("source", "model", "settings", "derived", "tags", "assertions", "notes")
    said = redactor.json([getattr(logged, name) for name in names])
    words = dict(zip(names, said, strict=True))
    return replace(logged, **words | {name: tuple(words[name]) for name in ("tags", "assertions", "notes")})


def _request(logged: Logged, redactor: Redactor) -> Logged:
    asked = RecordedRequest(logged.method, logged.url, logged.request_headers, logged.request)
    asked = redactor.request(asked)
    return replace(logged, url=asked.uri, request_headers=asked.headers, request=asked.body)


def _response(logged: Logged, redactor: Redactor) -> Logged:
    if logged.response is None:
        return logged
    headers = {name: [value] for name, value in logged.response_headers.items() if value.isascii()}
    got = redactor.response(RecordedResponse(logged.status, "", headers, logged.response))
    kept = {name: values[0] for name, values in got.headers.items()}
    return replace(logged, response_headers=kept, response=got.body)
