"""What a server plays: recordings, then fixtures, then, while it records, the provider."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from replay.cassette.interaction import RecordedRequest, RecordedResponse
from replay.cassette.transport import CassetteTransport
from replay.config import Project
from replay.conversation import Object
from replay.errors import BadInput, CassetteMiss
from replay.providers import Place, placed
from replay.serve._controls import Controls, controls
from replay.serve._faults import around
from replay.serve._fixtures import Fixtures
from replay.serve._journal import Call, Journal
from replay.serve._keys import Keys
from replay.serve._models import models
from replay.serve._plain import plain
from replay.serve._pool import Pool
from replay.serve._recorders import Recorders
from replay.serve._stock import Stock, stock
from replay.serve._upstream import origin

_NOWHERE = "http://provider.invalid"  # where a request is said to go that is never sent
_TIMEOUT = {"connect": 10.0, "read": 600.0, "write": 60.0, "pool": 60.0}  # seconds, as the SDKs wait
_CALL = "replay_asked"  # in the extensions of a request: the `Asked` that it is


@dataclass(frozen=True, eq=False)
class Asked:
    """A request that came, and what is known of it before it is answered."""

    call: Call
    wire: str | None
    place: Place
    controls: Controls
    request: httpx2.Request
    upstream: bool


class Playing:
    """Answers requests through the faults they name. Safe to use from several threads.

    `paths` are read as `stock` does; `upstreams` are origins by wire. Raises BadInput and StorageError.
    """

    def __init__(
        self,
        project: Project,
        paths: Iterable[str | Path],
        journal: Journal,
        keys: Keys,
        *,
        record_to: Path | None = None,
        record_mode: str = "once",
        upstreams: dict[str, str],
        pace: bool = False,
        ignore: Iterable[str] = (),
    ) -> None:
        self.project, self.journal, self.pace = project, journal, pace
        self.keys, self.upstreams = keys, upstreams
        self._paths, self.ignore = tuple(paths), tuple(ignore)
        self.recording = Recorders(record_to, record_mode, self.keys, self.ignore) if record_to else None
        self._network = httpx2.HTTPTransport(limits=httpx2.Limits()) if record_to else None
        self._lock = threading.Lock()
        self._begin(stock(project, self._paths) if self._paths or not record_to else Stock((), 0, ()))

    def _begin(self, found: Stock) -> None:
        self.stock, self.fixtures = found, Fixtures(self.project, found.fixtures)
        self._pools: dict[str, Pool] = {}
        self._chains: dict[tuple[str, str], Any] = {}

    def asked(
        self, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes, call: Call
    ) -> Asked:
        """Read a request: `target` is its path and query as they were sent. Raises BadInput."""
        path, _, query = target.partition("?")
        said, query, passed = controls(query, headers)
        body, passed = plain(body, passed)
        target = f"{path}?{query}" if query else path
        call.chosen, call.fault = said.cassette or None, said.fault or None
        wire, place = _spoken(method, target)
        call.wire = wire
        if self.recording:
            self.keys.learn(passed)
        where = origin(wire, self.upstreams) if self.recording else None
        request = _request(method, f"{where or _NOWHERE}{target}", passed, body)
        found = Asked(call, wire, place, said, request, bool(where))
        request.extensions |= {"timeout": _TIMEOUT, _CALL: found}
        return found

    def answer(self, asked: Asked) -> httpx2.Response:
        """Answer a request. Raises ReplayError, and what transports raise (`httpx2.TransportError`)."""
        response: httpx2.Response = self._chain(asked.controls).handle_request(asked.request)
        return response

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The transport under all faults."""
        asked: Asked = request.extensions[_CALL]
        pace = self.pace if asked.controls.pace is None else asked.controls.pace
        transport = CassetteTransport(_Seam(self, asked), self._network, pace=pace)
        try:
            response: httpx2.Response = transport.handle_request(request)
        except httpx2.ConnectError as problem:
            asked.call.message = _unreached(asked, problem)
            raise
        return response

    def recorder(self, asked: Asked) -> Any:
        """Return the cassette that a request is recorded into; None where nothing is recorded."""
        return self.recording.of(asked.controls.cassette) if self.recording else None

    def pool(self, name: str) -> Pool:
        """Return the recordings that a request chooses. Raises BadInput where there are none of that name."""
        with self._lock:
            if name not in self._pools:
                chosen = self.stock.chosen(name)
                if name and not chosen and not self.recording:
                    raise BadInput(f'no cassette is called "{name}"; {self.stock.nearest(name)}')
                self._pools[name] = Pool(chosen, name or self._everything, self.keys, self.ignore)
            return self._pools[name]

    @property
    def _everything(self) -> str:
        return " ".join(map(str, self._paths)) or self.project.shown(self.project.cassettes)

    def hint(self) -> str:
        """Say what to type to record what is missing."""
        where = self.project.shown(self.project.cassettes)
        return f"replay serve --record-to {where}/app.yaml --record-mode new_episodes"

    def journalled(self) -> Object:
        """Return the journal, with the recordings that nothing has asked for."""
        with self._lock:
            played = {(one.cassette, one.number) for pool in self._pools.values() for one in pool.played}
        left = [one for one in self.stock.recordings if (one.cassette, one.number) not in played]
        return self.journal.to_json({"cassette": one.cassette, "interaction": one.number} for one in left)

    def reset(self) -> None:
        """Play from the beginning, with the files as they are now. Raises BadInput and StorageError."""
        if self.recording:
            self.recording.close()
        found = stock(self.project, self._paths) if self._paths or not self.recording else self.stock
        with self._lock:
            self._begin(found)
        self.journal.clear()

    def close(self) -> None:
        """Fold what was recorded. Raises StorageError."""
        try:
            if self.recording:
                self.recording.close()
        finally:
            if self._network:
                self._network.close()

    def _chain(self, said: Controls) -> Any:
        """The faults a request names, kept for the next that names them: `first=1` counts over requests."""
        name = said.cassette, said.fault
        with self._lock:
            if name not in self._chains:
                self._chains[name] = around(self, said.fault)
            return self._chains[name]


def _spoken(method: str, target: str) -> tuple[str | None, Place]:
    try:
        return placed(method, target) or (None, Place())
    except ValueError:
        return None, Place()


def _request(method: str, url: str, headers: list[tuple[str, str]], body: bytes) -> httpx2.Request:
    try:
        return httpx2.Request(method, url, headers=headers, content=body)
    except httpx2.InvalidURL as problem:
        raise BadInput(f"what is asked is no address: {problem}") from None


def _unreached(asked: Asked, problem: httpx2.ConnectError) -> str:
    """A provider that cannot be reached is named; a recording of that says what is recorded."""
    url = asked.request.url
    where = f"{url.scheme}://{url.netloc.decode()}" if asked.call.answer == "live" else "as recorded, it"
    return f"{where} cannot be reached: {problem}"


class _Seam:
    """What one request is answered from, in the cassette's place; it notes that in the call."""

    def __init__(self, playing: Playing, asked: Asked) -> None:
        self._playing, self._asked, self._call = playing, asked, asked.call
        self._recorder = playing.recorder(asked)
        self.path = Path(asked.controls.cassette)

    def play(self, request: RecordedRequest) -> RecordedResponse | None:
        """Answer, or let the request be sent (None). Raises CassetteMiss, BadInput and StorageError."""
        pool = self._playing.pool(self._asked.controls.cassette)
        anew = self._recorder is not None and self._recorder.mode == "all"
        found = None if anew else self._recorded(pool, request) or self._told(request)
        if found is not None:
            return found
        if not self._may_be_sent:
            raise self.miss("\n".join(self._why(pool, request)))
        return self._live(request)

    def record(self, request: RecordedRequest, response: RecordedResponse) -> None:
        """Keep what the provider has answered. Raises StorageError."""
        self._recorder.record(request, response)

    def miss(self, message: str) -> CassetteMiss:
        """Note a miss, and return it to be raised."""
        self._call.answer, self._call.message = "miss", message
        return CassetteMiss(message)

    def _recorded(self, pool: Pool, request: RecordedRequest) -> RecordedResponse | None:
        found = pool.take(request)
        if found is None:
            return None
        self._call.answer = "recording"
        self._call.cassette, self._call.interaction = found.cassette, found.number
        return found.interaction.response

    def _told(self, request: RecordedRequest) -> RecordedResponse | None:
        """What is recorded nowhere and yet is known: a fixture's words, the list of models."""
        asked = self._asked
        if found := self._playing.fixtures.answer(asked.wire or "", asked.place, request.body):
            self._call.answer, self._call.message = "fixture", found.headers["x-replay-fixture"][0]
        elif not self._may_be_sent and (found := models(request, self._playing.project)):
            self._call.answer = "models"
        return found

    @property
    def _may_be_sent(self) -> bool:
        return self._recorder is not None and self._asked.upstream

    def _live(self, request: RecordedRequest) -> RecordedResponse | None:
        try:
            found: RecordedResponse | None = self._recorder.play(request)
        except CassetteMiss as missed:
            raise self.miss(str(missed)) from None
        self._call.answer = "live" if found is None else "recording"
        self._call.cassette = self._playing.project.shown(self._recorder.path)
        if found is not None:
            self._call.interaction = self._recorder.played[-1] + 1
        return found

    def _why(self, pool: Pool, request: RecordedRequest) -> list[str]:
        asked = self._asked
        path = self._playing.keys.text(asked.request.url.raw_path.decode())
        lines = pool.why(request, f"{request.method} {path}")
        lines += self._playing.fixtures.why(asked.wire or "", request.body)
        if self._recorder is not None:
            return [
                *lines,
                "where it is to be sent is not known: replay serve --record-to ... --upstream https://HOST",
            ]
        return [*lines, f"record it: {self._playing.hint()}"]
