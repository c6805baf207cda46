"""The checklist over real recordings: normal traffic is let be, and what is found is there."""

import json
from collections import Counter
from datetime import date

import pytest
from recorded_corpus import ABSENT, CORPUS, PRESENT

from replay.config import Project
from replay.lint import Linter

pytestmark = pytest.mark.skipif(not PRESENT, reason=ABSENT)


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory):
    linter = Linter(Project(tmp_path_factory.mktemp("project")), today=date(2026, 11, 21))
    return list(linter.findings([CORPUS])), linter


def test_recordings_are_looked_at(looked_at):
    _, linter = looked_at
    assert linter.subjects > 1800
    assert not [why for why in linter.skipped if "Traceback" in why or "internal" in why]


def test_every_finding_says_where_it_is_what_is_wrong_and_what_to_do(looked_at):
    found, _ = looked_at
    assert all(one.path and (one.record or one.line) and one.reason and one.mend for one in found)
    assert all(json.dumps(one.to_json()) for one in found)


def test_normal_traffic_has_no_errors_but_models_that_are_gone(looked_at):
    """What is left was looked at: a tool message without an id, schemas without a name (both refused)."""
    found, _ = looked_at
    errors = Counter(one.rule for one in found if one.severity == "error")
    assert errors.pop("model-shut-down") > 100
    assert errors == {"orphan-tool-result": 1, "schema-name": 2}


def test_rules_do_not_cry_wolf(looked_at):
    """No rule but those of models, of descriptions and of usage speaks of more than one exchange in forty."""
    found, linter = looked_at
    often = {one for one, count in Counter(one.rule for one in found).items() if count > linter.subjects / 40}
    assert often == {"model-shut-down", "model-near-shutdown", "undescribed-tool", "missing-usage"}
