"""The pytest door: options, the collection of suites, and the `replay` fixture for an app's own code.

Everything heavier than this file is imported when the first suite is collected or the fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from replay.pytest_plugin.options import add_options

CRASHED = "???"  # what xdist calls the phase of a test in which its worker died


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker, and listen for results."""
    config.addinivalue_line(
        "markers",
        "replay(cassette=None, ignore=(), allow_hosts=(), faults=()): record and play this test's HTTP",
    )
    config.addinivalue_line(
        "markers",
        "replay_sweep(cassette=None, cuts=64, attempts=3, seconds=30, raises=(), invariants=..., ignore=(), "
        "allow_hosts=()): run this test of an app at every fault and every cut of a recording",
    )
    config.pluginmanager.register(_Door(config), "replay-door")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each point of a sweep."""
    marker = metafunc.definition.get_closest_marker("replay_sweep")
    if marker is not None:
        from replay.pytest_plugin.sweeping import parametrize

        parametrize(metafunc, marker)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let the marker alone bring the fixture."""
    names = getattr(item, "fixturenames", None)
    if names is not None and "replay" not in names and item.get_closest_marker("replay"):
        names.insert(0, "replay")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take the YAML files of a project's `suites/`."""
    if file_path.suffix not in (".yaml", ".yml") or "suites" not in file_path.parts:
        return None
    from replay.pytest_plugin.items import suite_file

    return suite_file(file_path, parent)


@pytest.fixture
def replay(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Record and play this test's HTTP: `replay.transcript`, `replay.check(...)`, `replay.cassette`."""
    from replay.pytest_plugin.app import recording

    yield from recording(request)


@pytest.fixture
def sweep(request: pytest.FixtureRequest) -> Any:
    """Run an app at a point of a sweep: `sweep(app, ...)`; `sweep.wrote(...)` notes a write of it."""
    from replay.errors import ReplayError
    from replay.pytest_plugin.sweeping import Sweep

    try:
        request.node.replay_recording = Sweep(request)
    except ReplayError as problem:
        pytest.fail(str(problem), pytrace=False)
    return request.node.replay_recording


class _Door:
    """Hands results on to the session's collector of results, which is made when the first one comes."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Any:
        """Judge what holds for every recorded test as part of the test itself."""
        try:
            outcome = yield
        except (Exception, pytest.fail.Exception) as problem:
            if hasattr(item, "replay_recording"):
                from replay.pytest_plugin.carry import end

                end(item, problem)
            raise
        if hasattr(item, "replay_recording"):
            from replay.pytest_plugin.carry import fail_if_bad

            fail_if_bad(item)
        return outcome

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        report = yield
        if hasattr(item, "replay_recording") or hasattr(item, "planned"):
            self._hide(item, report)
        if call.when == "call" and hasattr(item, "replay_carry"):
            carried = item.__dict__.pop("replay_carry")
            report.replay_carry = self._sent(carried) if hasattr(self.config, "workerinput") else carried
        return report

    def _sent(self, carried: dict[str, Any]) -> str:
        from replay.pytest_plugin.carry import packed
        from replay.pytest_plugin.session import session_of

        part = session_of(self.config).part
        return packed(carried | {"part": part} if part else carried)

    def _hide(self, item: Any, report: pytest.TestReport) -> None:
        if report.longrepr or report.sections:
            from replay.cassette.redact import Redactor
            from replay.pytest_plugin.carry import hide

            case = hasattr(item, "planned")  # what an app's own test says is code as well
            project = item.project if case else item.replay_recording.project
            hide(report, Redactor.for_project(project, {}, personal=case))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker of xdist has to say beside its results."""
        home = getattr(node, "workeroutput", {}).get("replay")
        if home:
            from replay.pytest_plugin.session import session_of

            session_of(self.config).take_home(home)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == CRASHED and report.fspath.endswith((".yaml", ".yml")):
            from replay.pytest_plugin.session import session_of

            session_of(self.config).add_crashed(report)
        if hasattr(report, "replay_carry") and not hasattr(self.config, "workerinput"):
            from replay.pytest_plugin.carry import unpacked
            from replay.pytest_plugin.session import session_of

            # popped: pytest keeps every report until the end, and a result's line is large
            session_of(self.config).add(unpacked(report.__dict__.pop("replay_carry")), report.nodeid)
