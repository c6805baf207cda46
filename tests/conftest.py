"""What tests share: a project in a temporary folder, and pytest run on it as a user would."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from pathlib import Path

import pytest
from _pytest.pytester import Pytester, SysModulesSnapshot
from hypothesis import HealthCheck, settings

from replay import assertions, faults, importers, policies, providers, tools
from replay.report import sections

sys.path.insert(0, str(Path(__file__).parent))
os.environ.pop("CI", None)  # a test says itself when it is in CI

pytest_plugins = ["pytester"]

# The same examples in every run, however slow the machine; `--hypothesis-profile=explore` looks for new ones.
_UNHURRIED = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
}
settings.register_profile("same", derandomize=True, **_UNHURRIED)
settings.register_profile("explore", **_UNHURRIED)
settings.load_profile("same")


class Sandbox:
    """A user's project: files written by name, pytest and replay run in it, the last run read back."""

    def __init__(self, pytester):
        self.pytester, self.root = pytester, pytester.path

    def write(self, files):
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")

    def pytest(self, *options):
        return self.pytester.runpytest_inprocess("suites/", *options)

    def replay(self, *arguments):
        return self.pytester.run(sys.executable, "-m", "replay.cli", *arguments)

    def run(self):
        """The header and the results of the newest run, as JSON."""
        newest = max(self.root.glob("reports/*/run.jsonl"))
        header, *results = map(json.loads, newest.read_text().splitlines())
        return header, results

    def page(self):
        return max(self.root.glob("reports/*/index.html")).read_text("utf-8")


@pytest.fixture
def sandbox(request, monkeypatch, tmp_path_factory):
    """A project to run pytest in, in this process; what it registers is forgotten after."""
    base = str(tmp_path_factory.getbasetemp())

    def lasting(name):
        """Libraries stay loaded: they refer to each other, and a second copy would not match."""
        return not str(getattr(sys.modules[name], "__file__", None)).startswith(base)

    snapshot = lambda _: SysModulesSnapshot(lasting)
    monkeypatch.setattr(Pytester, "_Pytester__take_sys_modules_snapshot", snapshot)
    for room in (assertions, faults, importers, policies, providers, tools, sections):
        monkeypatch.setattr(room.registry, "_registered", dict(room.registry._registered))
    monkeypatch.delenv("CI", raising=False)
    return Sandbox(request.getfixturevalue("pytester"))
