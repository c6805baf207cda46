"""`pytest suites/` as a user runs it: recorded once over real HTTP, replayed offline, judged, reported."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import xml.etree.ElementTree as ET

import pytest
from chat_wire import completion
from scripted import Scripted, reply

SUITE = """
    targets: [small]
    conversations: [shop/*]
    assert:
      - finish_reason: stop
      - contains: "9"
"""


def said(text="From 9 to 17."):
    return lambda asked: reply(completion({"content": text}, model=asked.json["model"]))


@pytest.fixture
def shop(sandbox):
    """A project with two conversations, recorded against a server that is gone afterwards."""
    sandbox.write(
        {
            "fixtures/conversations/shop/hours.yaml": """
                messages:
                  - {role: user, content: When are you open?}
                tags: [quick]
            """,
            "fixtures/conversations/shop/days.yaml": """
                messages:
                  - {role: user, content: On which days?}
            """,
            "suites/shop.yaml": SUITE,
        }
    )
    with Scripted([said()]) as server:
        sandbox.write({"replay.toml": target(server.url)})
        sandbox.pytest("--record-mode=once").assert_outcomes(passed=2)
        assert len(server.requests) == 2
    return sandbox


def target(url, more=""):
    return f"""
        [redaction]
        salt = "test"

        [targets.small]
        provider = "openai_compatible"
        model = "small-1"
        base_url = "{url}/v1"
        {more}
    """


def test_a_recorded_suite_replays_offline_and_draws_its_report(shop):
    result = shop.pytest()
    result.assert_outcomes(passed=2)
    header, results = shop.run()
    assert header["mode"] == "none"
    assert [line["case"]["id"] for line in results] == ["shop/days[small]#1", "shop/hours[small]#1"]
    assert results[0]["transcript"]["turns"][0]["reply"]["message"]["content"] == "From 9 to 17."
    assert "<html" in shop.page()
    result.stdout.fnmatch_lines(["*2 cases: 2 passed*", "report: reports/*/index.html"])


def test_a_changed_prompt_is_not_answered_with_the_old_answer(shop):
    path = shop.root / "fixtures/conversations/shop/hours.yaml"
    path.write_text(path.read_text().replace("When", "Why"))
    result = shop.pytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*no recorded interaction matches*shop/hours*",
            "*messages[[]0].content*Why are you open?*When are you open?*",
            "*record it: pytest *suites/shop.yaml::shop/hours*--record-mode=new_episodes*",
        ]
    )


def test_a_failure_shows_what_and_the_command_that_reproduces_it(shop):
    shop.write({"suites/shop.yaml": SUITE.replace('"9"', '"8"')})
    result = shop.pytest()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["contains: missing*(2 cases)*", '*pytest "suites/shop.yaml::shop/days[[]small[]]#1"*']
    )
    result.stdout.fnmatch_lines(["FAILED suites/shop.yaml::shop/days[[]small[]]#1 - contains*"])
    assert "Traceback" not in result.stdout.str()
    again = shop.pytester.runpytest_inprocess("suites/shop.yaml::shop/days[small]#1")
    again.assert_outcomes(failed=1)


def test_selection_by_name_tag_and_last_failure(shop):
    shop.pytest("-k", "hours").assert_outcomes(passed=1, deselected=1)
    shop.pytest("-m", "quick").assert_outcomes(passed=1, deselected=1)
    collected = shop.pytest("--collect-only", "-q")
    collected.stdout.fnmatch_lines(["suites/shop.yaml::shop/hours[[]small[]]#1"])
    path = shop.root / "fixtures/conversations/shop/hours.yaml"
    path.write_text(path.read_text().replace("When", "Why"))
    shop.pytest().assert_outcomes(passed=1, failed=1)
    shop.pytest("--lf").assert_outcomes(failed=1)
    shop.pytest("-x").assert_outcomes(passed=1, failed=1)


def test_two_workers_give_the_same_run(shop):
    shop.pytest("--replay-report", "reports/one")
    shop.pytest("--replay-report", "reports/two", "-n", "2").assert_outcomes(passed=2)
    one, two = (
        (shop.root / "reports" / name / "run.jsonl").read_text().splitlines()[1:] for name in ("one", "two")
    )
    assert one == two


def test_junit_properties(shop):
    shop.pytest("--junitxml=out.xml")
    case = ET.parse(shop.root / "out.xml").find(".//testcase")
    properties = {item.get("name"): item.get("value") for item in case.iter("property")}
    assert properties["target"] == "small"
    assert properties["finish_reason"] == "stop"
    assert int(properties["total_tokens"]) > 0


def test_all_faults_of_all_files_come_at_once_and_nothing_runs(shop):
    shop.write(
        {
            "fixtures/conversations/shop/days.yaml": "messages:\n  - {role: assitant, content: x}\n",
            "fixtures/conversations/shop/hours.yaml": "messages: []\n",
            "suites/other.yaml": "targets: [smal]\nconversations: [shop/*]\nassert: [contain: x]\n",
        }
    )
    for options in ((), ("-n", "2")):
        result = shop.pytest(*options)
        assert result.ret == 4
        said = result.stderr.str() + result.stdout.str()
        assert 'fixtures/conversations/shop/days.yaml:2:12: error: role "assitant"' in said
        assert "fixtures/conversations/shop/hours.yaml:1" in said
        assert "suites/other.yaml:1" in said
        assert '"contain"' in said
        assert "Traceback" not in said


@pytest.mark.parametrize(
    ("files", "code"),
    [
        (
            {"suites/shop.yaml": "targets: [small]\nconversations: [no/*]\nassert: [baseline]\n"},
            5,
        ),
        ({"suites/shop.yaml": "targets: [small]\nconversations: []\n"}, 5),
        ({"suites/shop.yaml": "targets: [small\n"}, 4),
        ({"replay.toml": "[targets.small]\nprovder = 'openai'\n"}, 4),
    ],
)
def test_what_cannot_run_is_never_green(shop, files, code):
    shop.write(files)
    result = shop.pytest()
    assert result.ret == code, result.stdout.str() + result.stderr.str()


def test_a_case_that_asserts_nothing_fails(shop):
    shop.write({"suites/shop.yaml": "targets: [small]\nconversations: [shop/*]\nassert: [contract: off]\n"})
    result = shop.pytest()
    assert result.ret in (1, 4)
    assert "passed" not in result.stdout.str().splitlines()[-1]


def test_recording_is_refused_in_ci(shop, monkeypatch):
    monkeypatch.setenv("CI", "true")
    result = shop.pytest("--record-mode=all")
    assert result.ret == 4
    assert "CI is set" in result.stderr.str()


def test_recording_needs_the_key_and_replaying_does_not(shop):
    shop.write({"replay.toml": target("http://127.0.0.1:9", 'api_key_env = "SHOP_KEY"')})
    result = shop.pytest("--record-mode=new_episodes")
    assert result.ret == 4
    assert "set SHOP_KEY" in result.stderr.str()
    shop.pytest().assert_outcomes(passed=2)


def test_a_retried_call_is_recorded_and_replays_without_waiting(sandbox):
    sandbox.write(
        {
            "fixtures/conversations/shop/hours.yaml": "messages:\n  - {role: user, content: Open?}\n",
            "suites/shop.yaml": SUITE,
        }
    )
    busy = reply({"error": {"message": "busy", "code": "rate_limit_exceeded"}}, 429, {"retry-after": "1"})
    with Scripted([busy, said()]) as server:
        sandbox.write({"replay.toml": target(server.url, "retries = 2")})
        sandbox.pytest("--record-mode=once").assert_outcomes(passed=1)
    sandbox.pytest().assert_outcomes(passed=1)
    _, (line,) = sandbox.run()
    assert line["transcript"]["turns"][0]["attempts"] == 2


def test_strict_fails_what_was_not_played(shop):
    first = shop.root / "fixtures/cassettes/shop/hours/small.yaml"
    other = shop.root / "fixtures/cassettes/shop/days/small.yaml"
    body = other.read_text().removeprefix("interactions:\n").removesuffix("version: 1\n")
    first.write_text(first.read_text().replace("version: 1\n", body + "version: 1\n"))
    shop.pytest().assert_outcomes(passed=2)
    result = shop.pytest("--replay-strict")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*seam: unplayed*"])


def test_a_damaged_cassette_fails_its_case_by_name_and_stays_as_it_is(shop):
    path = shop.root / "fixtures/cassettes/shop/hours/small.yaml"
    damaged = path.read_bytes()[:200]
    path.write_bytes(damaged)
    result = shop.pytest()
    result.assert_outcomes(passed=1, failed=1)
    assert "fixtures/cassettes/shop/hours/small.yaml" in result.stdout.str()
    assert "Traceback" not in result.stdout.str()
    assert path.read_bytes() == damaged


def test_another_target_can_be_played(shop):
    with Scripted([said()]) as server:
        more = textwrap.dedent(target(server.url)).partition("\n\n")[2].replace("small", "large")
        with (shop.root / "replay.toml").open("a") as file:
            file.write("\n" + more)
        shop.pytest("--replay-target=large", "--record-mode=once").assert_outcomes(passed=2)
    shop.pytest("--replay-target=large").assert_outcomes(passed=2)
    assert (shop.root / "fixtures/cassettes/shop/hours/large.yaml").exists()


def test_verify_says_what_drifted_and_writes_nothing(shop):
    before = {path: path.read_bytes() for path in shop.root.glob("fixtures/cassettes/**/*.yaml")}
    with Scripted([said("From 9 to 18.")]) as server:
        shop.write({"replay.toml": target(server.url)})
        result = shop.pytest("--replay-mode=verify")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*seam: drift*"])
    assert before == {path: path.read_bytes() for path in shop.root.glob("fixtures/cassettes/**/*.yaml")}


def test_an_interrupted_recording_keeps_what_was_answered(sandbox):
    names = [f"c{number}" for number in range(6)]
    sandbox.write(
        {
            f"fixtures/conversations/shop/{n}.yaml": f"messages: [{{role: user, content: {n}}}]\n"
            for n in names
        }
    )
    sandbox.write({"suites/shop.yaml": SUITE})
    slow = lambda asked: (
        (time.sleep(30) if asked.json["messages"][0]["content"] == "c5" else None) or said()(asked)
    )
    with Scripted([slow]) as server:
        sandbox.write({"replay.toml": target(server.url, "limits = {concurrency = 1}")})
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "suites/", "--record-mode=once"],
            cwd=sandbox.root,
            env=os.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        while len(server.requests) < 6:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 2
    kept = {path.parent.name for path in sandbox.root.glob("fixtures/cassettes/shop/*/small.yaml")}
    assert set(names[:5]) <= kept


def test_collecting_imports_nothing_heavy(shop):
    code = (
        "import sys, pytest; pytest.main(['--collect-only', '-q', 'suites/']);"
        "print('HEAVY', sorted({'openai', 'vcr', 'deepdiff', 'jinja2'} & set(sys.modules)))"
    )
    result = shop.pytester.run(sys.executable, "-c", code)
    result.stdout.fnmatch_lines(["HEAVY []"])


def test_a_session_without_suites_is_left_alone(pytester):
    pytester.makepyfile("def test_nothing(): pass")
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(passed=1)
    assert "replay" not in result.stdout.str().split("test session starts")[1].split("collected")[1]
    assert not (pytester.path / "reports").exists()


def test_run_lines_fit_their_published_schema(shop):
    from importlib import resources

    import jsonschema

    shop.pytest()
    _, results = shop.run()
    schema = json.loads((resources.files("replay") / "schemas" / "run-line.json").read_text())
    for line in results:
        jsonschema.validate(line, schema)
