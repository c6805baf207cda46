"""What tests share: a project in a temporary folder, and pytest run on it as a user would."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path

import openai  # noqa: F401 - loaded here, so that each run in this process does not load it anew
import pytest
import yaml.cyaml  # noqa: F401

import replay.report.render
import replay.runner  # noqa: F401

sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = ["pytester"]


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
def sandbox(pytester, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    return Sandbox(pytester)
