"""Which exchange of a log is meant: the only one, or the one of a line, a number or an id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from replay.errors import BadInput, Fault, nearest
from replay.importers import Logged
from replay.jsontext import parse, strings
from replay.record._calls import Refused, model_call
from replay.record._files import Log
from replay.record._progress import Progress
from replay.record._reading import Reading

_LISTED = 8  # exchanges that a message lists
_KNOWN = 20_000  # ids among which the nearest is looked for
_LARGEST = 64 * 1024 * 1024  # bytes of a request
_REFUSED = 20  # refusals that are told


def chosen(log: Log, pick: str, log_format: str) -> tuple[Logged, str]:
    """Return the exchange that is picked, and the name of the log's format. Raises BadInput.

    A place (`line 17`) or its number goes before an id. Of several of one record, or that bear an id as those
    of a trace do, it is the last, which has all before it in it.
    """
    body = _request(log) if log_format == "auto" and not pick else None
    if body is not None:
        return body, ""
    reading = Reading([log], log_format, Progress())
    found = _Found(pick, _lines_with(log, pick) if pick else set())
    for logged in reading.exchanges(log):
        found.look_at(logged, log)
    return found.one(log), reading.format(log) or ""


@dataclass
class _Found:
    """What was seen of a log: of the exchanges that fit, the last one is held."""

    pick: str
    lines: set[str]
    held: dict[str, Logged] = field(default_factory=dict)  # by how it fits
    fits: dict[str, list[str]] = field(default_factory=dict)  # the places of all that do
    places: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    refused: list[Fault] = field(default_factory=list)

    def look_at(self, logged: Logged, log: Log) -> None:
        """Remember an exchange, as far as it matters."""
        if why := _refusal(logged):
            self.refused.append(Fault(log.shown, 0, 0, f"{logged.place}: {why}".removeprefix(": ")))
            del self.refused[_REFUSED:]
            return
        self.places.append(logged.place)
        names = ids(logged)
        if len(self.known) < _KNOWN:
            self.known |= names
        for way in self._ways(logged.place, names):
            self.held[way] = logged
            self.fits.setdefault(way, []).append(logged.place)

    def _ways(self, place: str, names: set[str]) -> Iterator[str]:
        head = _head(place)
        if self.pick == place:
            yield "exact"
        if self.pick in ("", head, _number(head)):
            yield "place"
        if self.pick in names:
            yield "id"
        if head in self.lines:
            yield "line"

    def one(self, log: Log) -> Logged:
        """Return the exchange that is meant. Raises BadInput."""
        way = next((way for way in ("exact", "place", "id", "line") if way in self.held), "")
        fits = self.fits.get(way, [])
        several = len(fits) if not self.pick else len(set(map(_head, fits)))
        if way == "place" and several > 1:
            called = f' called "{self.pick}"' if self.pick else ""
            raise BadInput(f"{log.shown} holds {len(fits)} exchanges{called}; {_listed(fits)}")
        if way:
            return self.held[way]
        if not self.places:
            raise BadInput(self.refused or [Fault(log.shown, 0, 0, "holds no exchange")])
        close = nearest(self.pick, sorted(self.known))
        told = close if close.startswith("did you mean") else _listed(self.places)
        raise BadInput(f'{log.shown} has nothing called "{self.pick}"; {told}')


def _listed(places: list[str]) -> str:
    numbers = list(map(_number, places))
    shown = numbers if len(set(numbers)) == len(numbers) else places
    quoted = [f"'#{one}'" if " " in one else f"#{one}" for one in shown[:_LISTED]]
    more = f" and {len(shown) - _LISTED} more" if len(shown) > _LISTED else ""
    return f"pick one, behind the file's name: {', '.join(quoted)}{more}"


def _head(place: str) -> str:
    """The record: a line or a sample may hold several exchanges (`line 3, turn 2`)."""
    return place.partition(",")[0]


def _number(place: str) -> str:
    return place.rpartition(" ")[2]


def _lines_with(log: Log, pick: str) -> set[str]:
    """Return the places of lines that hold an id, whatever its key is called there."""
    said = json.dumps(pick).encode()
    with log.path.open("rb") as file:
        return {f"line {number}" for number, line in enumerate(file, 1) if said in line}


def _refusal(logged: Logged) -> str:
    try:
        model_call(logged, "any")
    except Refused as why:
        return str(why)
    return ""


def _request(log: Log) -> Logged | None:
    """Return a file that is nothing but the body of a request."""
    if log.path.stat().st_size > _LARGEST:
        return None
    logged = Logged("", "", request=log.path.read_bytes())
    try:
        body = parse(logged.request)
    except (ValueError, RecursionError):
        return None
    plain = isinstance(body, dict) and not {"request", "response", "log", "kwargs"} & body.keys()
    return logged if plain and not _refusal(logged) else None


def ids(logged: Logged) -> set[str]:
    """Return what an exchange is called by: its place and number, and all ids that its record holds."""
    number = _number(logged.place)
    names = {logged.place, number, logged.thread, *strings(logged.source), *_headers(logged)}
    names |= {part for name in names for part in name.split("/")}  # of a span: its trace's id and its own
    try:
        answered = parse(logged.response or b"")
    except (ValueError, RecursionError):
        answered = None
    if isinstance(answered, dict):
        names |= {str(answered.get("id") or ""), str(answered.get("responseId") or "")}
    return names - {""}


def _headers(logged: Logged) -> Iterator[str]:
    for name, value in logged.response_headers.items():
        if name.lower().endswith(("request-id", "trace-id")):
            yield value
