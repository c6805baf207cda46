"""Accepting: what a run would change, and writing it when a person says so."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from replay.baselines._accepted import accepted
from replay.baselines._file import Baseline, Turns, path_for, read, save
from replay.config import Project
from replay.errors import BadInput, Fault, StorageError
from replay.jsontext import same
from replay.run import Case, Result
from replay.verdict import Verdict

MOST = 5


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done to a baseline file: `new`, `changed` (to `after`) or `unused` (to be removed).

    `diff` says how what came differs from the nearest variant so far.
    """

    kind: str
    path: Path
    conversation: str = ""
    target: str = ""
    after: tuple[Turns, ...] = ()
    diff: str = ""


def proposed(
    project: Project,
    results: Iterable[Result],
    categories: Collection[str] = ("new", "changed"),
    *,
    add_variant: bool = False,
) -> list[Change]:
    """List what accepting the replies of these results would write, where `baseline` judged so.

    All attempts of a case are variants of one baseline. They take the place of what was accepted before, or
    with `add_variant` are added to it. Raises BadInput for a damaged baseline and for too many variants.
    """
    judged = [(result, verdict) for result in results for verdict in result.verdicts if _is_ours(verdict)]
    judged.sort(key=lambda item: _case(item[0]))
    changes = []
    for case, group in groupby(judged, key=lambda item: _case(item[0])):
        attempts = list(group)
        news = [verdict for _, verdict in attempts if verdict.bad and verdict.kind in categories]
        if news:
            old = read(project, *case)
            came = [accepted(result.transcript) for result, _ in attempts]
            after = _distinct([*(old.variants if old and add_variant else ()), *came])
            changes.append(Change(news[0].kind, path_for(project, *case), *case, after, news[0].diff))
    _refuse_too_many(changes)
    return changes


def _refuse_too_many(changes: Iterable[Change]) -> None:
    faults = []
    for change in changes:
        if len(change.after) > MOST:
            case = f"{change.conversation} with {change.target}"
            message = f"{case}: {len(change.after)} variants, at most {MOST} are accepted"
            faults.append(Fault("", 0, 0, message))
    if faults:
        raise BadInput(faults)


def _is_ours(verdict: Verdict) -> bool:
    return verdict.assertion == "baseline" and (not verdict.bad or verdict.kind in ("new", "changed"))


def _case(result: Result) -> tuple[str, str]:
    return (result.case.conversation, result.case.target)


def _distinct(variants: Iterable[Turns]) -> tuple[Turns, ...]:
    kept: list[Turns] = []
    for turns in variants:
        if not any(same(turns, other) for other in kept):
            kept.append(turns)
    return tuple(kept)


def apply(
    changes: Iterable[Change], *, update: bool = False, environ: Mapping[str, str] = os.environ
) -> list[Path]:
    """Write new and changed baselines, remove unused ones; return their paths.

    Raises BadInput where the environment variable CI is set, unless `update` says that it is meant.
    """
    if not update and environ.get("CI", "").lower() not in ("", "0", "false", "no", "off"):
        raise BadInput(
            "baselines are not written in CI (the environment variable CI is set); --update forces it"
        )
    return [_apply(change) for change in changes]


def _apply(change: Change) -> Path:
    if change.kind != "unused":
        save(change.path, Baseline(change.conversation, change.target, change.after))
        return change.path
    try:
        change.path.unlink(missing_ok=True)
    except OSError as problem:
        raise StorageError(f"cannot remove {change.path} ({problem.strerror})") from None
    return change.path


def accept(
    project: Project,
    results: Iterable[Result],
    categories: Collection[str] = ("new", "changed"),
    *,
    add_variant: bool = False,
    update: bool = False,
) -> list[Path]:
    """Accept the replies of these results that `baseline` judged to be of these categories."""
    return apply(proposed(project, results, categories, add_variant=add_variant), update=update)


def unused(project: Project, cases: Iterable[Case]) -> Iterator[Change]:
    """Yield the baselines that none of these cases (all that have the `baseline` assertion) looks at."""
    used = {path_for(project, case.conversation, case.target) for case in cases}
    for path in sorted(project.baselines.rglob("*.yaml")):
        if path not in used:
            yield Change("unused", path, path.parent.relative_to(project.baselines).as_posix(), path.stem)
