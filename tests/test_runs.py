"""A run on disk: written while it goes on, cut by a kill, resumed, read and joined."""

import json
import random
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from chat_wire import completion
from hypothesis import given
from hypothesis import strategies as st
from scripted import Scripted, reply

from replay import runs
from replay.conversation import Conversation
from replay.errors import BadInput, StorageError
from replay.run import Case, Result
from replay.runs import RunWriter, Shard
from replay.turn import Target, Transcript
from replay.verdict import Verdict


def result(name, status="passed", attempt=1, message="", suite="s"):
    transcript = Transcript(Conversation(name, ()), Target("t", "openai", "m"))
    verdicts = (Verdict("contains", status, "missing", message),)
    return Result(Case(name, "t", attempt, suite), transcript, verdicts)


def add(writer, made):
    writer.add((made.case.suite, made.case.id), json.dumps(made.to_json()), made.outcome)


def key(name, attempt=1):
    return "s", f"{name}[t]#{attempt}"


def told(folder):
    """Id and outcome of each line, as it stands in the file."""
    _, *lines = (folder / "run.jsonl").read_text().splitlines()
    return [(data["case"]["id"], data["outcome"]) for data in map(json.loads, lines)]


def stopped(folder, *results):
    """A run that was killed: what it wrote is on disk, in the order in which it came."""
    code = (
        "import json, os, sys\nfrom pathlib import Path\nfrom replay.runs import RunWriter\n"
        "writer = RunWriter(Path(sys.argv[1]), {'mode': 'none'})\n"
        "for line in sys.stdin:\n"
        "    data = json.loads(line)\n"
        "    writer.add(('s', data['case']['id']), line.rstrip(), data['outcome'])\n"
        "os.kill(os.getpid(), 9)\n"
    )
    typed = "".join(json.dumps(made.to_json()) + "\n" for made in results)
    done = subprocess.run([sys.executable, "-c", code, str(folder)], input=typed, text=True, check=False)
    assert done.returncode == -signal.SIGKILL


# resuming


def test_a_killed_run_goes_on_where_it_was(tmp_path):
    stopped(tmp_path, result("c"), result("a", "error"))
    writer = RunWriter.resume(tmp_path)
    assert writer.header == {"replay": 1, "mode": "none"}
    assert [writer.outcome_of(key(name)) for name in "abc"] == ["error", None, "passed"]
    add(writer, result("b"))
    add(writer, result("a"))
    assert writer.outcome_of(key("a")) == "passed"
    writer.close()
    assert told(tmp_path) == [("a[t]#1", "passed"), ("b[t]#1", "passed"), ("c[t]#1", "passed")]


def test_a_resumed_run_is_the_file_that_an_uninterrupted_one_would_be(tmp_path):
    whole = RunWriter(tmp_path / "whole", {"mode": "none"})
    for name in "abc":
        add(whole, result(name))
    whole.close()
    stopped(tmp_path / "cut", result("b"), result("a", "error"))
    again = RunWriter.resume(tmp_path / "cut", durable=True)
    for name in "ca":
        add(again, result(name))
    again.close()
    one, other = (tmp_path / name / "run.jsonl" for name in ("whole", "cut"))
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("kept", [1, 20, -1], ids=["one byte", "a bit", "all but the newline"])
def test_a_line_that_was_cut_is_removed_and_the_earlier_ones_stay(tmp_path, kept):
    stopped(tmp_path, result("a"), result("b"))
    path = tmp_path / "run.jsonl"
    *before, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(before) + last[:kept])
    writer = RunWriter.resume(tmp_path)
    assert [writer.outcome_of(key(name)) for name in "ab"] == ["passed", None]
    add(writer, result("b", "failed"))
    writer.close()
    assert told(tmp_path) == [("a[t]#1", "passed"), ("b[t]#1", "failed")]


def test_a_cut_line_longer_than_what_is_read_at_once_is_removed(tmp_path):
    stopped(tmp_path, result("a"), result("b", message="x" * 300_000))
    path = tmp_path / "run.jsonl"
    path.write_bytes(path.read_bytes()[:-2])
    RunWriter.resume(tmp_path).close()
    assert told(tmp_path) == [("a[t]#1", "passed")]


def test_what_is_no_result_does_not_stay_in_a_resumed_run(tmp_path):
    stopped(tmp_path, result("a"))
    with (tmp_path / "run.jsonl").open("ab") as file:
        file.write(b'{oops\n\n{"replay": 1}\n' + json.dumps(result("b").to_json()).encode() + b"\n")
    RunWriter.resume(tmp_path).close()
    assert told(tmp_path) == [("a[t]#1", "passed"), ("b[t]#1", "passed")]


@pytest.mark.parametrize("content", [None, b"", b'{"repl', b"# Notes\nof mine\nwithout end"])
def test_what_is_no_run_is_not_resumed_and_not_touched(tmp_path, content):
    path = tmp_path / "run.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput):
        RunWriter.resume(tmp_path)
    assert content is None or path.read_bytes() == content


def test_one_process_at_a_time_writes_a_run(tmp_path):
    writer = RunWriter(tmp_path, {})
    add(writer, result("a"))
    for begin in (RunWriter.resume, lambda folder: RunWriter(folder, {})):
        with pytest.raises(StorageError, match="another process is writing this run"):
            begin(tmp_path)
    writer.close()
    assert told(tmp_path) == [("a[t]#1", "passed")]
    RunWriter.resume(tmp_path).close()


def test_a_writer_killed_at_any_moment_leaves_whole_lines(tmp_path):
    code = (
        "import itertools, json, sys\nfrom pathlib import Path\nfrom replay.runs import RunWriter\n"
        "line = json.loads(sys.argv[2])\nwriter = RunWriter(Path(sys.argv[1]), {})\n"
        "for number in itertools.count():\n"
        "    line['case']['id'] = f'{number:06}[t]#1'\n"
        "    writer.add(('s', line['case']['id']), json.dumps(line), 'passed')\n"
    )
    made = json.dumps(result("x", message="y" * 50_000).to_json())
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), made])
    path = tmp_path / "run.jsonl"
    while not path.exists() or path.stat().st_size < 2_000_000:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    RunWriter.resume(tmp_path).close()
    numbers = [int(name[:6]) for name, _ in told(tmp_path)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= 2_000_000 // 51_000


def test_outcomes_are_told_to_other_threads_while_results_come(tmp_path):
    writer = RunWriter(tmp_path, {})
    line, over, wrong = json.dumps(result("x").to_json()), threading.Event(), []

    def ask():
        while not over.is_set():
            number = random.randrange(3000)
            if writer.outcome_of(key(str(number))) not in (None, str(number)):
                wrong.append(number)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(3000):
        writer.add(key(str(number)), line, str(number))
    over.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert [writer.outcome_of(key(str(number))) for number in range(3000)] == list(map(str, range(3000)))
    writer.close()


# a disk that fails


def test_a_line_that_cannot_be_written_leaves_no_half(tmp_path):
    import resource

    writer = RunWriter(tmp_path, {})
    add(writer, result("a"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(StorageError, match="cannot write the run"):
            add(writer, result("b", message="x" * 20_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    add(writer, result("c"))
    writer.close()
    assert told(tmp_path) == [("a[t]#1", "passed"), ("c[t]#1", "passed")]


def test_the_unsorted_run_stays_where_the_sorted_one_cannot_be_written(tmp_path):
    target = tmp_path / "run"
    writer = RunWriter(target, {})
    add(writer, result("b"))
    add(writer, result("a"))
    elsewhere = tmp_path / "elsewhere"
    target.rename(elsewhere)
    target.write_text("a file where the folder was")
    with pytest.raises(StorageError):
        writer.close()
    assert sorted(told(elsewhere)) == [("a[t]#1", "passed"), ("b[t]#1", "passed")]


# reading


def test_the_last_of_several_lines_of_a_case_counts(tmp_path):
    stopped(tmp_path, result("b"), result("a", "error"), result("a", "failed"), result("b", "error"))
    _, results, faults = runs.read(tmp_path)
    assert [(data["case"]["id"], data["outcome"]) for data in results] == [
        ("a[t]#1", "failed"),
        ("b[t]#1", "error"),
    ]
    assert not faults


def test_a_cut_line_does_not_hide_the_whole_one_before_it(tmp_path):
    stopped(tmp_path, result("a", "error"), result("a"))
    path = tmp_path / "run.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    _, results, faults = runs.read(tmp_path)
    assert [data["outcome"] for data in results] == ["error"]
    assert len(faults) == 1


# shards


names = st.text("abc/é", min_size=1, max_size=8)


@given(st.lists(st.tuples(names, names), max_size=30), st.integers(1, 9))
def test_every_case_is_in_exactly_one_shard(pairs, count):
    shards = [Shard(number, count) for number in range(1, count + 1)]
    for suite, conversation in pairs:
        homes = {
            tuple(case in shard for shard in shards)
            for target in ("one", "other")
            for attempt in (1, 2)
            for case in [Case(conversation, target, attempt, suite)]
        }
        assert len(homes) == 1, "targets and attempts of a conversation are compared: they stay together"
        assert sum(homes.pop()) == 1


def test_shards_are_the_same_on_every_machine_and_about_equal():
    cases = [Case(f"bulk/{number}", "t", 1, "support") for number in range(4000)]
    sizes = [sum(case in Shard(number, 8) for case in cases) for number in range(1, 9)]
    assert sizes == [528, 485, 474, 482, 530, 504, 516, 481]


@pytest.mark.parametrize("text", ["", "2", "0/8", "9/8", "2/0", "-1/8", "2/8/8", "two/8", "2 / 8", "²/8"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(BadInput, match="is no shard; the second of eight is 2/8"):
        Shard.parse(text)


def sharded(folder, number, count, made, **header):
    writer = RunWriter(folder / str(number), {"mode": "none", "shard": f"{number}/{count}"} | header)
    for one in made:
        if one.case in Shard(number, count):
            add(writer, one)
    writer.close()
    return folder / str(number)


MADE = [result(f"c{number:02}", attempt=attempt) for number in range(12) for attempt in (1, 2)]


def test_missing_shards_are_named(tmp_path):
    paths = [sharded(tmp_path, number, 30, MADE) for number in (1, 2, 4)]
    merged = runs.merge(paths, tmp_path / "merged")
    (told,) = runs.read(merged).header["faults"]
    assert told.startswith("shards are missing: 3/30, 5/30, 6/30")
    assert told.endswith("23/30 and 7 more")


def test_the_same_shard_twice_is_refused_even_where_it_is_empty(tmp_path):
    paths = [sharded(tmp_path / name, 1, 2, []) for name in ("a", "b")]
    with pytest.raises(BadInput, match=r"is shard 1/2, as is .*a.1.run\.jsonl; give each shard once"):
        runs.merge(paths, tmp_path / "merged")


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ({"mode": "once"}, "mode"),
        ({"compare": {"baseline": "b"}}, "compare"),
        ({"suites": ["other"]}, "suites"),
        ({"shard": "2/3"}, "number of shards"),
        ({"plan": "f0"}, "other cases or suites"),
    ],
)
def test_shards_of_other_runs_are_refused(tmp_path, header, what):
    common = {"suites": ["s"], "compare": {"baseline": "a"}, "plan": "e0"}
    first = sharded(tmp_path, 1, 2, MADE, **common)
    second = sharded(tmp_path, 2, 2, MADE, **common | header)
    with pytest.raises(BadInput, match=rf"is of another run than .* \({what}\); give the shards of one run"):
        runs.merge([first, second], tmp_path / "merged")


def test_a_whole_run_is_no_shard_of_it(tmp_path):
    stopped(tmp_path / "whole", result("a"))
    with pytest.raises(BadInput, match=r"another run than .* \(only one of the two is a shard\)"):
        runs.merge([sharded(tmp_path, 1, 2, MADE), tmp_path / "whole"], tmp_path / "merged")


def test_runs_that_are_no_shards_and_hold_the_same_case_are_refused(tmp_path):
    for name in ("1", "2"):
        stopped(tmp_path / name, result("a"), result(name))
    with pytest.raises(BadInput, match=r"2.run\.jsonl: error: a\[t\]#1 is also in .*1.run\.jsonl; give each"):
        runs.merge([tmp_path / "1", tmp_path / "2"], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_a_shard_that_was_resumed_and_killed_gives_its_last_lines(tmp_path):
    stopped(tmp_path / "1", result("a", "error"), result("b"), result("a"))
    merged = runs.merge([tmp_path / "1"], tmp_path / "merged")
    assert told(merged.parent) == [("a[t]#1", "passed"), ("b[t]#1", "passed")]


@pytest.mark.parametrize(
    "typed", [["--replay-shard", "1/2"], ["--replay-shard=1/2"], ["--shard", "1/2"], ["--shard=1/2"]]
)
def test_the_joined_run_names_the_command_of_the_whole(tmp_path, typed):
    command = ["pytest", "suites/", *typed, "-q"]
    paths = [sharded(tmp_path, number, 2, MADE, command=command) for number in (1, 2)]
    assert runs.read(runs.merge(paths, tmp_path / "merged")).header["command"] == ["pytest", "suites/", "-q"]


# shards of pytest


@pytest.fixture
def shop(sandbox):
    """Twelve conversations twice, and two tests of an app, recorded against a server that is gone."""
    sandbox.write({f"fixtures/conversations/shop/c{n}.yaml": said(f"How much is {n}?") for n in range(12)})
    suite = "targets: [small]\nrepeats: 2\nconversations: [shop/*]\nassert: [finish_reason: stop]\n"
    app = "def test_one():\n    pass\n\n\ndef test_two():\n    pass\n"
    sandbox.write({"suites/shop.yaml": suite, "suites/test_shards_app.py": app})
    answer = lambda asked: reply(completion({"content": "Nine."}, model=asked.json["model"]))
    with Scripted([answer]) as server:
        sandbox.write({"replay.toml": target(server.url)})
        sandbox.pytest("--record-mode=once").assert_outcomes(passed=26)
    return sandbox


def said(question):
    return f"messages:\n  - {{role: user, content: {question}}}\n"


def target(url):
    return (
        f'[redaction]\nsalt = "test"\n\n[targets.small]\nprovider = "openai_compatible"\nmodel = "m"\n'
        f'base_url = "{url}/v1"\n'
    )


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["one process", "two workers"])
def test_the_joined_shards_of_pytest_are_the_unsharded_run(shop, workers):
    shop.pytest("--replay-report", "reports/whole").assert_outcomes(passed=26)
    paths, passed = [], 0
    for number in (1, 2):
        paths.append(shop.root / f"reports/{number}")
        done = shop.pytest("--replay-report", str(paths[-1]), f"--replay-shard={number}/2", *workers)
        passed += done.parseoutcomes()["passed"]
        assert runs.read(paths[-1]).header["shard"] == f"{number}/2"
    assert passed == 26
    merged = runs.merge(paths, shop.root / "reports/merged")
    header, *lines = merged.read_bytes().splitlines()
    expected, *expected_lines = (shop.root / "reports/whole/run.jsonl").read_bytes().splitlines()
    assert lines == expected_lines
    own = {"started": None, "command": None}
    assert json.loads(header) | own == json.loads(expected) | own
    cut_short(paths[1])
    (fault,) = runs.read(runs.merge(paths, shop.root / "reports/merged")).header["faults"]
    assert re.search(r"reports/2/run.jsonl: 1 of its \d+ cases have no result; run shard 2/2 again", fault)


def cut_short(folder):
    """Take the last line off a run, as if it had been killed before it."""
    lines = (folder / "run.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "run.jsonl").write_bytes(b"".join(lines[:-1]))


def test_shards_of_pytest_that_were_of_other_cases_are_refused(shop):
    for number, select in ((1, "shop"), (2, "c1")):
        shop.pytest("-k", select, "--replay-report", f"reports/{number}", f"--replay-shard={number}/2")
    with pytest.raises(BadInput, match="other cases or suites"):
        runs.merge([shop.root / "reports/1", shop.root / "reports/2"], shop.root / "reports/merged")


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["one process", "two workers"])
def test_an_empty_shard_is_a_run_without_results_and_no_failure(shop, workers):
    select = ("-k", "shop and c1[", "--replay-report")
    codes = []
    for number in (1, 2):
        done = shop.pytest(*select, f"reports/{number}", f"--replay-shard={number}/2", *workers)
        codes.append(done.ret)
    assert codes == [0, 0]
    merged = runs.merge([shop.root / "reports/1", shop.root / "reports/2"], shop.root / "reports/merged")
    assert told(merged.parent) == [("shop/c1[small]#1", "passed"), ("shop/c1[small]#2", "passed")]
    assert "faults" not in runs.read(merged).header


def test_a_shard_that_is_none_is_refused_before_anything_is_collected(shop):
    command = [sys.executable, "-m", "pytest", "suites/", "--replay-shard=9/8"]
    done = subprocess.run(command, cwd=shop.root, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert '"9/8" is no shard; the second of eight is 2/8' in done.stderr
