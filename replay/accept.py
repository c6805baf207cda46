"""What accepting the replies of a run would change among the baselines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from replay import baselines, suites
from replay.assertions import registry
from replay.config import Project
from replay.errors import BadInput, NothingToRun, nearest
from replay.run import Case, Result
from replay.runs import read

KINDS = ("new", "changed", "unused")


def changes(run: Path | None, kinds: Iterable[str], *, add_variant: bool = False) -> list[baselines.Change]:
    """List the changes of these kinds (new, changed, unused) that a run calls for; the newest run by default.

    Raises BadInput for an unknown kind or a damaged file, NothingToRun where there is no run.
    """
    kinds = [kind.strip() for kind in kinds]
    for kind in kinds:
        if kind not in KINDS:
            raise BadInput(f'no kind of change is called "{kind}"; {nearest(kind, KINDS)}')
    project = Project.find(run.parent if run else Path())
    found = []
    if set(kinds) - {"unused"}:
        results = map(Result.from_json, read(run or _newest(project)).results)
        found += baselines.proposed(project, results, kinds, add_variant=add_variant)
    if "unused" in kinds:
        found += baselines.unused(project, _compared(project))
    return found


def _newest(project: Project) -> Path:
    runs = sorted(project.reports.glob("*/run.jsonl"), key=lambda path: path.stat().st_mtime)
    if not runs:
        raise NothingToRun(f"{project.reports} holds no run; make one: pytest suites/")
    return runs[-1]


def _compared(project: Project) -> Iterator[Case]:
    """Yield the cases of all suites that have the `baseline` assertion."""
    baseline = registry.get("baseline")
    for suite in suites.load_all(suites.files(project.suites), project):
        for entry in suite.members:
            if any(isinstance(assertion, baseline) for assertion in entry.assertions):
                yield from (Case(entry.conversation, target, 1, suite.name) for target in entry.targets)
