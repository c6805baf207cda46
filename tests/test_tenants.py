"""What a tenant and the environment say of targets instead of the file, and what is refused."""

# ruff: noqa: E501 - a message is a line

import tomllib

import jsonschema
import pytest

from replay import schemas
from replay.config import Project
from replay.errors import BadInput

CONFIG = """
[targets.gpt-4o]
provider = "openai"
model = "gpt-4o"
base_url = "https://shared.example/v1"
headers = {x-team = "support", x-cost = "42"}
limits = {concurrency = 8, requests_per_minute = 300}

[targets.gpt-4o.tenants.acme]
organization = "org-acme"
api_key_env = "ACME_KEY"
base_url_env = "ACME_URL"
headers = {x-team = "acme"}
limits = {concurrency = 2}

[targets.other]
provider = "openai"
model = "o"
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.delenv("REPLAY_TENANT", raising=False)
    monkeypatch.delenv("REPLAY_LIMITS", raising=False)
    return monkeypatch


def project(folder, text=CONFIG):
    (folder / "replay.toml").write_text(text)
    return Project.find(folder)


def refusal(make):
    with pytest.raises(BadInput) as caught:
        make()
    return str(caught.value)


def test_without_a_tenant_targets_are_as_the_file_says(tmp_path):
    found = project(tmp_path)
    assert found.for_tenant().targets == found.targets
    assert "tenants" not in found.targets["gpt-4o"].settings


def test_a_tenant_overrides_settings_and_keys_of_tables(tmp_path):
    target = project(tmp_path).for_tenant("acme").target("gpt-4o")
    assert target.settings == {
        "organization": "org-acme",
        "api_key_env": "ACME_KEY",
        "base_url_env": "ACME_URL",  # and the address of the file is gone, which would go before it
        "headers": {"x-team": "acme", "x-cost": "42"},
        "limits": {"concurrency": 2, "requests_per_minute": 300},
    }


def test_the_environment_chooses_a_tenant_and_an_argument_goes_before_it(tmp_path, environment):
    environment.setenv("REPLAY_TENANT", "acme")
    text = CONFIG + '\n[targets.other.tenants.umbrella]\nmodel = "u"\n'
    found = project(tmp_path, text)
    assert found.for_tenant().target("gpt-4o").settings["organization"] == "org-acme"
    assert found.for_tenant("umbrella").target("other").model == "u"
    assert found.for_tenant("umbrella").target("gpt-4o") == found.target("gpt-4o")


def test_an_unknown_tenant_is_refused_with_the_nearest(tmp_path):
    found = project(tmp_path)
    assert refusal(lambda: found.for_tenant("acne")) == (
        'error: tenant "acne" is not configured; did you mean "acme"? (add tenants.acne to a target)'
    )


def test_a_tenants_table_is_checked_with_its_place(tmp_path):
    text = CONFIG.replace("concurrency = 2", "concurrency = 0").replace("organization", "organisation")
    said = refusal(lambda: project(tmp_path, text)).splitlines()
    assert said == [
        'replay.toml:10:1: error: targets.gpt-4o.tenants.acme has no "organisation"; did you mean "organization"?',
        "replay.toml:14:1: error: concurrency must be 1 or more, not 0",
    ]
    nested = CONFIG + "\n[targets.other.tenants.a.tenants.b]\n"
    assert 'targets.other.tenants.a has no "tenants"' in refusal(lambda: project(tmp_path, nested))


def test_a_tenants_key_is_never_a_value(tmp_path):
    said = refusal(lambda: project(tmp_path, CONFIG.replace("api_key_env = ", "api_key = ")))
    assert said.startswith("replay.toml:11:1: error: a key does not belong into a file")
    assert "ACME_KEY" not in said


def test_limits_of_the_environment_go_before_the_file_and_those_of_one_target_before_all(
    tmp_path, environment
):
    environment.setenv("REPLAY_LIMITS", "concurrency=4, requests_per_minute=60")
    environment.setenv("REPLAY_LIMITS_GPT_4O", "requests_per_minute=1_000,queue=5")
    found = project(tmp_path).for_tenant("acme")
    assert found.target("gpt-4o").settings["limits"] == {
        "concurrency": 4,
        "requests_per_minute": 1000,
        "queue": 5,
    }
    assert found.target("other").settings["limits"] == {"concurrency": 4, "requests_per_minute": 60}


def test_limits_of_the_environment_are_checked_all_at_once(tmp_path, environment):
    environment.setenv("REPLAY_LIMITS", "concurency=4,requests_per_minute=many")
    environment.setenv("REPLAY_LIMITS_GPT4O", "concurrency=-1")
    found = project(tmp_path)
    assert refusal(found.for_tenant).splitlines() == [
        'environment variable REPLAY_LIMITS: error: limits has no "concurency"; did you mean "concurrency"?',
        'environment variable REPLAY_LIMITS: error: requests_per_minute must be a whole number, not "many"',
        "environment variable REPLAY_LIMITS_GPT4O: error: concurrency must be 1 or more, not -1",
        'environment variable REPLAY_LIMITS_GPT4O: error: there is no such target; did you mean "REPLAY_LIMITS_GPT_4O"?',
    ]


def test_the_published_schema_knows_tenants():
    validator = jsonschema.Draft202012Validator(schemas.schema("config"))
    assert [error.message for error in validator.iter_errors(tomllib.loads(CONFIG))] == []
    assert not validator.is_valid(tomllib.loads(CONFIG.replace("organization", "organisation")))
    assert not validator.is_valid(tomllib.loads(CONFIG + "\n[targets.other.tenants.a.tenants.b]\n"))
