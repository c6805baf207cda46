"""What can go wrong with a recording: each fault, and each place where its answers can be cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from replay import faults
from replay.cassette.interaction import Interaction
from replay.cassette.match import key
from replay.conversation import Object
from replay.errors import BadInput, FaultNotPlayed, nearest
from replay.faults import Fault
from replay.faults._answer import Answer
from replay.faults._fault import Call, Wire
from replay.sweep._cuts import Cuts

CUTS = 64  # cuts inside chunks that are tried of one answer, if nothing else is asked for

_ONCE: Object = {"first": 1}
# (what the id says after the fault's name, arguments); those that a retry may mend also come for ever
_WHOLE_CALLS: dict[str, list[tuple[str, Object]]] = {
    "rate_limit": [
        ("-seconds", {"retry_after": "seconds", "seconds": 1} | _ONCE),
        ("-date", {"retry_after": "date", "seconds": 1} | _ONCE),
        ("-ms", {"retry_after": "ms", "seconds": 0.05} | _ONCE),
        ("-none", {"retry_after": "none"} | _ONCE),
        ("-always", {"retry_after": "ms", "seconds": 0.05}),
    ],
    "server_error": [("", _ONCE), ("-always", {})],
    "overloaded": [("", _ONCE), ("-always", {})],
    "auth": [("-401", {}), ("-403", {"status": 403})],
    "content_filter": [("-prompt", {}), ("-reply", {"at": "reply"})],
    "timeout": [("", _ONCE), ("-connect", {"kind": "connect"} | _ONCE), ("-always", {})],
    "connection_reset": [("", _ONCE), ("-always", {})],
    "html_gateway_page": [("-502", _ONCE), ("-200", {"status": 200} | _ONCE)],
    "slow_first_token": [("", {"seconds": 0.5} | _ONCE)],
    "trickle": [("", {"bytes": 1, "seconds": 0} | _ONCE)],
    "missing_done": [("", _ONCE)],
    "missing_usage": [("", _ONCE)],
    "truncated_arguments": [("", _ONCE)],
}
# faults with a place in a stream, and the argument that says which
_PLACED = {
    "connection_reset": "after",
    "stall": "after",
    "malformed_chunk": "chunk",
    "error_event": "after",
    "empty_choices": "after",
    "duplicate_chunk": "chunk",
}


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that goes wrong: `name` is its id, `fault` as a suite names it, `where` says it to a person.

    `call` is the number of the call that it goes wrong in, `chunk` (from 1) where the answer does, 0 where
    that is not within it. `noticeable` is whether a client can tell from what it gets.
    """

    name: str
    fault: Object
    where: str
    call: int = 1
    chunk: int = 0
    noticeable: bool = True

    def built(self, **more: Any) -> Fault:
        """Make the fault, perhaps with other arguments."""
        ((name, arguments),) = self.fault.items()
        return faults.build(name, {**arguments, **more} if isinstance(arguments, dict) else arguments)


@dataclass(slots=True)
class Points:
    """The points of a recording, and what is to be told of them."""

    all: list[Point] = field(default_factory=list)
    chunks: int = 0
    bytes: int = 0
    inside: int = 0  # how many cuts inside chunks are among the points
    unplayed: dict[str, str] = field(default_factory=dict)  # faults that have no place, and why

    def chosen(self, names: Iterable[str]) -> list[Point]:
        """Return the points of these names (`cut@*` names several), all for none. Raises BadInput."""
        from fnmatch import fnmatchcase

        chosen: list[Point] = []
        for name in (names := list(names)):
            found = [point for point in self.all if fnmatchcase(point.name, name)]
            if not found:
                known = [point.name for point in self.all]
                raise BadInput(f'the sweep has no point "{name}"; {nearest(name, known)}')
            chosen += found
        return list({point.name: point for point in chosen}.values()) if names else self.all

    @property
    def sampled(self) -> bool:
        """Whether there are more cuts inside chunks than are among the points."""
        return self.inside < self.bytes - self.chunks

    @property
    def text(self) -> str:
        """Say what was derived, and what was not."""
        told = f"{len(self.all)} points from {self.chunks} chunks: every cut between them, "
        inside = f"{self.inside:,} of the {self.bytes - self.chunks:,} cuts inside them, every fault"
        left = "".join(f"\nnot {name}: {why}" for name, why in self.unplayed.items())
        return told + inside + left


def derive(interactions: Sequence[Interaction], cuts: int = CUTS) -> Points:
    """Return what can go wrong with the calls of models that are recorded; `cuts` of each inside chunks.

    Always the same for the same recording. Raises BadInput where no whole answer of a model is recorded.
    """
    found, calls = Points(), list(_calls(interactions))
    if not calls:
        raise BadInput("there is no whole answer of a model in the recording; record one first")
    for number, (call, answer) in enumerate(calls, 1):
        here = _Answered(call, answer, number, len(calls) > 1, cuts)
        found.all += here.points(found.unplayed)
        found.chunks, found.bytes = found.chunks + len(answer.chunks), found.bytes + len(answer.body)
        found.inside += len(here.cuts.inside)
    found.all += _others(found.unplayed)
    return found


def _calls(interactions: Sequence[Interaction]) -> Iterator[tuple[Call, Answer]]:
    """Yield each call of a model with its first whole answer; further answers are those of retries."""
    seen = set[str]()
    for one in interactions:
        call = Wire().told(one.request)
        name = key(one.request)
        if call is not None and one.response.whole and name not in seen:
            seen.add(name)
            yield call, Answer.of(one.response)


def _others(unplayed: dict[str, str]) -> Iterator[Point]:
    """Yield all other faults there are, without arguments: the project's own, and installed ones."""
    for name in sorted({*faults.registry.names()} - {"cut", *_PLACED, *_WHOLE_CALLS}):
        try:
            faults.build(name)
        except ValueError as problem:
            unplayed[name] = str(problem)
        else:
            yield Point(name, {name: None}, f"{name}, as it is without arguments")


@dataclass(frozen=True)
class _Answered:
    """One call and its answer; `number` is the call's."""

    call: Call
    answer: Answer
    number: int
    named: bool  # whether ids have to say which call
    most: int

    @cached_property
    def cuts(self) -> Cuts:
        """The places where the answer can be cut."""
        return Cuts(self.answer.chunks, self.most)

    def points(self, unplayed: dict[str, str]) -> Iterator[Point]:
        """Yield what can go wrong here; what has no place is told."""
        for point in (*self._cut(), *self._placed(), *self._of_calls()):
            fault: Any = point.built()
            try:
                changed = fault.spoil(self.call, self.answer) != self.answer
            except FaultNotPlayed as problem:
                unplayed.setdefault(fault.name, str(problem).rpartition(": ")[2])
                continue
            if changed:
                yield point

    def _point(self, name: str, fault: str, arguments: Object, where: str, chunk: int = 0) -> Point:
        prefix, suffix = (f"call{self.number}-", f" of call {self.number}") if self.named else ("", "")
        scoped = arguments | ({"call": self.number} if self.named else {})
        noticeable = bool(getattr(faults.registry.get(fault), "noticeable", True))
        return Point(prefix + name, {fault: scoped}, where + suffix, self.number, chunk, noticeable)

    def _cut(self) -> Iterator[Point]:
        count = len(self.answer.chunks)
        for after, more in self.cuts.all:
            name = f"cut@chunk{after}" + (f"+{more}" if more else "")
            where = f"cut {more} bytes into chunk {after + 1}" if more else f"cut after chunk {after}"
            arguments = {"after": after} | ({"bytes": more} if more else {}) | _ONCE
            yield self._point(name, "cut", arguments, f"{where} of {count}", after + (more > 0))
        for after in sorted({1, count // 2, count - 1} - {0}):
            where = f"connection closed after chunk {after} of {count}"
            closed = {"after": after, "end": "closed"} | _ONCE
            yield self._point(f"cut@chunk{after}-closed", "cut", closed, where, after)

    def _placed(self) -> Iterator[Point]:
        count = len(self.answer.chunks) if self.answer.form else 1
        for fault, word in _PLACED.items():
            for chunk in sorted({1, (count + 1) // 2, max(count - 1, 1)}):
                place = chunk if self.answer.form else 0
                arguments = {word: chunk if word == "chunk" else place} | _ONCE
                where = f"{fault.replace('_', ' ')} at chunk {chunk} of {count}"
                yield self._point(f"{fault}@chunk{chunk}", fault, arguments, where, chunk)

    def _of_calls(self) -> Iterator[Point]:
        for fault, variants in _WHOLE_CALLS.items():
            for suffix, arguments in variants:
                words = f"{fault}{suffix}".replace("_", " ").replace("-", ", ")
                yield self._point(f"{fault}{suffix}", fault, arguments, words)
