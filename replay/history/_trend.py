"""Runs in the order of time, one trend for each suite and target, with what changed in it and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from statistics import median_low
from typing import Any

from replay.conversation import Json, Object
from replay.history._causes import causes
from replay.history._series import Amounts, Counts
from replay.history._shifts import Series, shifts

MEASURES = ("rate", "tokens", "cost", "latency", "p95")  # what changes are looked for in
AROUND = 5  # runs on either side that say how many conversations a whole run has


@dataclass(frozen=True, slots=True)
class Point:
    """One suite and target in one run. `said` is the group of the run's digest, `header` the run's.

    A `partial` run (chosen cases, a shard, one that was stopped) shows up, but is not judged for changes.
    """

    run: str
    path: Path
    at: datetime
    header: Object
    said: Object
    partial: bool = False

    def value(self, measure: str) -> float | None:
        """Return one of MEASURES: a share, tokens or US dollars of a case, milliseconds of a turn."""
        found: Json = self.said[measure]
        value: float | None = found[0] if measure == "rate" and found else found
        return value

    def to_json(self) -> Object:
        """Return what the digest says, the rate with its interval."""
        rate = self.said["rate"] and dict(zip(("value", "low", "high"), self.said["rate"], strict=True))
        outer = {"run": self.run, "path": str(self.path), "at": self.at.isoformat(), "partial": self.partial}
        return outer | self.said | {"rate": rate}


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one measure, most likely at `run`, the point number `place` (from 0) of a trend.

    It lies between the runs `earliest` and `latest` (both may be `run`). `p` is the chance of one as large
    where there is none. `before` and `after` are the levels of all runs until the changes next to it.
    `causes` say what else is different from then on.
    """

    suite: str
    target: str
    measure: str
    place: int
    at: datetime
    run: str
    earliest: str
    latest: str
    before: float
    after: float
    p: float
    causes: tuple[str, ...] = ()

    def to_json(self) -> Object:
        """Return all of it."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def _plain(value: Any) -> Json:
    return value.isoformat() if isinstance(value, datetime) else value


@dataclass(frozen=True, slots=True)
class Trend:
    """The runs of a suite and target, the oldest first, and the changes among them, the newest first."""

    suite: str
    target: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...] = ()

    @property
    def last(self) -> Point:
        """The newest whole run, or the newest of all where none is."""
        return next((point for point in reversed(self.points) if not point.partial), self.points[-1])

    def levels(self, measure: str) -> list[tuple[int, int, float]]:
        """Return the level between changes, as (first point, last point, level); nothing without a change."""
        found = [change for change in reversed(self.changes) if change.measure == measure]
        if not found:
            return []
        starts = [0, *(change.place for change in found)]
        ends = [*(start - 1 for start in starts[1:]), len(self.points) - 1]
        return list(zip(starts, ends, [found[0].before, *(change.after for change in found)], strict=True))

    def to_json(self) -> Object:
        """Return all of it."""
        return {
            "suite": self.suite,
            "target": self.target,
            "points": [point.to_json() for point in self.points],
            "changes": [change.to_json() for change in self.changes],
        }


def trend(suite: str, target: str, points: Sequence[Point]) -> Trend:
    """Find the changes in points that are in the order of time."""
    points = [_marked(point, partial) for point, partial in zip(points, _partial(points), strict=True)]
    changes = [change for measure in MEASURES for change in _changes(suite, target, measure, points)]
    changes.sort(key=lambda change: (change.place, -MEASURES.index(change.measure)), reverse=True)
    return Trend(suite, target, tuple(points), tuple(changes))


def _marked(point: Point, partial: bool) -> Point:
    return Point(point.run, point.path, point.at, point.header, point.said, partial)


def _partial(points: Sequence[Point]) -> Iterator[bool]:
    """Tell runs with fewer than half of the conversations that the runs around have."""
    sizes = [point.said["conversations"] for point in points]
    for index, point in enumerate(points):
        near = sizes[max(index - AROUND, 0) : index] + sizes[index + 1 : index + 1 + AROUND]
        yield bool(point.header.get("shard")) or (bool(near) and 2 * sizes[index] < median_low(near))


def _changes(suite: str, target: str, measure: str, points: Sequence[Point]) -> Iterator[Change]:
    counted = [
        (place, point)
        for place, point in enumerate(points)
        if not point.partial and _usable(measure, point.value(measure))
    ]
    if not counted:
        return
    found = shifts(_series(measure, [point for _, point in counted]))
    edges = [0, *(shift.first for shift in found), len(counted)]
    for number, shift in enumerate(found):
        place, point = counted[shift.first]
        earliest, latest = (counted[index][1].run for index in (shift.earliest, shift.latest))
        before = [point for _, point in counted[edges[number] : shift.earliest]]
        after = [point for _, point in counted[shift.latest : edges[number + 2]]]
        why = causes([p.said for p in before], [p.said for p in after], before[-1].header, after[0].header)
        where = (place, point.at, point.run, earliest, latest)
        yield Change(suite, target, measure, *where, shift.before, shift.after, shift.p, tuple(why))


def _usable(measure: str, value: float | None) -> bool:
    return value is not None and (measure == "rate" or value > 0)


def _series(measure: str, points: Sequence[Point]) -> Series:
    if measure == "rate":
        return Counts([p.said["passed"] for p in points], [p.said["judged"] for p in points])
    return Amounts([point.said[measure] for point in points])
