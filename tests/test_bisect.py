"""`replay bisect`: the commit, or the target, since which a conversation fails."""

from __future__ import annotations

import json
import subprocess

import pytest
from failing import Failing, text_of, typed

FIXTURE = """
    messages:
      - {role: system, content: "%s"}
      - {role: user, content: Where is my refund?}
"""
SUITE = """
    targets: [bot]
    cases:
      - conversation: refund
        assert: [{contains: "Yes"}]
"""


def git(root, *arguments):
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(root, message):
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", message)
    return git(root, "rev-parse", "HEAD")


def history(sandbox, server, prompts, extra=lambda number: {}):
    """A repository with a commit for each system prompt; the hashes of all of them."""
    git(sandbox.root, "init", "-q")
    sandbox.write({"replay.toml": server.toml("bot"), "suites/support.yaml": SUITE})
    hashes = []
    for number, prompt in enumerate(prompts):
        sandbox.write({"fixtures/conversations/refund.yaml": FIXTURE % prompt} | extra(number))
        hashes.append(commit(sandbox.root, f"change {number}"))
    return hashes


def bisected(sandbox, *options):
    result = typed("bisect", "refund", "--keep", "contains: missing", "--json", *options)
    assert result.ret == 0, str(result.stderr)
    return json.loads(str(result.stdout))


def grumpy(body):
    return "grumpy" in text_of(body)


@pytest.mark.parametrize("first", [1, 9])
def test_the_first_bad_commit_is_named_with_what_changed(sandbox, first):
    with Failing(grumpy) as server:
        prompts = [f"Be {'grumpy' if number >= first else 'kind'}, version {number}." for number in range(10)]
        hashes = history(sandbox, server, prompts)
        found = bisected(sandbox, "--good", hashes[0], "--once")
        assert len(server.requests) == found["probes"]["asked"] <= 2 + 4
    assert found["first_bad"]["commit"] == hashes[first]
    assert found["first_bad"]["subject"] == f"change {first}"
    assert found["last_good"]["commit"] == hashes[first - 1]
    changed = [line for line in found["diff"].splitlines() if line[0] in "+-" and "version" in line]
    assert [line[0] for line in changed] == ["-", "+"]
    assert f"grumpy, version {first}." in changed[1]


def test_commits_that_change_nothing_that_is_asked_cost_nothing(sandbox):
    with Failing(grumpy) as server:
        prompts = ["Be kind."] * 6 + ["Be grumpy."] * 6
        hashes = history(sandbox, server, prompts, lambda number: {"README.md": f"{number}"})
        found = bisected(sandbox, "--good", hashes[0], "--once")
        assert found["first_bad"]["commit"] == hashes[6]
        assert len(server.requests) == 2


def test_the_work_tree_is_not_touched(sandbox):
    with Failing(grumpy) as server:
        hashes = history(sandbox, server, ["Be kind.", "Be grumpy.", "Be very grumpy."])
        sandbox.write({"notes.txt": "not committed", "fixtures/conversations/refund.yaml": FIXTURE % "Mine."})
        sandbox.write({".git/info/exclude": "stdout\nstderr\n"})  # pytester's own
        before = state(sandbox.root)
        found = bisected(sandbox, "--good", hashes[0], "--once")
        assert state(sandbox.root) == before
    assert found["first_bad"]["commit"] == hashes[1]


def state(root):
    """What git says of the work tree, and where it stands; what Replay keeps for itself is ignored."""
    return git(root, "status", "--porcelain"), git(root, "rev-parse", "HEAD"), git(root, "diff")


def test_tools_schemas_and_targets_of_then_are_asked(sandbox):
    fails = lambda body: "zip" in json.dumps(body.get("tools", "")) and body["model"] == "new"
    tool = "    tools: [{name: find, parameters: schemas/find.json}]\n"
    schema = '{"type": "object", "properties": {"%s": {"type": "string"}}}'

    def extra(number):
        files = {"schemas/find.json": schema % ("zip" if number >= 2 else "id")}
        model = "new" if number >= 4 else "old"
        files["replay.toml"] = server.toml("bot").replace('model = "bot"', f'model = "{model}"')
        return files | {"fixtures/conversations/refund.yaml": FIXTURE % "Be kind." + tool}

    with Failing(fails) as server:
        hashes = history(sandbox, server, ["-"] * 6, extra)
        found = bisected(sandbox, "--good", hashes[0], "--once")
    assert found["first_bad"]["commit"] == hashes[4]
    assert [line[0] for line in found["diff"].splitlines() if "model: " in line] == ["-", "+"]


def test_a_variant_is_asked_as_its_file_was_then(sandbox):
    with Failing(grumpy) as server:
        prompt = lambda number: {"prompts/new.txt": "Be grumpy." if number >= 3 else f"Be kind {number}."}
        hashes = history(sandbox, server, ["-"] * 5, prompt)
        found = bisected(sandbox, "--good", hashes[0], "--once", "--target", "bot+prompts/new.txt")
    assert found["first_bad"]["commit"] == hashes[3]


def test_commits_at_which_nothing_can_be_asked_are_passed_over(sandbox):
    broken = lambda number: {"fixtures/conversations/refund.yaml": "messages: ["} if number in (2, 3) else {}
    with Failing(grumpy) as server:
        hashes = history(sandbox, server, ["Be kind."] * 3 + ["Be grumpy."] * 3, broken)
        found = bisected(sandbox, "--good", hashes[0], "--once")
    assert found["first_bad"]["commit"] == hashes[4]
    assert found["last_good"]["commit"] == hashes[1]
    assert [one["commit"] for one in found["skipped"]] == hashes[2:4]
    assert "refund.yaml" in found["skipped"][0]["reason"]


def test_a_conversation_is_followed_to_where_its_file_was(sandbox):
    with Failing(grumpy) as server:
        prompts = [
            f"Be {word}. Answer in one sentence, and be short." for word in ("kind", "grumpy", "grumpy")
        ]
        hashes = history(sandbox, server, prompts)
        for name in ("support/refund", "refund-é"):
            (sandbox.root / "fixtures/conversations/support").mkdir(exist_ok=True)
            (held,) = (sandbox.root / "fixtures/conversations").rglob("*.yaml")
            git(sandbox.root, "mv", str(held), f"fixtures/conversations/{name}.yaml")
            last = commit(sandbox.root, f"moved to {name}")
        sandbox.write({"suites/support.yaml": SUITE.replace("refund", "refund-é")})
        options = ["--good", hashes[0], "--bad", last, "--keep", "contains: missing", "--once", "--json"]
        result = typed("bisect", "refund-é", *options)
    assert result.ret == 0, str(result.stderr)
    found = json.loads(str(result.stdout))
    assert found["first_bad"]["commit"] == hashes[1]
    assert found["skipped"] == []


def test_a_flaky_failure_is_found_and_a_second_search_asks_nothing(sandbox):
    with Failing(grumpy, rate=0.6, seed=2) as server:
        prompts = [f"Be {'grumpy' if number >= 6 else 'kind'} {number}." for number in range(9)]
        hashes = history(sandbox, server, prompts)
        found = bisected(sandbox, "--good", hashes[0])
        asked = len(server.requests)
        again = bisected(sandbox, "--good", hashes[0])
        assert len(server.requests) == asked
    assert found["first_bad"]["commit"] == hashes[6]
    assert found["error"] == 0.05
    assert again["first_bad"] == found["first_bad"]
    assert again["probes"]["asked"] == 0


def test_an_ordered_list_of_targets_is_searched(sandbox):
    with Failing(lambda body: body["model"] >= "c") as server:
        sandbox.write(
            {
                "replay.toml": server.toml("a", "b", "c", "d", "e"),
                "suites/support.yaml": SUITE.replace("bot", "a"),
                "fixtures/conversations/refund.yaml": FIXTURE % "Be kind.",
            }
        )
        found = bisected(sandbox, "--targets", "a,b,c,d,e", "--once")
    assert found["first_bad"] == {"target": "c"}
    assert found["last_good"] == {"target": "b"}


def test_a_function_is_bisected_offline(sandbox):
    with Failing(grumpy) as server:
        hashes = history(sandbox, server, ["Be kind.", "Be kind!", "Be grumpy.", "Be off."])
        sandbox.write({"checks.py": "def fails(c):\n    return 'grumpy' in c.messages[0].text\n"})
        options = ["--good", hashes[0], "--bad", hashes[2], "--keep", "python:checks.py::fails"]
        found = bisected(sandbox, *options)
        assert not server.requests
    assert found["first_bad"]["commit"] == hashes[2]


def test_a_good_end_that_fails_as_well_is_said(sandbox):
    with Failing(lambda _: True) as server:
        hashes = history(sandbox, server, ["Be kind.", "Be kind!", "Be grumpy."])
        result = typed("bisect", "refund", "--good", hashes[0], "--once")
    assert result.ret == 1
    result.stderr.fnmatch_lines(["*fails with contains: missing as well; name an older --good"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "say what to search: --good REF"),
        (["--good", "nowhere"], "git rev-parse: Needed a single revision"),
        (["--good", "HEAD"], "are one commit"),
        (["--good", "HEAD", "--bad", "HEAD~1"], "HEAD does not come before HEAD~1"),
        (["--targets", "bot"], "--targets needs two at least"),
        (["--targets", "bot,bit"], 'target "bit" is not configured'),
    ],
)
def test_what_cannot_be_searched_is_refused(sandbox, options, said):
    with Failing(grumpy) as server:
        history(sandbox, server, ["Be kind.", "Be grumpy."])
        result = typed("bisect", "refund", *options)
        assert not server.requests
    assert result.ret == 4
    assert said in str(result.stderr)


def test_outside_of_a_repository_there_is_nothing_to_search(sandbox):
    with Failing(grumpy) as server:
        sandbox.write({"replay.toml": server.toml("bot"), "suites/support.yaml": SUITE})
        sandbox.write({"fixtures/conversations/refund.yaml": FIXTURE % "Be kind."})
        result = typed("bisect", "refund", "--good", "HEAD~1")
    assert result.ret == 4
    assert "not a git repository" in str(result.stderr)
