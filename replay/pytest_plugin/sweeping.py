"""One test of an app, run at every point of a sweep: the marker `replay_sweep` and the fixture `sweep`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from replay.cassette.cassette import Cassette
from replay.cassette.file import load
from replay.cassette.interaction import Interaction
from replay.cassette.observe import transcript
from replay.cassette.redact import Redactor
from replay.config import Project
from replay.errors import BadInput, ReplayError
from replay.jsontext import canonical
from replay.pytest_plugin.app import module_of
from replay.pytest_plugin.options import in_ci, mode_of
from replay.run import Case, Result
from replay.sweep import CUTS, Inside, Limits, Outcome, Point, Points, Tireless, derive, judge
from replay.verdict import Verdict

WHOLE = "whole"  # the id of the run without any fault


def parametrize(metafunc: pytest.Metafunc, marker: pytest.Mark) -> None:
    """Let a test run at every point of its recording; while it is recorded, only as it is."""
    test: Any = metafunc.definition
    try:
        points = Points() if mode_of(metafunc.config) != "none" else _points(test, marker)
    except ReplayError as problem:
        hint = f'record it: pytest "{test.nodeid}" --record-mode=once'
        raise pytest.Collector.CollectError(f"{problem}\n{hint}") from None
    every = [_Run(None, points), *(_Run(point, points) for point in points.all)]
    metafunc.parametrize("sweep", every, ids=[run.name for run in every], indirect=True)


def _points(test: Any, marker: pytest.Mark) -> Points:
    project = Project.find(test.path.parent)
    return derive(load(_cassette(project, test, marker)), marker.kwargs.get("cuts", CUTS))


def _cassette(project: Project, test: Any, marker: pytest.Mark) -> Path:
    """Return the recording that the marker names, else where the `replay` fixture would have it."""
    name = getattr(test, "originalname", None) or test.name
    own = marker.kwargs.get("cassette")
    usual = project.cassettes / module_of(test.path, project) / name / "app.yaml"
    return Path(project.root / own) if own else usual


class _Run:
    """One parameter of the test: a point, None for the run without a fault."""

    def __init__(self, point: Point | None, points: Points) -> None:
        self.point, self.points = point, points
        self.name = point.name if point else WHOLE


class Sweep:
    """Runs an app without the fault of this test and then with it, and judges what it does.

    What the app keeps it has to make anew in each run. `wrote` counts a write of it.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        marker = request.node.get_closest_marker("replay_sweep")
        if marker is None or not hasattr(request, "param"):
            raise BadInput("the fixture sweep needs the marker: @pytest.mark.replay_sweep(cassette=...)")
        self._run: _Run = request.param
        self._node, self._options = request.node, marker.kwargs
        self.project = Project.find(request.path.parent)
        self._path = _cassette(self.project, request.node, marker)
        known = {name: marker.kwargs[name] for name in _LIMITS if name in marker.kwargs}
        self._limits = Limits(**known)
        self._mode = mode_of(request.config)
        if self._mode not in ("none", "verify") and in_ci():
            raise BadInput(f"--record-mode={self._mode} writes recordings, and CI is set")
        self._writes = Counter[str]()
        self._exchanges: list[Interaction] = []
        self.verdicts: list[Verdict] = []

    @property
    def redactor(self) -> Redactor:
        """What hides the project's secrets."""
        return Redactor.for_project(self.project, {})

    def wrote(self, *what: Any) -> None:
        """Note a write of the app, named by JSON values; equal ones are the same write."""
        self._writes[canonical(list(what))] += 1

    def __call__(self, app: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        """Run the app (a function, async or not) and return its result, None where it raised an error.

        Raises what the app raises without any fault.
        """
        called = partial(app, *arguments, **keywords)
        usual = self._played(None, called)
        point = self._run.point
        if point is None:
            self.verdicts.append(Verdict("sweep", "passed", message="the run without any fault"))
            return usual.result
        outcome = self._played(point, called)
        found = judge(self._limits, usual, outcome, noticeable=point.noticeable)
        self.verdicts += [self._placed(point, verdict) for verdict in found]
        return outcome.result

    def finish(self) -> Result:
        """Return what goes into the run."""
        if not self.verdicts:
            self.verdicts.append(Verdict("sweep", "failed", "not_run", "the test does not call sweep(app)"))
        name = f"{module_of(self._node.path, self.project)}/{self._node.name}"
        suite, _, conversation = name.rpartition("/")
        told = (self._run.points.text,) if self._run.point is None and self._run.points.sampled else ()
        return Result(
            Case(conversation, "app", 1, suite),
            transcript(self._exchanges, name, "app"),
            tuple(self.verdicts),
            None,
            {"cassette": self.project.shown(self._path)},
            told,
        )

    def _placed(self, point: Point, verdict: Verdict) -> Verdict:
        if not verdict.bad:
            return verdict
        again = f'replay it: pytest "{self._node.nodeid}"'
        return replace(verdict, message=f"{point.where}: {verdict.message}\n{again}")

    def _played(self, point: Point | None, app: Callable[[], Any]) -> Outcome:
        self._writes.clear()
        known = {name: self._options[name] for name in ("allow_hosts", "raises") if name in self._options}
        inside = Inside(self._opened(), **known)
        outcome = inside.run(app, point, self._writes)
        self._exchanges = inside.exchanges
        if point is None and inside.problem is not None:
            raise inside.problem
        return outcome

    def _opened(self) -> Cassette:
        options = {"redactor": self.redactor, "ignore": self._options.get("ignore", ())}
        kind = Tireless if self._mode == "none" else Cassette
        return kind(self._path, self._mode, label=self._node.name, **options)


_LIMITS = ("attempts", "seconds", "invariants")
