"""Each rule on samples of its own: `lint_rules/<rule>.yaml` holds what it finds and what it lets be.

A sample is a `fixture` (with the `target` it is asked of), a `log` of JSON Lines, or the body of a `request`
that is pasted. `at` and `at_line` are where something must be found.
"""

import json
from datetime import date
from pathlib import Path

import pytest
import yaml

from replay import documents
from replay.config import Project
from replay.lint import Linter
from replay.lint.rules import ids
from replay.turn import Target

SAMPLES = Path(__file__).parent / "lint_rules"
TODAY = date(2026, 11, 21)
KEY = "sk-proj-" + "aB3dE6gH9jK2mN5pQ8sT1vW4" * 2  # made up; no file holds one


def samples(kind):
    for path in sorted(SAMPLES.glob("*.yaml")):
        held = yaml.safe_load(path.read_text().replace("{{KEY}}", KEY))
        for number, sample in enumerate(held[kind]):
            rule = path.stem.replace("_", "-")
            yield pytest.param(rule, sample, id=f"{rule}-{number}")


def looked_at(rule, sample, root):
    settings = dict(sample.get("target") or {})
    target = Target("t", settings.pop("provider", ""), settings.pop("model", ""), settings)
    project = Project(root, {"t": target})
    if "fixture" in sample:
        path = project.conversations / "sample.yaml"
        documents.write(path, documents.dump(sample["fixture"]))
    elif "log" in sample:
        path = root / "log.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in sample["log"]))
    else:
        path = root / "request.json"
        body = {"model": sample["model"]} | sample["request"] if "model" in sample else sample["request"]
        path.write_text(json.dumps(body, indent=1))
    linter = Linter(project, (rule,), target="t" if settings or target.model else None, today=TODAY)
    return list(linter.findings([path])), linter


def test_every_rule_has_samples_of_both_kinds_and_no_other_has():
    held = {path.stem.replace("_", "-"): yaml.safe_load(path.read_text()) for path in SAMPLES.glob("*.yaml")}
    assert sorted(held) == ids()
    assert [rule for rule, kinds in held.items() if not (kinds["found"] and kinds["quiet"])] == []


@pytest.mark.parametrize(("rule", "sample"), list(samples("found")))
def test_it_finds(rule, sample, tmp_path):
    found, _ = looked_at(rule, sample, tmp_path)
    assert found
    assert {one.rule for one in found} == {rule}
    assert all(one.reason and one.mend and one.path for one in found)
    assert sample.get("at", found[0].at) in [one.at for one in found]
    assert sample.get("at_line", found[0].line) in [one.line for one in found]
    assert KEY not in json.dumps([one.to_json() for one in found])


@pytest.mark.parametrize(("rule", "sample"), list(samples("quiet")))
def test_it_lets_be(rule, sample, tmp_path):
    found, linter = looked_at(rule, sample, tmp_path)
    assert found == []
    assert linter.subjects
    assert not linter.skipped
