"""A run on disk: written while it goes on, cut by a kill, resumed, read and joined."""

import json
import signal
import subprocess
import sys
import time

import pytest

from replay import runs
from replay.conversation import Conversation
from replay.errors import BadInput, StorageError
from replay.run import Case, Result
from replay.runs import RunWriter
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
