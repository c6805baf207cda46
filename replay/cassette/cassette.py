"""One cassette in use: what it answers, what it has missed, and what it records."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from replay.cache import Cached
from replay.cassette import fold, journal
from replay.cassette.cached import read
from replay.cassette.drift import Drift, compare
from replay.cassette.interaction import Interaction, RecordedRequest, RecordedResponse
from replay.cassette.lookup import Lookup
from replay.cassette.match import key
from replay.cassette.missed import Missed
from replay.config import CREDENTIALS
from replay.errors import BadInput, CassetteMiss, Fault, ReplayError, StorageError, nearest

MODES = ("none", "once", "new_episodes", "all", "verify")


class Redactor(Protocol):
    """What takes secrets out. Both are applied to all that is recorded, `request` to live requests too."""

    def request(self, request: RecordedRequest) -> RecordedRequest:
        """Return the request without secrets; applied twice it changes nothing more."""

    def response(self, response: RecordedResponse) -> RecordedResponse:
        """Return the response without secrets, its chunks still adding up to its body."""


class Cassette:
    """The recording at `path`, played and recorded as vcrpy's record modes say.

    `none` plays and never sends; `once` records when there is no file yet (or one that says only that nobody
    could be reached: then it is `all`), else it is `none`; `new_episodes` plays what is recorded and records
    the rest; `all` records everything anew; `verify` sends everything, compares with the recording (`drift`)
    and writes nothing.

    `ignore` holds JSON paths of bodies that do not count in matching. `label` says in messages what asks
    (`turn 2 of support/refund`), `record_hint` what to type to record what is missing. `cache` finds what a
    file of these bytes was read as before. Of what was recorded before `forgive` (a time as recordings note
    it) only whole answers are played. `heard` is told of each interaction that was recorded. Raises BadInput
    for a damaged file and StorageError for one that cannot be read. Safe to use from several threads.
    """

    def __init__(
        self,
        path: str | Path,
        mode: str = "none",
        *,
        redactor: Redactor | None = None,
        ignore: Iterable[str] = (),
        label: str = "",
        record_hint: str = "",
        cache: Callable[[bytes], Cached] | None = None,
        forgive: str = "",
        heard: Callable[[Interaction], None] | None = None,
    ) -> None:
        if mode not in MODES:
            raise BadInput(f'record mode "{mode}" is not known; {nearest(mode, MODES)}')
        self.path, self.mode = Path(path), mode
        self.redactor, self.ignore = redactor, tuple(ignore)
        self.label, self.record_hint = label, record_hint
        self._heard = heard
        self.misses: list[CassetteMiss] = []
        self.drift: list[Drift] = []
        self.recorded: list[Interaction] = []
        self.last: RecordedRequest | None = None
        self._lock = threading.RLock()
        self._journal: journal.Journal | None = None
        self._broken: StorageError | None = None
        if self.writes:
            fold.fold_orphans(self._file, self.key)
        raw = fold.bytes_of(self.path)
        self._base = fold.fingerprint(raw) if self.writes else ""
        self._exists = raw is not None
        interactions = read(str(path), raw, cache and cache(raw)) if raw is not None else ()
        if mode == "once" and interactions and all(map(_unreached, interactions)):
            self.mode = "all"
        self._lookup = Lookup(interactions, self.key)
        self._missed = Missed(self._lookup, self.ignore)
        if forgive:
            self._lookup.skip(
                index
                for index, one in enumerate(interactions)
                if not one.response.whole and fold.recorded_at(one) < forgive
            )

    @cached_property
    def _file(self) -> Path:
        """The file itself, links followed; found only when something is written or missed."""
        return _resolved(self.path)

    @property
    def writes(self) -> bool:
        """Whether this mode may change the file."""
        return self.mode in ("once", "new_episodes", "all")

    @property
    def interactions(self) -> tuple[Interaction, ...]:
        """What the file held when it was opened."""
        return tuple(self._lookup.interactions)

    @property
    def played(self) -> tuple[int, ...]:
        """The indexes of the interactions played, in the order of play."""
        return tuple(self._lookup.played)

    @property
    def unplayed(self) -> tuple[int, ...]:
        """The indexes of the recorded interactions that nothing asked for."""
        return self._lookup.unplayed

    @property
    def elsewhere(self) -> tuple[str, str] | None:
        """The host that the last recording played was made at and the one asked, where they differ."""
        if self.last is None or not self.played:
            return None
        recorded, asked = self._lookup.interactions[self.played[-1]].request.uri, self.last.uri
        if _host(recorded) != _host(asked):  # as it would be recorded: a host may be hidden
            asked = self._redacted(replace(self.last, headers={}, body=b"")).uri
        hosts = _host(recorded), _host(asked)
        return hosts if hosts[0] != hosts[1] else None

    def has_retry(self, request: RecordedRequest | None = None) -> bool:
        """Whether the next recorded answer to a request (None: to the last one) is a further attempt."""
        with self._lock:
            request = self.last if request is None else request
            index = None if request is None else self._lookup.peek(request)
            return index is not None and self._lookup.interactions[index].response.attempt > 1

    def holds(self, request: RecordedRequest) -> bool:
        """Whether a live request would be answered from the recording."""
        with self._lock:
            return self._lookup.peek(request) is not None

    def key(self, request: RecordedRequest) -> str:
        """Return what requests share that are the same to this cassette."""
        return key(self._redacted(request), self.ignore)

    def count(self, request: RecordedRequest) -> int:
        """How often a request is recorded, now and before."""
        name = self.key(request)
        with self._lock:
            return sum(self.key(one.request) == name for one in (*self.interactions, *self.recorded))

    def play(self, request: RecordedRequest) -> RecordedResponse | None:
        """Answer a live request from the recording; None when it has to be sent.

        Raises CassetteMiss when there is no answer and sending is not allowed, and StorageError when what
        would be recorded could not be kept.
        """
        with self._lock:
            self.last = request
            index = None if self.mode in ("all", "verify") else self._lookup.take(request)
            if index is not None:
                return self._lookup.interactions[index].response
            if self.mode == "none" or (self.mode == "once" and self._exists):
                raise self.miss(self._why_missed(request))
            if self.writes:
                self._start()
            return None

    def miss(self, message: str) -> CassetteMiss:
        """Note a miss, and return it to be raised."""
        missed = CassetteMiss(message)
        self.misses.append(missed)
        return missed

    def record(self, request: RecordedRequest, response: RecordedResponse) -> None:
        """Keep what a request that `play` let through was answered. Raises StorageError."""
        request = self._redacted(request)
        response = self.redactor.response(response) if self.redactor else response
        request = replace(request, headers=_without_credentials(request.headers))
        response = replace(response, headers=_without_credentials(response.headers))
        with self._lock:
            if self.mode == "verify":
                self._compare(request, response)
                return
            if self._journal is None:
                raise StorageError(
                    f"{self.path}: closed before its last answer had come in; that one is lost"
                )
            self.recorded.append(Interaction(request, response))
            try:
                self._journal.append(self.recorded[-1])
            except StorageError as problem:
                self._broken = problem
                raise
        if self._heard is not None:
            self._heard(Interaction(request, response))

    def transport(self, inner: Any = None, *, attempt: int | None = None, pace: bool = False) -> Any:
        """Return the transport that plays and records, for httpx2 and httpx, sync and async.

        `inner` sends what is not recorded; the library's own by default, opened when first needed. `attempt`
        says which try of one call the recordings are; without it the SDK's retry header tells. With `pace`,
        recorded times are waited for.
        """
        from replay.cassette.transport import CassetteTransport

        return CassetteTransport(self, inner, attempt=attempt, pace=pace)

    def http_client(self, *, library: str = "httpx2", inner: Any = None, **options: Any) -> Any:
        """Return a client (`httpx2.Client`) over this cassette; `options` are the client's own."""
        return _import(library).Client(transport=self.transport(inner), **options)

    def async_http_client(self, *, library: str = "httpx2", inner: Any = None, **options: Any) -> Any:
        """Return an `httpx2.AsyncClient` over this cassette; `options` are the client's own."""
        return _import(library).AsyncClient(transport=self.transport(inner), **options)

    def close(self) -> None:
        """Fold what was recorded into the file. Raises StorageError, which names where else it is kept."""
        with self._lock:
            held, self._journal = self._journal, None
            self._broken = StorageError(f"{self.path}: is closed and records no more; nothing was sent")
        if held is not None:
            try:
                loaded = self._lookup.interactions if held.base == self._base else None
                fold.finish(self._file, held, self.recorded, loaded=loaded, key=self.key)
            finally:
                held.close()

    def __enter__(self) -> Cassette:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _redacted(self, request: RecordedRequest) -> RecordedRequest:
        return self.redactor.request(request) if self.redactor else request

    def _start(self) -> None:
        if self._broken is not None:
            raise self._broken
        if self._journal is None:
            self._journal = fold.start(self._file, self._base, self.mode)

    def _why_missed(self, request: RecordedRequest) -> str:
        request = self._redacted(request)
        what = self.label or f"{request.method} {request.uri}"
        empty = "is empty" if self._exists else "does not exist"
        lines = self._missed.why(str(self.path), what, request, empty)
        lines += [f"an unfinished recording is in {left}" for left in journal.paths(self._file)[:1]]
        return "\n".join(lines + ([f"record it: {self.record_hint}"] if self.record_hint else []))

    def _compare(self, request: RecordedRequest, live: RecordedResponse) -> None:
        index = self._lookup.take(request)
        found = compare(request, live, None if index is None else self._lookup.interactions[index].response)
        if found is not None:
            self.drift.append(found)


def _unreached(one: Interaction) -> bool:
    """Whether no connection came about when this was recorded; what a log tells of that stays as it is."""
    failure, source = one.response.failure, one.response.source
    return failure is not None and failure.exception == "ConnectError" and "format" not in source


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except ValueError:
        raise BadInput([Fault(ascii(str(path)), 0, 0, "a file name cannot hold NUL")]) from None
    except (OSError, RuntimeError) as problem:
        raise StorageError(f"{path}: cannot be read ({problem})") from None


def _host(uri: str) -> str:
    parts = urlsplit(uri)
    return parts.netloc.lower().removesuffix(":443" if parts.scheme == "https" else ":80")


def _without_credentials(headers: dict[str, Any]) -> dict[str, Any]:
    """Headers that no cassette needs and none may hold, whatever a redactor is set to."""
    return {name: value for name, value in headers.items() if name not in CREDENTIALS}


def _import(library: str) -> Any:
    import importlib

    try:
        return importlib.import_module(library)
    except ImportError as problem:
        raise ReplayError(f"{library} is not installed: pip install {library}") from problem
