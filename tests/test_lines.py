"""Conversations as JSON Lines: named, read, planned, played and refused by the line."""

import gzip
import json
import os
import pickle
import tracemalloc

import pytest
from chat_wire import completion
from scripted import Scripted, reply

from replay import cache, fixtures, runner, suites
from replay.config import Project
from replay.errors import BadInput, NothingToRun
from replay.fixtures import Line
from replay.runs import Shard
from replay.turn import Target

SUITE = "targets: [small]\nconversations: [bulk/*]\nassert: [{finish_reason: stop}]\n"


@pytest.fixture
def project(tmp_path):
    found = Project(tmp_path, {"small": Target("small", "openai_compatible", "m")})
    found.conversations.mkdir(parents=True)
    found.suites.mkdir()
    return found


def said(text="Hi", **fields):
    return {"messages": [{"role": "user", "content": text}], **fields}


def put(project, *lines, name="bulk.jsonl"):
    """Write lines (text, bytes or data) into a JSON Lines file."""
    path = project.conversations / name
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = [line if isinstance(line, str | bytes) else json.dumps(line) for line in lines]
    content = b"\n".join(text.encode() if isinstance(text, str) else text for text in texts) + b"\n"
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def load(project, name):
    return fixtures.load(fixtures.find(name, project), project)


def planned(project, text=SUITE):
    path = project.suites / "s.yaml"
    path.write_text(text)
    return runner.plan(suites.load(path, project), project)


def refusal(project, text=SUITE):
    with pytest.raises(BadInput) as caught:
        planned(project, text)
    return [str(fault) for fault in caught.value.faults]


# names


def test_a_line_is_called_by_its_name_or_its_number(project):
    put(project, said("one"), said("two", name="b"), said("three", name="shop/c"), said("four"))
    assert fixtures.names(project) == ["bulk/1", "bulk/4", "bulk/b", "bulk/shop/c"]
    assert [load(project, f"bulk/{name}").messages[0].text for name in ("1", "b", "shop/c", "4")] == [
        "one",
        "two",
        "three",
        "four",
    ]
    assert load(project, "bulk/b").name == "bulk/b"


def test_globs_name_lines_as_they_name_files(project):
    put(project, said(name="a"), said(name="sub/b"), name="x/bulk.jsonl")
    put(project, said(), name="top.jsonl")
    put(project, json.dumps(said()), name="x/file.json")
    every = ["top/1", "x/bulk/a", "x/bulk/sub/b", "x/file"]
    assert fixtures.names(project) == every
    assert fixtures.names(project, "*") == []
    assert fixtures.names(project, "x/*") == ["x/file"]
    assert fixtures.names(project, "x/**") == every[1:]
    assert fixtures.names(project, "x/bulk/*") == ["x/bulk/a"]
    assert fixtures.names(project, "x/bulk/**") == every[1:3]
    assert fixtures.names(project, "x/b*/?") == ["x/bulk/a"]
    assert fixtures.names(project, "x/bulk/a") == ["x/bulk/a"]
    assert fixtures.names(project, "x/bulk/b") == []
    assert fixtures.names(project, "x/../top/*") == []


@pytest.mark.parametrize("name", ["bulk.jsonl", "bulk.jsonl.gz"])
@pytest.mark.parametrize(
    ("mark", "end"), [(b"", b"\n"), (b"\xef\xbb\xbf", b"\n"), (b"", b"\r\n"), (b"\xef\xbb\xbf", b"\r\n\r\n")]
)
def test_lines_may_end_as_on_any_system_and_be_packed(project, name, mark, end):
    texts = [json.dumps(said(text)).encode() for text in ("one", "zwei ü \\ud83d\\ude00", "three")]
    content = mark + end.join(texts)
    (project.conversations / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    step = len(end.splitlines())
    read = [load(project, f"bulk/{number}") for number in (1, 1 + step, 1 + 2 * step)]
    assert [one.messages[0].text for one in read] == ["one", "zwei ü \\ud83d\\ude00", "three"]
    assert len(fixtures.names(project)) == 3


def test_a_file_without_a_line_names_nothing(project):
    put(project, "", "  ", "\t\r")
    with pytest.raises(NothingToRun, match=r's\.yaml:2:17: error: "bulk/\*" names no conversation'):
        planned(project)


def test_a_line_is_read_from_its_place_and_hundreds_of_others_are_not(project, monkeypatch):
    path = put(project, *(said(f"number {number}") for number in range(1, 501)))
    line = fixtures.find("bulk/321", project)
    assert isinstance(line, Line)
    read = []
    monkeypatch.setattr(os, "pread", lambda *args, real=os.pread: read.append(args[1:]) or real(*args))
    assert fixtures.load(line, project).messages[0].text == "number 321"
    assert read == [(line.length, line.start)]
    assert (
        path.read_bytes()[line.start : line.start + line.length]
        == line.read("")
        == b"%b\n" % (json.dumps(said("number 321")).encode())
    )
    assert pickle.loads(pickle.dumps(line)) == line, "an engine may send it to another machine"


def test_a_line_of_five_megabytes_is_read(project):
    put(project, said("x" * 5_000_000, name="long"), said("short"))
    assert len(load(project, "bulk/long").messages[0].text) == 5_000_000
    assert load(project, "bulk/2").messages[0].text == "short"


def test_a_line_too_long_is_refused_and_the_next_one_read(project, monkeypatch):
    monkeypatch.setattr("replay.fixtures._lines.MAX_BYTES", 1000)
    put(project, said("x" * 3000), said("short"))
    assert refusal(project) == [
        "fixtures/conversations/bulk.jsonl:1: error: this line is longer than 1,000 bytes"
    ]
    assert load(project, "bulk/2").messages[0].text == "short"


# what is wrong


@pytest.mark.parametrize(
    ("line", "place", "what"),
    [
        ('{"messages": [}', "2:15", "this line is not JSON"),
        ("messages: [{role: user, content: x}]", "2:1", "this line is not JSON"),
        (b'{"messages": "\xff"}', "2:15", "byte 0xff at offset 14 is not UTF-8"),
        ('{"messages": [], "messages": []}', "2", 'this line is not read: key "messages" is given twice'),
        (
            json.dumps(said(params={"temperature": float("nan")})),
            "2",
            "this line is not read: NaN is not JSON",
        ),
        (
            json.dumps(said(source={"a": 1})).replace("1", "[" * 200 + "]" * 200),
            "2",
            "nested more than 100 deep",
        ),
        ("[" * 100_000, "2", "this line is not read: nested too deeply"),
        ("[1]", "2:1", "expected a mapping with `messages`"),
        ('{"name": "x"}', "2:1", "expected a mapping with `messages`"),
        ('{"messages": [{"role": "usr", "content": "x"}]}', "2:24", 'role "usr"'),
        ('{"messages": [{"role": "usr", "content": "\\/"}]}', "2:24", 'role "usr"'),
        (json.dumps(said(source={"x" * 2000: 1}, tools=1)), "2:1", "tools must be a list"),
        (json.dumps(said(temperature=1)), "2:", "temperature belongs under `params`"),
        (json.dumps(said(nmae="x")), "2:", 'a conversation has no "nmae"; did you mean "name"?'),
        (json.dumps(said(name=["x"])), "2:", "name must be text, not a list"),
        (json.dumps(said(name="a/../b")), "2:", 'the name cannot be ".."; rename it'),
        (json.dumps(said(name="")), "2:", 'the name cannot be ""'),
        (json.dumps(said("\ud800")), "2:", "half a surrogate pair"),
    ],
)
def test_what_is_wrong_with_a_line_is_told_at_its_place(project, line, place, what):
    put(project, said(), line, said())
    (fault,) = refusal(project)
    assert fault.startswith(f"fixtures/conversations/bulk.jsonl:{place}")
    assert what in fault


def test_a_yaml_fixture_has_no_name_of_its_own(project):
    (project.conversations / "x.yaml").write_text("name: y\nmessages: [{role: user, content: Hi}]\n")
    with pytest.raises(BadInput, match='a conversation has no "name"'):
        load(project, "x")


def test_all_faults_of_all_lines_come_at_once_and_twenty_are_shown(project):
    put(project, *("{oops" for _ in range(1500)))
    with pytest.raises(BadInput) as caught:
        planned(project)
    assert len(caught.value.faults) == 1500
    shown = str(caught.value).splitlines()
    assert shown[0].startswith("fixtures/conversations/bulk.jsonl:1:2: error: this line is not JSON")
    assert shown[20:] == ["fixtures/conversations/bulk.jsonl: and 1480 more"]


def test_a_name_given_twice_is_refused_at_the_second_line(project):
    put(project, said(name="a"), said(), said(name="a"), said(name="2"))
    assert refusal(project) == [
        'fixtures/conversations/bulk.jsonl:3: error: "a" is the name of line 1 too; rename one',
        'fixtures/conversations/bulk.jsonl:4: error: "2" is the name of line 2 too; rename one',
    ]


def test_a_file_and_a_line_of_one_name_are_both_named(project):
    put(project, said(name="a"), said(name="b"))
    put(project, said(), name="bulk/b.json")
    put(project, said(name="c"), name="bulk.jsonl.gz")
    assert fixtures.names(project) == ["bulk/a", "bulk/b", "bulk/c"]
    assert refusal(project) == [
        (
            'fixtures/conversations/bulk.jsonl:2: error: is the conversation "bulk/b", '
            "as is fixtures/conversations/bulk/b.json; rename one"
        )
    ]


def test_names_that_are_one_file_on_many_disks_are_refused(project):
    put(project, said(name="Straße"), said(name="STRASSE"))
    found = suites_of(project)
    with pytest.raises(BadInput, match='"bulk/STRASSE" and "bulk/Straße" are one file name on many disks'):
        runner.check(found, project)
    assert [fault.message for fault in runner.clashes(planned(project))] == [
        'conversations "bulk/STRASSE" and "bulk/Straße" are one file name on many disks; rename one'
    ]


@pytest.mark.parametrize(
    "content", [b"no gzip", gzip.compress(b"{}" * 999)[:-9], gzip.compress(b"{}")[:12] + b"\xff\xff"]
)
def test_a_damaged_packed_file_is_refused(project, content):
    (project.conversations / "bulk.jsonl.gz").write_bytes(content)
    (fault,) = refusal(project)
    assert fault.startswith("fixtures/conversations/bulk.jsonl.gz: error: ")


def test_a_file_named_as_a_conversation_gets_an_answer(project):
    put(project, said())
    (fault,) = refusal(project, SUITE.replace("bulk/*", "bulk.jsonl"))
    assert fault.endswith('no conversation is called "bulk.jsonl"; its lines are called "bulk/*"')
    (fault,) = refusal(project, SUITE.replace("bulk/*", "bulk/one"))
    assert fault.endswith('no conversation is called "bulk/one"; did you mean "bulk/1"?')


def test_a_whole_file_is_not_taken_for_one_conversation(project):
    with pytest.raises(BadInput, match=r"bulk\.jsonl: error: holds a conversation in each line; name one"):
        fixtures.load(put(project, said()), project)


def test_a_line_that_was_changed_is_not_taken_for_the_old_one(project):
    put(project, said("x" * 9, name="a"), said(name="b"))
    line = fixtures.find("bulk/a", project)
    put(project, said("x" * 9, name="c"), said(name="b"))
    with pytest.raises(BadInput, match=r"bulk\.jsonl:1:1: error: this line was another when the run began"):
        fixtures.load(line, project)
    assert load(project, "bulk/c").messages


# suites


def suites_of(project, text=SUITE):
    path = project.suites / "s.yaml"
    path.write_text(text)
    return [suites.load(path, project)]


def test_a_case_can_name_one_line(project):
    put(project, *(said(name=f"c{number}") for number in range(4)))
    one = "{conversation: bulk/c2, play: every_turn, tags: [odd]}"
    text = f"{SUITE}cases: [{one}, {{conversation: bulk/c*, repeats: 2}}]\n"
    (suite,) = suites_of(project, text)
    assert [(one.conversation, one.play, one.tags, one.repeats, one.line) for one in suite.entries] == [
        ("bulk/c0", "next_turn", (), 2, 4),
        ("bulk/c1", "next_turn", (), 2, 4),
        ("bulk/c2", "every_turn", ("odd",), 2, 4),
        ("bulk/c3", "next_turn", (), 2, 4),
    ]
    assert suite.entries == suite.entries


def test_a_line_named_twice_is_one_case(project):
    put(project, *(said(name=name) for name in "abc"))
    text = SUITE.replace("[bulk/*]", "[bulk/b, bulk/?, bulk/**]")
    assert [one.case.conversation for one in planned(project, text)] == ["bulk/b", "bulk/a", "bulk/c"]


def test_cases_come_in_rounds_as_the_plan_has_them(project):
    put(project, *(said(tags=[f"t{number}"]) for number in range(30)))
    (suite,) = suites_of(project, SUITE + "repeats: 2\n")
    everything = runner.plan(suite, project)
    assert list(runner.cases(suite, project)) == everything
    rounds = [one for attempt in (1, 2) for one in runner.cases(suite, project, ["small"], [attempt])]
    assert sorted(rounds, key=lambda one: one.case.id) == sorted(everything, key=lambda one: one.case.id)
    shards = [Shard(number, 3) for number in (1, 2, 3)]
    parts = [list(runner.cases(suite, project, shard=shard)) for shard in shards]
    assert sorted(one.case.id for part in parts for one in part) == sorted(one.case.id for one in everything)
    assert sum(runner.check([suite], project, shard=shard) for shard in shards) == 30


def test_the_check_of_a_shard_reads_only_its_own_lines(project):
    put(project, *(said() if number % 7 else "{oops" for number in range(1, 50)))
    (suite,) = suites_of(project)
    faults = 0
    for number in (1, 2, 3):
        with pytest.raises(BadInput) as caught:
            runner.check([suite], project, shard=Shard(number, 3))
        faults += len(caught.value.faults)
    assert faults == 7


def test_a_line_that_became_bad_is_still_a_case_and_says_so(project):
    put(project, said(name="a"), said(name="b"))
    (suite,) = suites_of(project)
    assert runner.check([suite], project) == 2
    going = runner.cases(suite, project)
    ahead = next(going)
    put(project, said(name="b"))
    results = [runner.Runner(project).run(one) for one in (ahead, *going)]
    assert [one.case.conversation for one in results] == ["bulk/a", "bulk/b"]
    said_of = [one.verdicts[0].message for one in results]
    assert ["was another when the run began" in message for message in said_of] == [True, False]


def test_what_is_planned_ten_times_over_takes_no_more_memory(project):
    def peak(count):
        put(project, *(said("x" * 500) for _ in range(count)))
        (suite,) = suites_of(project)
        runner.check([suite], project)
        tracemalloc.start()
        assert sum(1 for _ in runner.cases(suite, project)) == count
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(3000) < 1.2 * peak(300) + 20_000


# the whole way


def test_lines_are_recorded_replayed_and_reported_as_files_are(sandbox):
    lines = "".join(
        json.dumps(said(f"How much is {number}?", name=f"c{number}")) + "\n" for number in range(5)
    )
    sandbox.write({"fixtures/conversations/bulk.jsonl": lines, "suites/s.yaml": SUITE})
    answer = lambda asked: reply(completion({"content": "Nine."}, model=asked.json["model"]))
    with Scripted([answer]) as server:
        table = (
            f'[targets.small]\nprovider = "openai_compatible"\nmodel = "m"\nbase_url = "{server.url}/v1"\n'
        )
        sandbox.write({"replay.toml": f'{table}\n[redaction]\nsalt = "test"\n'})
        sandbox.pytest("--record-mode=once").assert_outcomes(passed=5)
    assert (sandbox.root / "fixtures/cassettes/bulk/c3/small.yaml").exists()
    sandbox.pytest("-n", "2").assert_outcomes(passed=5)
    _, results = sandbox.run()
    assert [one["case"]["id"] for one in results] == [f"bulk/c{number}[small]#1" for number in range(5)]
    assert results[3]["files"]["conversation"] == "fixtures/conversations/bulk.jsonl:4"
    assert "c3" in sandbox.page()
    translated = sandbox.replay("translate", "bulk/c3", "--to", "anthropic")
    assert "How much is 3?" in translated.stdout.str()


def test_replies_to_lines_are_accepted_as_baselines(sandbox):
    test_lines_are_recorded_replayed_and_reported_as_files_are(sandbox)
    sandbox.write({"suites/s.yaml": SUITE.replace("{finish_reason: stop}", "baseline")})
    sandbox.pytest().assert_outcomes(failed=5)
    assert sandbox.replay("accept", "--yes").ret == 0
    sandbox.pytest().assert_outcomes(passed=5)
    (sandbox.root / "fixtures/conversations/bulk.jsonl").write_text(json.dumps(said(name="c3")) + "\n")
    done = sandbox.replay("accept", "--accept=unused", "--yes", "--json")
    assert json.loads(done.stdout.str())["changes"] == 4


@pytest.mark.parametrize("most", [3, 1000])
def test_what_was_found_clean_is_known_again_however_much_it_is(tmp_path, monkeypatch, most):
    monkeypatch.setattr(cache, "_HELD", most)
    root = str(tmp_path)
    entries = [cache.Cached(root, f"clean/{number}", b"x", ("cassette",)) for number in range(450)]
    assert not entries[0].get()
    for entry in entries:
        entry.put(True)
    assert all(entry.get() for entry in entries)
    cache._store(root, os.getpid()).flush()
    again = cache._Store(tmp_path / ".replay")
    assert again.get("clean/0") == again.get("clean/449") is not None
    assert again.get("clean/450") is None
