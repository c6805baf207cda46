"""The configuration: where it is found, what it may say, and what is refused with file and line."""

# ruff: noqa: E501 - a row of a table is a line

import json
import tomllib

import jsonschema
import pytest

from replay import schemas
from replay.config import Project, _settings, setting
from replay.errors import BadInput
from replay.turn import Target

GOOD = """
[project]
name = "x"

[tool.replay.targets.gpt-4o-mini]
provider = "openai"
model = "gpt-4o-mini"

[tool.replay.targets.prod-eu]
provider = "azure"
model = "gpt-4o"
deployment = "gpt4o-eu-prod"
api_version = "2024-10-21"
endpoint_env = "AZURE_OPENAI_ENDPOINT"
api_key_env = "AZURE_OPENAI_API_KEY"
headers = {"x-team" = "support"}
timeout = 2.5
retries = 3
limits = {concurrency = 8, requests_per_minute = 300, tokens_per_minute = 200_000}
price = {prompt = 2.5, completion = 10, cached = 1.25}

[tool.replay.targets.prod-eu.params]
add = {seed = 1}
rename = {max_tokens = "max_completion_tokens"}
drop = ["logit_bias"]

[tool.replay.redaction]
salt = "s"
terms = ["Anna"]
pii = "drop"

[tool.replay.report]
title = "Support"
"""


def project(folder, text, name="pyproject.toml"):
    (folder / name).write_text(text)
    return Project.find(folder)


def refusal(folder, text, name="pyproject.toml"):
    with pytest.raises(BadInput) as caught:
        project(folder, text, name)
    return str(caught.value)


def target(lines):
    return f'[tool.replay.targets.t]\nprovider = "openai"\nmodel = "m"\n{lines}\n'


def test_targets_and_settings_are_read(tmp_path):
    found = project(tmp_path, GOOD)
    assert found.targets["gpt-4o-mini"] == Target("gpt-4o-mini", "openai", "gpt-4o-mini")
    assert found.targets["prod-eu"].settings["limits"]["tokens_per_minute"] == 200_000
    assert found.targets["prod-eu"].settings["params"]["rename"] == {"max_tokens": "max_completion_tokens"}
    assert found.settings["redaction"] == {"salt": "s", "terms": ["Anna"], "pii": "drop"}
    assert found.settings["report"] == {"title": "Support"}
    assert (found.root, found.file, found.warnings) == (tmp_path, tmp_path / "pyproject.toml", ())


def test_the_nearest_configuration_above_is_found(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / "pyproject.toml").write_text('[project]\nname = "not ours"\n')
    project(tmp_path, GOOD)
    assert Project.find(inner).root == tmp_path
    (inner / "replay.toml").write_text("")
    assert Project.find(inner).root == inner


def test_without_a_configuration_the_start_is_the_root(tmp_path):
    assert Project.find(tmp_path) == Project(tmp_path)


@pytest.mark.parametrize("prefix", ["", "tool.replay."])
def test_replay_toml_has_the_same_tables(tmp_path, prefix):
    text = f'[{prefix}targets.t]\nprovider = "openai"\nmodel = "m"\n'
    assert project(tmp_path, text, "replay.toml").targets == {"t": Target("t", "openai", "m")}
    said = refusal(tmp_path, text + "retries = -1\n", "replay.toml")
    assert said == "replay.toml:4:1: error: retries must be 0 or more, not -1"


def test_two_configurations_in_one_folder_are_refused(tmp_path):  # 165
    (tmp_path / "replay.toml").write_text("")
    said = refusal(tmp_path, GOOD)
    assert "two configurations" in said
    assert "pyproject.toml" in said
    assert "replay.toml" in said


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("retries = -1", "pyproject.toml:4:1: error: retries must be 0 or more, not -1"),  # 110
        ("retries = true", "retries must be a whole number"),
        ("retries = 1e9", "retries must be a whole number; write 1000000000"),
        ("retries = 1_000_000_000", "retries must be 100 or less"),
        ("timeout = 0", "pyproject.toml:4:1: error: timeout must be more than 0 (seconds)"),  # 111
        ("timeout = nan", "timeout must be a finite number (seconds)"),
        ('timeout = "5"', 'timeout must be a number, not "5"; write 5 (seconds)'),
        ('base_url = "api.example.com/v1"', 'must begin with https:// (or http://), as in "https://api.example'),  # 163
        ('base_url = "ftp://x"', 'as in "https://x"'),
        ("base_url = 1", "base_url must be text, not a number"),
        ('retrys = 1', 'pyproject.toml:4:1: error: targets.t has no "retrys"; did you mean "retries"?'),  # 164
        ("limits = {concurency = 1}", 'pyproject.toml:4:1: error: targets.t.limits has no "concurency"; did you mean "c'),
        ("limits = {concurrency = 0}", "concurrency must be 1 or more, not 0"),
        ("limits = 3", "limits must be a table, not a number"),
        ("price = {prompt = -1}", "prompt must be 0 or more"),
        ('params = {drop = "n"}', "drop must be a list of text"),
        ("params = {rename = {a = 1}}", "a must be text, not a number"),
        ('api_key = "sk-secret"', "a key does not belong into a file; name its environment variable: api_key_env"),
        ('api_key_env = "sk-secret value"', "api_key_env must be the name of an environment variable, never a value"),
        ("headers = {a = 1}", "a must be text, not a number"),
        ('[tool.replay.targets."a.b"]\nmodel = "x"', 'pyproject.toml:4:2: error: target "a.b" needs a provider'),
        ('[tool.replay.targets.t2]\nmodel = ""\nprovider = "x"', "pyproject.toml:5:1: error: model must be text"),
        ("[tool.replay.target.x]", 'pyproject.toml:4:2: error: there is no table "target"; did you mean "targets"?'),
        ("[tool.replay]\nreport = 1", "pyproject.toml:5:1: error: report must be a table"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_its_place(tmp_path, lines, said):
    text = target(lines)
    assert said in refusal(tmp_path, text)
    assert "sk-secret" not in refusal(tmp_path, text)


def test_all_faults_are_reported_at_once(tmp_path):
    said = refusal(tmp_path, target("retries = -1\ntimeout = 0\nx = 1"))
    assert [line.split(" ")[0] for line in said.splitlines()] == [f"pyproject.toml:{n}:1:" for n in (4, 5, 6)]


def test_a_key_inside_a_text_of_several_lines_is_not_mistaken_for_one(tmp_path):
    text = 'x = """\n[tool.replay.targets.t]\nretries = 1\n= 2\n"""\n' + target("retries = -1")
    assert refusal(tmp_path, text).startswith("pyproject.toml:9:1: error: retries")


def test_dotted_keys_and_quotes_have_a_place(tmp_path):
    said = refusal(tmp_path, '[tool]\nreplay.targets."a b".model = "m"\nreplay.targets."a b".timeout = 0\n')
    assert "pyproject.toml:3:1: error: timeout must be more than 0" in said


def test_a_damaged_file_is_named_with_its_place(tmp_path):
    assert "pyproject.toml:2:5: error: this is not TOML: " in refusal(tmp_path, "[tool.replay]\na = = 1")
    assert "pyproject.toml:2: error: this is not TOML: " in refusal(tmp_path, '[tool.replay]\na = "')
    (tmp_path / "pyproject.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(BadInput, match="cannot be read"):
        Project.find(tmp_path)


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://models.example.com/v1", True),
        ("https://models.example.com/v1", False),
        ("http://localhost:8000/v1", False),
        ("http://127.0.0.1:8000", False),
        ("http://[::1]:8000", False),
    ],
)
def test_unencrypted_addresses_are_warned_of(tmp_path, url, warned):
    found = project(tmp_path, target(f'base_url = "{url}"'))
    said = "pyproject.toml:4:1: warning: base_url sends keys unencrypted; use https://"
    assert [str(warning) for warning in found.warnings] == ([said] if warned else [])


def test_a_target_that_is_not_configured_is_answered_with_the_nearest(tmp_path):  # 109
    found = project(tmp_path, GOOD)
    assert found.target("prod-eu").model == "gpt-4o"
    said = r'target "prod-us" is not configured; did you mean "prod-eu"\? \(add \[tool.replay.targets.prod-us\] to pyp'
    with pytest.raises(BadInput, match=said):
        found.target("prod-us")
    with pytest.raises(BadInput, match=r'add \[tool.replay.targets."gpt-4.1"\] to pyproject.toml'):
        Project(tmp_path).target("gpt-4.1")


def test_the_environment_is_read_only_when_asked_and_only_where_named(monkeypatch):
    named = Target("t", "azure", "m", {"endpoint_env": "REPLAY_TEST_ENDPOINT", "deployment": "d"})
    assert setting(named, "endpoint") is None
    monkeypatch.setenv("REPLAY_TEST_ENDPOINT", "https://example.com")
    assert setting(named, "endpoint") == "https://example.com"
    assert setting(named, "deployment") == "d"
    assert setting(named, "api_key") is None


@pytest.mark.parametrize("value", ["sk-hidden\n", "sk-hidden x", "sk-hiddén", "sk-hidden\x01"])
def test_a_key_that_cannot_be_sent_is_refused_and_never_shown(monkeypatch, value):  # 162
    monkeypatch.setenv("REPLAY_TEST_KEY", value)
    with pytest.raises(
        BadInput, match=r"REPLAY_TEST_KEY \(api_key_env of target t\) holds a space"
    ) as caught:
        setting(Target("t", "openai", "m", {"api_key_env": "REPLAY_TEST_KEY"}), "api_key")
    assert "sk-hidd" not in str(caught.value)


def test_an_address_from_the_environment_is_checked_too(monkeypatch):
    monkeypatch.setenv("REPLAY_TEST_URL", "example.com")
    with pytest.raises(BadInput, match="must be an address that begins with https://"):
        setting(Target("t", "openai", "m", {"base_url_env": "REPLAY_TEST_URL"}), "base_url")


def test_the_published_schema_agrees_with_the_code(tmp_path):
    schema = schemas.schema("config")
    jsonschema.Draft202012Validator.check_schema(schema)
    assert set(schema["properties"]) == set(_settings.TABLES)
    names = schema["$defs"]["target"]["properties"].keys() | schema["$defs"]["settings"]["properties"].keys()
    assert names == set(_settings.TARGET)
    validator = jsonschema.Draft202012Validator(schema)
    assert [error.message for error in validator.iter_errors(tomllib.loads(GOOD)["tool"]["replay"])] == []
    for lines in ("retries = -1", "timeout = 0", "retrys = 1", 'api_key = "x"', 'base_url = "x"'):
        assert not validator.is_valid(tomllib.loads(target(lines))["tool"]["replay"]), lines


def test_folders_and_shown_paths(tmp_path):
    found = Project(tmp_path)
    assert found.shown(found.conversations / "a.yaml") == "fixtures/conversations/a.yaml"
    assert found.shown(tmp_path.parent / "b.yaml") == str(tmp_path.parent / "b.yaml")
    assert json.dumps([str(path.relative_to(tmp_path)) for path in (found.suites, found.reports)]) == (
        '["suites", "reports"]'
    )
