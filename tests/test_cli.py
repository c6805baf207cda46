"""The verbs of the command line, as a user types them."""

import json
import subprocess
import sys

import pytest
from chat_wire import completion
from scripted import Scripted, reply

SUITE = """
    targets: [small]
    conversations: [shop/*]
    assert: [baseline]
"""


@pytest.fixture
def shop(sandbox):
    """Two recorded conversations whose replies nobody has accepted yet."""
    for name in ("hours", "days"):
        sandbox.write(
            {f"fixtures/conversations/shop/{name}.yaml": f"messages:\n  - {{role: user, content: {name}?}}\n"}
        )
    sandbox.write({"suites/shop.yaml": SUITE})
    record(sandbox, "From 9 to 17.")
    return sandbox


def record(sandbox, text):
    with Scripted([reply(completion({"content": text}, model="m"))]) as server:
        table = (
            f'[targets.small]\nprovider = "openai_compatible"\nmodel = "m"\nbase_url = "{server.url}/v1"\n'
        )
        sandbox.write({"replay.toml": table})
        return sandbox.pytest("--record-mode=all")


def replay(sandbox, *arguments, typed=None):
    command = [sys.executable, "-m", "replay.cli", *arguments]
    return subprocess.run(command, cwd=sandbox.root, input=typed, capture_output=True, text=True, check=False)


def said_json(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_new_replies_are_shown_and_accepted_one_by_one(shop):
    done = replay(shop, "accept", typed="y\nn\n")
    assert done.returncode == 0
    assert "From 9 to 17." in done.stderr
    assert (shop.root / "fixtures/baselines/shop/days/small.yaml").exists()
    assert not (shop.root / "fixtures/baselines/shop/hours/small.yaml").exists()
    shop.pytest().assert_outcomes(passed=1, failed=1)


def test_a_changed_reply_fails_with_its_diff_and_can_be_accepted_or_kept_as_a_variant(shop):
    assert said_json(replay(shop, "accept", "--yes", "--json"))["changes"] == 2
    shop.pytest().assert_outcomes(passed=2)
    result = record(shop, "From 9 to 18.")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*baseline (changed)*", "*17*18*"])
    assert replay(shop, "accept", "--accept=new", "--yes").stdout.strip() == "nothing to accept"
    assert len(said_json(replay(shop, "accept", "--add-variant", "--yes", "--json"))["written"]) == 2
    shop.pytest().assert_outcomes(passed=2)
    text = (shop.root / "fixtures/baselines/shop/hours/small.yaml").read_text()
    assert "From 9 to 17." in text
    assert "From 9 to 18." in text


def test_baselines_that_nothing_looks_at_are_found_and_removed_on_request(shop):
    replay(shop, "accept", "--yes")
    (shop.root / "fixtures/conversations/shop/days.yaml").unlink()
    assert said_json(replay(shop, "accept", "--accept=unused", "--yes", "--json"))["changes"] == 1
    assert not (shop.root / "fixtures/baselines/shop/days/small.yaml").exists()
    assert (shop.root / "fixtures/baselines/shop/hours/small.yaml").exists()


def test_a_suite_in_a_yml_file_looks_at_its_baselines(shop):
    replay(shop, "accept", "--yes")
    (shop.root / "suites/shop.yaml").rename(shop.root / "suites/shop.yml")
    shop.pytest().assert_outcomes(passed=2)
    assert replay(shop, "accept", "--accept=unused", "--yes").stdout.strip() == "nothing to accept"


def test_a_run_never_accepts_and_ci_never_writes(shop, monkeypatch):
    monkeypatch.setenv("CI", "true")
    shop.pytest().assert_outcomes(failed=2)
    done = replay(shop, "accept", "--yes")
    assert done.returncode == 4
    assert "CI is set" in done.stderr
    assert not (shop.root / "fixtures/baselines").exists()


def test_a_report_is_drawn_again_from_its_run(shop):
    shop.pytest("--replay-report", "reports/one")
    page = shop.root / "reports/one/index.html"
    before = page.read_text()
    page.unlink()
    assert said_json(replay(shop, "report", "reports/one", "--json"))["reports"] == ["reports/one/index.html"]
    assert page.read_text() == before


def test_shards_are_joined_to_the_run_they_are_parts_of(shop):
    shop.pytest("--replay-report", "reports/whole")
    for name in ("hours", "days"):
        shop.pytest("--replay-report", f"reports/{name}", "-k", name)
    parts = ("reports/hours", "reports/days")
    said_json(replay(shop, "merge", *parts, "--out", "reports/joined", "--json"))
    whole, joined = (
        (shop.root / "reports" / n / "run.jsonl").read_text().splitlines() for n in ("whole", "joined")
    )
    assert whole[1:] == joined[1:]
    assert (shop.root / "reports/joined/index.html").exists()


def test_a_damaged_cassette_is_named_and_what_is_whole_is_saved_beside_it(shop):
    path = shop.root / "fixtures/cassettes/shop/hours/small.yaml"
    damaged = path.read_bytes() + b"- request:\n    body: cut"
    path.write_bytes(damaged)
    done = replay(shop, "cassette", "check", "fixtures/cassettes")
    assert done.returncode == 1
    assert "fixtures/cassettes/shop/hours/small.yaml:" in done.stdout
    assert replay(shop, "cassette", "recover", str(path)).returncode == 0
    assert path.read_bytes() == damaged
    assert path.with_name("small.recovered.yaml").exists()


def test_check_passes_whole_cassettes(shop):
    assert said_json(replay(shop, "cassette", "check", "fixtures/cassettes", "--json")) == {"faults": []}


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom replay.cli import main\nmain(['--help'])\n"
        "heavy = {'openai', 'vcr', 'deepdiff', 'jinja2', 'yaml', 'jsonschema', 'pytest'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["recrod"], 4, "record"),
        (["report", "--jsn", "x"], 4, "--json"),
        (["report", "nowhere"], 4, "nowhere"),
        (["accept"], 5, "pytest suites/"),
        (["accept", "--accept=knew"], 4, 'did you mean "new"?'),
        (["record", "nowhere.jsonl", "--suite", "s"], 4, "nowhere.jsonl"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line_with_the_exit_code_of_its_kind(sandbox, arguments, code, said):
    done = replay(sandbox, *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
