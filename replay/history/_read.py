"""Runs into trends: which runs are meant, and what cannot be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

from replay.config import Project
from replay.conversation import Object
from replay.errors import BadInput, NothingToRun, ReplayError, nearest
from replay.history._digest import digest
from replay.history._trend import Change, Point, Trend, trend
from replay.runs import locate


@dataclass(frozen=True, slots=True)
class History:
    """The trends of a project's runs. `faults` name the runs that are damaged and left out."""

    trends: tuple[Trend, ...]
    runs: int
    faults: tuple[str, ...] = ()

    @property
    def changes(self) -> list[Change]:
        """The changes of all trends, the newest first."""
        found = [change for one in self.trends for change in one.changes]
        return sorted(found, key=lambda change: change.at, reverse=True)

    def to_json(self) -> Object:
        """Return all of it."""
        return {
            "runs": self.runs,
            "trends": [one.to_json() for one in self.trends],
            "changes": [change.to_json() for change in self.changes],
            "left_out": list(self.faults),
        }


def read(
    project: Project,
    paths: Iterable[Path] = (),
    *,
    suites: Iterable[str] = (),
    targets: Iterable[str] = (),
    since: str | None = None,
) -> History:
    """Read runs (run folders, their `run.jsonl`, or folders of runs; `reports/` by default) into trends.

    `suites` and `targets` choose by name, `since` is a date, a time (ISO 8601) or days (`30d`). Raises
    BadInput for what is chosen and not there, NothingToRun where there is no run.
    """
    if find_spec("scipy") is None:
        raise BadInput("trends need their statistics: pip install 'conversation-replay[compare]'")
    first = _moment(since) if since else None
    points, faults, runs = defaultdict[tuple[str, str], list[Point]](list), [], 0
    for path in _runs(paths or [project.reports]):
        try:
            found = [point for point in _points(path, project) if first is None or point[1].at >= first]
        except ReplayError as problem:
            faults.append(str(problem).replace(f"{project.root}/", ""))  # the page is passed on
            continue
        runs += bool(found)
        for key, point in found:
            points[key].append(point)
    chosen = _chosen(points, set(suites), set(targets))
    if not chosen:
        what = (
            f"no run is from {since} on" if since else "there is no run to look at; make one: pytest suites/"
        )
        raise NothingToRun("\n".join([*faults, what]))
    trends = [trend(*key, sorted(points[key], key=lambda point: (point.at, point.run))) for key in chosen]
    return History(tuple(trends), runs, tuple(faults))


def _runs(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the `run.jsonl` of each run, each once."""
    seen: set[Path] = set()
    for path in paths:
        own = locate(path)
        found = sorted(path.glob("*/run.jsonl")) if path.is_dir() and not own.is_file() else [own]
        for run in found:
            if run.resolve() not in seen:
                seen.add(run.resolve())
                yield run


def _points(path: Path, project: Project) -> Iterator[tuple[tuple[str, str], Point]]:
    said = digest(path, project.root)
    header, run = said["header"], path.resolve().parent.name
    at = _started(header) or datetime.fromtimestamp(path.stat().st_mtime, UTC)
    for group in said["groups"]:
        yield (group["suite"], group["target"]), Point(run, path, at, header, group)


def _started(header: Object) -> datetime | None:
    try:
        return _aware(datetime.fromisoformat(str(header.get("started"))))
    except ValueError:
        return None


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _moment(since: str) -> datetime:
    try:
        if since.endswith("d"):
            return datetime.now(UTC) - timedelta(days=float(since[:-1]))
        return _aware(datetime.fromisoformat(since))
    except (ValueError, OverflowError):
        raise BadInput(f'--since "{since}" is no time; give a date (2026-03-01) or days (30d)') from None


def _chosen(keys: Iterable[tuple[str, str]], suites: set[str], targets: set[str]) -> list[tuple[str, str]]:
    keys = sorted(keys)
    for what, wanted, known in (
        ("suite", suites, {suite for suite, _ in keys}),
        ("target", targets, {target for _, target in keys}),
    ):
        for name in sorted(wanted - known) if known else ():
            raise BadInput(f'no run has a {what} "{name}"; {nearest(name, sorted(known))}')
    return [key for key in keys if (not suites or key[0] in suites) and (not targets or key[1] in targets)]
