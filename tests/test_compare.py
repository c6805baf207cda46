"""`replay compare`, as a user runs it: a seeded provider over real HTTP decides, resumes, stops and tells."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from comparing import SUITE, compared, project
from seeded import Model, Seeded, Storm, spread

MARGIN = ("--margin", "0.2")


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "REPLAY_TENANT"):
        monkeypatch.delenv(name, raising=False)


def answered(server):
    return Counter(call.model for call in server.calls if call.said in ("yes", "no"))


def test_a_candidate_that_is_as_good_may_take_over(tmp_path, monkeypatch, capfd):
    with Seeded({"old": Model(), "new": Model()}) as server:
        root = project(tmp_path, server, 30)
        found = compared(root, monkeypatch, capfd, "old", "new", *MARGIN)
    assert found.code == 0
    assert found.data["versus"][0]["decision"] == "switch"
    assert answered(server) == {"old": 30, "new": 30}
    assert found.judged()["table"] == {"both": 30, "lost": 0, "won": 0, "neither": 0}
    assert "Switch to new" in found.out
    for name in ("index.html", "cases.html", "summary.md", "comparison.json"):
        assert (found.folder / name).stat().st_size
    assert '<a href="cases.html">all cases</a>' in (found.folder / "index.html").read_text(encoding="utf-8")


def test_a_candidate_that_is_worse_must_not(tmp_path, monkeypatch, capfd):
    with Seeded({"old": Model(), "new": Model(passes=0.4)}) as server:
        root = project(tmp_path, server, 20)
        found = compared(root, monkeypatch, capfd, "old", "new", *MARGIN)
    versus = found.data["versus"][0]
    assert (found.code, versus["decision"]) == (1, "do not switch")
    assert any(reason.startswith("contains:") for reason in versus["reasons"])
    assert not any(reason.startswith("finish_reason") for reason in versus["reasons"])
    lost = [change for change in versus["changes"] if change["kind"] == "lost"]
    assert len(lost) == found.judged()["table"]["lost"] > 5
    assert lost[0]["identities"] == [["contains", "missing"]]


def test_too_little_evidence_is_said_with_what_it_would_take(tmp_path, monkeypatch, capfd):
    with Seeded({"old": Model(), "new": Model()}) as server:
        root = project(tmp_path, server, 5)
        found = compared(root, monkeypatch, capfd, "old", "new", "--margin", "0.02")
    assert (found.code, found.data["versus"][0]["decision"]) == (8, "undecided")
    assert found.judged()["needed"]["conversations"] > 50
    assert "more conversations" in found.out


def test_an_unreliable_baseline_decides_nothing(tmp_path, monkeypatch, capfd):
    with Seeded({"old": Model(passes=0.2), "new": Model()}) as server:
        root = project(tmp_path, server, 20)
        found = compared(root, monkeypatch, capfd, "old", "new", *MARGIN)
    assert found.data["versus"][0]["decision"] == "undecided"
    assert any("the baseline itself passes" in reason for reason in found.data["versus"][0]["reasons"])


def test_repeats_measure_how_much_the_baseline_differs_from_itself(tmp_path, monkeypatch, capfd):
    models = {"old": Model(passes=spread(0.8, 0.3)), "new": Model(passes=spread(0.8, 0.3))}
    with Seeded(models, seed=3) as server:
        root = project(tmp_path, server, 20)
        found = compared(root, monkeypatch, capfd, "old", "new", "--repeats", "3")
    one = found.judged()
    assert 0 < one["noise"] < 0.5
    assert one["baseline"]["attempts"] == 60
    assert len(one["candidate"]["at_least_one"]) == 3
    assert one["finding"] != "worse"


def test_more_candidates_are_each_decided(tmp_path, monkeypatch, capfd):
    models = {"old": Model(), "good": Model(), "bad": Model(passes=0.3)}
    with Seeded(models) as server:
        root = project(tmp_path, server, 20)
        found = compared(root, monkeypatch, capfd, "old", "good", "bad", *MARGIN)
    assert [one["decision"] for one in found.data["versus"]] == ["switch", "do not switch"]
    assert found.code == 1


def test_a_prompt_is_compared_as_a_target_of_its_own(tmp_path, monkeypatch, capfd):
    polite = lambda seed, text: 1.0 if "Be polite" in text else 0.0
    with Seeded({"old": Model(passes=polite)}) as server:
        root = project(tmp_path, server, 20)
        (root / "prompts").mkdir()
        (root / "prompts" / "kind.md").write_text("Be polite.")
        (root / "prompts" / "same.md").write_text("Be polite.")
        found = compared(root, monkeypatch, capfd, "old+prompts/kind.md", "old+prompts/same.md", *MARGIN)
    assert found.data["baseline"] == "old+kind"
    assert found.data["versus"][0]["candidate"] == "old+same"
    assert found.code == 0


def test_a_run_with_errors_is_resumed_and_asks_only_for_what_is_missing(tmp_path, monkeypatch, capfd):
    with Seeded({"old": Model(), "new": Model(faults={"server": 0.5})}, seed=5) as server:
        root = project(tmp_path, server, 12, retries=0)
        found = compared(root, monkeypatch, capfd, "old", "new", *MARGIN)
        first = answered(server)
        assert found.code == 8
        assert 0 < first["new"] < 12
        assert "gave nothing to judge" in found.out
        for _ in range(6):
            found = compared(root, monkeypatch, capfd, "--resume", "out")
    assert answered(server) == {"old": 12, "new": 12}
    assert found.err == "every case has been asked already\n"
    assert len(found.lines) == 25
    assert all(line["outcome"] == "passed" for line in found.lines[1:])


def test_what_a_provider_cannot_answer_just_now_is_asked_again(tmp_path, monkeypatch, capfd):
    with Seeded({"old": Model(), "new": Model(storm=Storm(6, 2))}) as server:
        root = project(tmp_path, server, 12)
        found = compared(root, monkeypatch, capfd, "old", "new", *MARGIN)
    assert answered(server) == {"old": 12, "new": 12}
    assert any(turn.get("tries") for line in found.lines[1:] for turn in line["transcript"]["turns"])


def test_what_the_account_refuses_ends_the_run_at_once(tmp_path, monkeypatch, capfd):
    with Seeded({"old": Model(), "new": Model(billing_after=4)}) as server:
        root = project(tmp_path, server, 30, limits={"concurrency": 1}, retries=3)
        found = compared(root, monkeypatch, capfd, "old", "new", *MARGIN)
        broke = [call for call in server.calls if call.said == "billing"]
    assert len(broke) == 1
    assert len(server.calls) < 30
    assert "ended early" in found.err
    assert "replay compare --resume" in found.err


def test_a_budget_ends_the_run_and_is_not_exceeded(tmp_path, monkeypatch, capfd):
    with Seeded({"old": Model(), "new": Model()}) as server:
        root = project(tmp_path, server, 30)
        found = compared(root, monkeypatch, capfd, "old", "new", "--max-tokens", "1500")
    spent = sum(call.tokens for call in server.calls)
    assert 0 < spent <= 1500
    assert "ended early" in found.err
    assert found.code == 8
    assert "go on: replay compare --resume out --max-tokens 1500" in found.err.replace(f"{root}/", "")


def test_a_budget_is_that_of_the_whole_run_however_often_it_is_resumed(tmp_path, monkeypatch, capfd):
    with Seeded({"old": Model(), "new": Model()}) as server:
        root = project(tmp_path, server, 30)
        compared(root, monkeypatch, capfd, "old", "new", "--max-tokens", "1500")
        asked = len(server.calls)
        found = compared(root, monkeypatch, capfd, "--resume", "out", "--max-tokens", "1500")
        assert len(server.calls) == asked
        assert "of it spent before): when it is spent, what comes last is not asked" in found.err
        found = compared(root, monkeypatch, capfd, "--resume", "out", "--max-tokens", "100000")
    assert len(server.calls) == 60
    assert len(found.lines) == 61


def test_what_is_compared_offline_costs_nothing_and_stays_offline_when_it_is_resumed(
    tmp_path, monkeypatch, capfd
):
    with Seeded({"old": Model(), "new": Model()}) as server:
        root = project(tmp_path, server, 3)
        found = compared(root, monkeypatch, capfd, "old", "new", "--offline")
        assert found.err == "old: 3 cases\nnew: 3 cases\nnothing is sent: what is recorded is compared\n"
        assert "what is not recorded is asked by the same command without --offline" in found.out
        assert "[...]" not in found.out
        run = found.folder / "run.jsonl"
        run.write_text("".join(run.read_text().splitlines(keepends=True)[:4]))
        found = compared(root, monkeypatch, capfd, "--resume", "out")
        assert "nothing is sent" in found.err
        assert len(found.lines) == 7
    assert server.calls == []


def test_a_dry_run_sends_nothing_and_says_what_it_would_cost(tmp_path, monkeypatch, capfd):
    with Seeded({"old": Model(), "new": Model()}) as server:
        root = project(tmp_path, server, 10)
        found = compared(root, monkeypatch, capfd, "old", "new", "--repeats", "3", "--dry-run", "--json")
        assert server.calls == []
    data = json.loads(found.out)
    assert data["targets"]["new"]["calls"] == 30
    assert data["targets"]["new"]["cost"] > 0
    assert not found.folder.exists()


def test_asking_ends_as_soon_as_it_is_decided(tmp_path, monkeypatch, capfd):
    with Seeded({"old": Model(), "new": Model(passes=0.1)}) as server:
        root = project(tmp_path, server, 60, limits={"concurrency": 2})
        found = compared(root, monkeypatch, capfd, "old", "new", "--until-decided", *MARGIN)
    assert found.code == 1
    assert len(found.lines) < 100
    assert (root / "out" / "comparison.json").exists()


def test_asking_adds_repeats_until_it_is_decided(tmp_path, monkeypatch, capfd):
    with Seeded({"old": Model(), "new": Model()}) as server:
        root = project(tmp_path, server, 25)
        found = compared(root, monkeypatch, capfd, "old", "new", "--until-decided", "--margin", "0.3")
    attempts = {line["case"]["attempt"] for line in found.lines[1:]}
    assert found.code == 0
    assert max(attempts) >= 1


def test_shards_joined_say_what_the_whole_run_says(tmp_path, monkeypatch, capfd):
    from replay.cli import main

    with Seeded({"old": Model(), "new": Model(passes=0.5)}) as server:
        root = project(tmp_path, server, 20)
        whole = compared(root, monkeypatch, capfd, "old", "new", *MARGIN)
    with Seeded({"old": Model(), "new": Model(passes=0.5)}, port=server.port):
        for part in ("1/3", "2/3", "3/3"):
            done = compared(
                root, monkeypatch, capfd, "old", "new", *MARGIN, "--shard", part, "--out", part[0]
            )
            assert done.code == 0
    assert main(["merge", "1", "2", "3", "--out", "joined"]) == whole.code == 1
    assert "Do not switch to new" in capfd.readouterr().out
    joined = json.loads((root / "joined" / "comparison.json").read_text())
    unsharded = whole.data
    for data in (joined, unsharded):
        for name in ("started", "command"):
            data["header"].pop(name)
        for versus in data["versus"]:
            versus["amounts"] = [one for one in versus["amounts"] if "token" in one["name"]]
    assert joined == unsharded


def test_what_a_killed_shard_lacks_is_told_and_asked_when_the_joined_run_is_resumed(
    tmp_path, monkeypatch, capfd
):
    from replay.cli import main

    with Seeded({"old": Model(), "new": Model()}) as server:
        root = project(tmp_path, server, 12)
        for part in ("1/3", "2/3"):
            compared(root, monkeypatch, capfd, "old", "new", "--shard", part, "--out", part[0])
        lines = (root / "1" / "run.jsonl").read_bytes().splitlines(keepends=True)
        (root / "1" / "run.jsonl").write_bytes(b"".join(lines[:-1]))
        main(["merge", "1", "2", "--out", "joined"])
        told = capfd.readouterr().out
        had, asked = len((root / "joined" / "run.jsonl").read_text().splitlines()) - 1, len(server.calls)
        found = compared(root, monkeypatch, capfd, "old", "new", "--resume", "joined")
    missing = 24 - had
    assert f"{missing} of 24 cases have no answer; go on: replay compare --resume joined" in told
    assert "shards are missing: 3/3" in told
    assert len(server.calls) - asked == missing
    assert "no answer" not in found.out
    assert "missing: 3/3" not in found.out
    main(["merge", "joined", "--out", "again"])
    assert main(["merge", "joined", "--out", "again"]) == found.code


def test_what_is_recorded_is_compared_offline(tmp_path, monkeypatch, capfd, sandbox):
    with Seeded({"old": Model(), "new": Model(passes=0.4)}) as server:
        root = project(sandbox.root, server, 15, SUITE.replace("[old]", "[old, new]"))
        sandbox.pytest("--record-mode=once")
    found = compared(root, monkeypatch, capfd, "old", "new", "--offline", *MARGIN)
    assert found.code == 1
    assert not (found.folder / "cassettes").exists()


def test_github_is_told(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step.md"))
    with Seeded({"old": Model(), "new": Model(passes=0.2)}) as server:
        root = project(tmp_path, server, 15)
        found = compared(root, monkeypatch, capfd, "old", "new", *MARGIN)
    assert "\n::error" in found.out
    assert "do not switch" in (tmp_path / "step.md").read_text().lower()


def test_a_step_summary_that_cannot_be_written_takes_nothing_from_the_decision(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "nowhere/step.md"))
    with Seeded({"old": Model(), "new": Model(passes=0.2)}) as server:
        found = compared(project(tmp_path, server, 15), monkeypatch, capfd, "old", "new", *MARGIN)
    assert found.code == 1
    assert "Do not switch to new" in found.out
    assert "GitHub's summary cannot be written" in found.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("old",), "name a baseline and at least one candidate; targets: old, new"),
        (("old", "nwe"), 'did you mean "new"?'),
        (("old", "old"), 'two targets are called "old"'),
        (("old", "new", "--margin", "2"), "--margin 2 is no share"),
        (("old", "new", "--margin", "contain=0.1"), 'asserts contain; did you mean "contains"?'),
        (("old", "new", "--margin", "tool_calls=0.1"), "nothing in the suites asserts tool_calls"),
        (("old", "new", "--alpha", "nan"), "'nan' is not a number"),
        (("old", "new", "--max-cost", "nan"), "'nan' is not a number"),
        (("old", "new", "--out", "suites"), "suites is not empty"),
        (("old", "new", "--shard", "9"), '"9" is no shard'),
        (("old", "new", "--engine", "threds"), 'did you mean "threads"?'),
        (("old", "new+gone.md"), "gone.md"),
        (("old", "new", "--engine", "batch"), "has no batches; use --engine threads"),
        (("old", "new", "--engine", "batch", "--until-decided"), "--until-decided looks after each answer"),
    ],
)
def test_what_is_wrong_with_an_order_is_said(tmp_path, monkeypatch, capfd, arguments, said):
    with Seeded({"old": Model(), "new": Model()}) as server:
        root = project(tmp_path, server, 2)
        found = compared(root, monkeypatch, capfd, *arguments)
        assert server.calls == []
    assert found.code in (4, 6)
    assert said in found.err


def test_a_run_is_not_resumed_on_another_suite(tmp_path, monkeypatch, capfd):
    with Seeded({"old": Model(), "new": Model()}) as server:
        root = project(tmp_path, server, 2)
        compared(root, monkeypatch, capfd, "old", "new")
        (root / "suites" / "ask.yaml").write_text(SUITE + "tags: [more]\n")
        found = compared(root, monkeypatch, capfd, "--resume", "out")
    assert found.code == 4
    assert "suites/ask.yaml changed since" in found.err


def test_a_run_is_not_resumed_on_another_conversation(tmp_path, monkeypatch, capfd):
    with Seeded({"old": Model(), "new": Model()}) as server:
        root = project(tmp_path, server, 2)
        compared(root, monkeypatch, capfd, "old", "new")
        fixture = root / "fixtures" / "conversations" / "ask" / "c001.yaml"
        fixture.write_text(fixture.read_text().replace("Question", "Riddle"))
        found = compared(root, monkeypatch, capfd, "--resume", "out")
    assert found.code == 4
    assert "a conversation or a variant changed since" in found.err


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_goes_on_and_pays_for_nothing_twice(tmp_path, monkeypatch, capfd, how):
    models = {"old": Model(latency=0.2), "new": Model(latency=0.2)}
    with Seeded(models) as server:
        root = project(tmp_path, server, 40, limits={"concurrency": 2})
        command = [sys.executable, "-m", "replay.cli", "compare", "old", "new", "--out", "out"]
        process = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, env={**os.environ})
        while len(server.calls) < 20 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(how)
        told = process.communicate(timeout=30)[1].decode()
        found = compared(root, monkeypatch, capfd, "--resume", "out")
    if how != signal.SIGKILL:
        assert process.returncode == 2
        assert "replay compare --resume" in told
    assert len(found.lines) == 81
    asked = Counter((call.model, call.conversation) for call in server.calls)
    in_flight = 4 if how == signal.SIGKILL else 0  # what was asked and not yet answered when it died
    assert sum(asked.values()) <= 80 + in_flight
