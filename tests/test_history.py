"""Trends over runs: what is read of them, where they changed, and what the verb tells."""

import io
import json
import math
import random
import tracemalloc
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import sample_runs
from chat_wire import completion
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scripted import Scripted, reply

from replay import suites
from replay.cli import main
from replay.config import Project
from replay.conversation import Message
from replay.errors import BadInput, NothingToRun
from replay.history import read
from replay.history._chances import fisher, student
from replay.history._series import Amounts, Counts
from replay.history._shifts import shifts
from replay.history._words import sparkline
from replay.runner import Runner, plan
from replay.verdict import Verdict

FIRST = datetime(2026, 1, 5, 6, tzinfo=UTC)
PASSED = (Verdict("contains", "passed"),)
FAILED = (Verdict("contains", "failed", "missing", "expected it"),)


def one(
    name, passed, target=sample_runs.MINI, *, attempt=1, model="small-2026-01-01", total=800.0, said="Hi"
):
    messages = (sample_runs.SYSTEM, sample_runs.user(f"{said} {name}?"))
    turn = sample_runs.turn(messages, Message("assistant", "Yes."), total=total)
    turn = replace(turn, reply=replace(turn.reply, model=model))
    verdicts = PASSED if passed else FAILED
    return sample_runs.result(name, target, [turn], verdicts, attempt=attempt, cost=0.001)


def write(root, number, results, **header):
    at = FIRST + timedelta(days=number)
    path = root / "reports" / f"{at:%Y-%m-%dT%H-%M-%S.000}" / "run.jsonl"
    results = sorted(results, key=lambda result: (result.case.suite, result.case.id))
    return sample_runs.write(path, sample_runs.HEADER | {"started": at.isoformat()} | header, results)


def cases(passed, of, **more):
    return [one(f"support/c{n:02}", n < passed, **more) for n in range(of)]


def trend(root, **options):
    (found,) = read(Project(root), **options).trends
    return found


def told(*arguments, code=0):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        assert main(["history", *arguments]) == code, out.getvalue() + err.getvalue()
    return out.getvalue() + err.getvalue()


# changes of level


def test_a_step_is_found_where_it_is_with_its_levels():
    (found,) = shifts(Amounts([100, 101, 99, 100, 102, 140, 141, 139, 142, 140]))
    assert (found.first, found.earliest, found.latest) == (5, 5, 5)
    assert found.before == pytest.approx(100.4, abs=0.1)
    assert found.after == pytest.approx(140.4, abs=0.1)
    assert found.p < 0.001


def test_up_and_down_again_are_two_changes():
    found = shifts(Counts([19, 20, 20, 19, 20, 20, 9, 8, 10, 9, 8, 9, 20, 19, 20, 20, 19, 20], [20] * 18))
    assert [shift.first for shift in found] == [6, 12]


def test_runs_that_replay_the_same_recordings_need_few_to_show_a_change():
    assert [shift.first for shift in shifts(Amounts([100] * 3 + [140] * 3))] == [3]
    assert shifts(Amounts([100] * 20)) == []


def test_one_odd_run_is_no_change():
    assert shifts(Amounts([100, 101, 100, 99, 300, 100, 101, 99, 100])) == []
    assert shifts(Amounts([100, 101, 100, 99, 300, 290, 101, 99, 100, 101])) == []
    assert shifts(Counts([20, 20, 20, 20, 2, 20, 20, 20, 20], [20] * 9)) == []


def test_a_place_that_cannot_be_told_is_a_range():
    (found,) = shifts(Counts([20, 19, 20, 20, 18, 18, 17, 16, 15, 16, 15, 16], [20] * 12))
    assert found.earliest < found.latest
    assert found.earliest <= found.first <= found.latest


def test_pass_rates_that_scatter_more_than_chance_need_more():
    calm = Counts([47, 48, 47, 48, 47, 40, 41, 40, 41, 40], [50] * 10)
    wild = Counts([50, 30, 49, 31, 50, 29, 50, 30, 31, 28], [50] * 10)
    assert len(shifts(calm)) == 1
    assert shifts(wild) == []


def test_noise_alone_is_rarely_taken_for_a_change():
    draws = random.Random(1)
    alarms = sum(bool(shifts(Amounts([draws.lognormvariate(5, 0.1) for _ in range(20)]))) for _ in range(300))
    alarms += sum(
        bool(shifts(Counts([sum(draws.random() < 0.9 for _ in range(20)) for _ in range(20)], [20] * 20)))
        for _ in range(300)
    )
    assert alarms <= 12  # 1 % of 600 is 6


@given(st.lists(st.floats(0.5, 5000), max_size=30))
def test_what_is_found_is_in_order_and_never_shorter_than_two_runs(values):
    places = [0, *(shift.first for shift in shifts(Amounts(values))), len(values)]
    assert len(places) == 2 or all(after - before >= 2 for before, after in pairwise(places))


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_fishers_test_is_scipys(of, of_after, data):
    passed = data.draw(st.integers(0, of))
    after = data.draw(st.integers(0, of_after))
    table = [[passed, of - passed], [after, of_after - after]]
    tails = (stats.fisher_exact(table, side).pvalue for side in ("less", "greater"))
    assert fisher(passed, of, after, of_after) == pytest.approx(min(1, 2 * min(tails)), rel=1e-6)


@given(st.floats(0, 30), st.integers(1, 60))
def test_students_test_is_scipys(t, freedom):
    assert student(t, freedom) == pytest.approx(2 * stats.t.sf(t, freedom), rel=1e-6, abs=1e-13)


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=40))
def test_a_sparkline_has_a_sign_for_each_run(values):
    line = sparkline(values)
    assert len(line) == (len(values) if any(value is not None for value in values) else 0)


# what is read of runs


def test_a_point_has_rate_tokens_cost_and_latency(tmp_path):
    results = [one(f"c{n}", n < 9, total=100.0 * (n + 1)) for n in range(10)]
    write(tmp_path, 0, results)
    point = trend(tmp_path).points[0].to_json()
    assert (point["passed"], point["judged"], point["conversations"]) == (9, 10, 10)
    assert point["rate"]["value"] == 0.9
    assert point["rate"]["low"] == pytest.approx(0.5958, abs=1e-3)  # Wilson, as in any table
    assert point["rate"]["high"] == pytest.approx(0.9821, abs=1e-3)
    assert (point["tokens"], point["cost"], point["total_cost"]) == (
        450,
        pytest.approx(0.001),
        pytest.approx(0.01),
    )
    assert point["latency"] == pytest.approx(500, rel=0.02)
    assert point["p95"] == pytest.approx(900, rel=0.02)
    assert point["named"]["served model"] == {"small-2026-01-01": 10}


def test_repeats_of_a_conversation_are_no_independent_evidence(tmp_path):
    results = [one(f"c{n}", n < 5, attempt=attempt) for n in range(10) for attempt in (1, 2, 3)]
    write(tmp_path, 0, results)
    point = trend(tmp_path).points[0].to_json()
    assert (point["cases"], point["conversations"], point["judged"]) == (30, 10, 30)
    assert point["rate"]["high"] - point["rate"]["low"] > 0.5  # of 10, not of 30


def test_what_was_not_answered_is_not_judged(tmp_path):
    silent = replace(one("c", True), verdicts=(Verdict("provider", "error", "not_sent"),))
    write(tmp_path, 0, [silent, one("d", True)])
    point = trend(tmp_path).points[0].to_json()
    assert (point["judged"], point["outcomes"]) == (1, {"error": 1, "passed": 1})


def test_a_comparison_counts_for_each_of_its_targets(tmp_path):
    both = [*cases(4, 4), *cases(2, 4, target=sample_runs.EU)]
    write(tmp_path, 0, both, compare={"baseline": "gpt-4o-mini", "candidates": ["prod-eu"]})
    found = read(Project(tmp_path)).trends
    assert [(one.target, one.points[0].said["passed"]) for one in found] == [
        ("gpt-4o-mini", 4),
        ("prod-eu", 2),
    ]


def test_a_change_names_what_changed_there(tmp_path):
    for number in range(12):
        late = number >= 6
        model = "small-2026-02-01" if late else "small-2026-01-01"
        versions = {"replay": "0.2.0" if late else "0.1.0", "python": "3.12.7"}
        said = "Hello" if late else "Hi"
        write(tmp_path, number, cases(14 if late else 20, 20, model=model, said=said), versions=versions)
    (change,) = trend(tmp_path).changes
    assert (change.measure, change.run, change.place) == ("rate", "2026-01-11T06-00-00.000", 6)
    assert (change.before, change.after) == (1.0, 0.7)
    assert change.causes == (
        "served model small-2026-01-01 → small-2026-02-01",
        "the content of fixtures (messages, tools or params)",
        "replay 0.1.0 → 0.2.0",
    )


def test_names_that_come_and_go_explain_nothing(tmp_path):
    for number in range(12):
        model = ("small-a", "small-b")[number % 2]
        write(tmp_path, number, cases(14 if number >= 6 else 20, 20, model=model))
    assert trend(tmp_path).changes[0].causes == ()


def test_other_conversations_are_a_cause(tmp_path):
    for number in range(12):
        write(tmp_path, number, cases(20, 20 if number < 6 else 30))
    (change,) = trend(tmp_path).changes
    assert change.causes == ("other conversations (20 → 30)",)


def termed(results, terms):
    return [replace(one, files=one.files | ({"terms": terms} if terms else {})) for one in results]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("a1", "b2", ("the suite (arguments of assertions, turns, caps or faults)",)),
        ("a1", "a1", ()),
        (None, "b2", ()),  # runs of an older Replay do not say
    ],
)
def test_an_edited_suite_is_a_cause_where_runs_say_how_they_judged(tmp_path, before, after, told):
    for number in range(12):
        late = number >= 6
        write(tmp_path, number, termed(cases(14 if late else 20, 20), after if late else before))
    (change,) = trend(tmp_path).changes
    assert change.causes == told


def test_an_edited_suite_is_not_told_twice_where_its_assertions_have_other_names(tmp_path):
    for number in range(12):
        late = number >= 6
        results = termed(cases(14 if late else 20, 20), "b2" if late else "a1")
        if late:
            other = [tuple(replace(one, assertion="equals") for one in result.verdicts) for result in results]
            results = [replace(one, verdicts=new) for one, new in zip(results, other, strict=True)]
        write(tmp_path, number, results)
    (change,) = trend(tmp_path).changes
    assert change.causes == ("assertion contains → equals",)


def terms_of(tmp_path, suite):
    """The terms of the only case of a suite."""
    for name, text in {
        "replay.toml": '[targets.m]\nprovider = "openai"\nmodel = "m"\n',
        "fixtures/conversations/hi.yaml": "messages: [{role: user, content: Hi}]\n",
        "suites/s.yaml": suite,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    project = Project.find(tmp_path)
    (planned,) = plan(suites.load(tmp_path / "suites/s.yaml", project), project)
    return Runner(project).files(planned)["terms"]


def test_the_terms_of_a_case_change_with_an_argument_and_not_with_a_comment(tmp_path):
    plain = "targets: [m]\nconversations: [hi]\nassert: [{contains: yes-1}]\n"
    terms = terms_of(tmp_path, plain)
    assert terms_of(tmp_path, f"# a comment\n{plain}tags: [daily]\n") == terms
    assert terms_of(tmp_path, plain.replace("yes-1", "yes-2")) != terms
    assert terms_of(tmp_path, f"{plain}faults: [{{cut: 1}}]\n") != terms


def test_runs_of_a_few_cases_and_shards_show_but_are_not_judged(tmp_path):
    for number in range(12):
        few = number in (4, 5, 8, 9)
        write(tmp_path, number, cases(0 if few else 20, 2 if few else 20))
    write(tmp_path, 12, cases(0, 20), shard="1/2")
    found = trend(tmp_path)
    assert [n for n, point in enumerate(found.points) if point.partial] == [4, 5, 8, 9, 12]
    assert found.changes == ()
    assert found.last is found.points[11]


def test_a_suite_that_grew_has_no_partial_runs(tmp_path):
    for number in range(14):
        write(tmp_path, number, cases(5, 5) if number < 7 else cases(40, 40))
    assert not any(point.partial for point in trend(tmp_path).points)


def test_damaged_runs_are_told_and_left_out_each_time(tmp_path):
    write(tmp_path, 0, cases(4, 4))
    cut = write(tmp_path, 1, cases(4, 4))
    cut.write_bytes(cut.read_bytes()[:-40])
    empty = write(tmp_path, 2, [])
    empty.write_text("")
    for _ in range(2):  # the second time from the cache
        found = read(Project(tmp_path))
        assert found.runs == 1
        assert ["is cut" in found.faults[0], "is empty" in found.faults[1]] == [True, True]


def test_hostile_lines_are_no_traceback(tmp_path):
    path = write(tmp_path, 0, cases(4, 4))
    odd = json.loads(path.read_text().splitlines()[1])
    odd["transcript"]["target"], odd["cost"] = [], "much"
    odd["transcript"]["turns"] = [7, {"reply": [], "timing": 3}, {"reply": {"usage": {"prompt_tokens": "x"}}}]
    odd["verdicts"] = [None]
    path.write_text(path.read_text() + json.dumps(odd) + "\n")
    assert {one.target for one in read(Project(tmp_path)).trends} == {"gpt-4o-mini"}


def test_a_run_that_is_written_anew_is_read_anew(tmp_path):
    write(tmp_path, 0, cases(4, 4))
    assert trend(tmp_path).points[0].said["passed"] == 4
    write(tmp_path, 0, cases(13, 15))
    assert trend(tmp_path).points[0].said["passed"] == 13


def test_memory_does_not_grow_with_a_run(tmp_path):
    used = []
    for count in (100, 2000):
        root = tmp_path / str(count)
        write(root, 0, (one(f"c{n:05}", True) for n in range(count)))
        tracemalloc.start()
        read(Project(root))
        used.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert used[1] < 1.3 * used[0] + 200_000


def test_folders_runs_and_files_are_taken_each_run_once(tmp_path):
    run = write(tmp_path, 0, cases(4, 4))
    write(tmp_path, 1, cases(4, 4))
    everything = [run, run.parent, tmp_path / "reports"]
    assert read(Project(tmp_path), everything).runs == 2
    assert read(Project(tmp_path), [run]).runs == 1


def test_suites_targets_and_times_are_chosen(tmp_path):
    for number in range(3):
        write(tmp_path, number, [*cases(4, 4), *cases(4, 4, target=sample_runs.EU)])
    project = Project(tmp_path)
    assert len(read(project).trends) == 2
    assert [one.target for one in read(project, targets=["prod-eu"]).trends] == ["prod-eu"]
    assert read(project, since="2026-01-06").runs == 2
    with pytest.raises(NothingToRun, match="no run is from 1d on"):
        read(project, since="1d")
    for wrong, said in (({"suites": ["suport"]}, 'did you mean "support"'), ({"since": "soon"}, "30d")):
        with pytest.raises(BadInput, match=said):
            read(project, **wrong)


def test_a_damaged_run_is_named_by_its_path_in_the_project(tmp_path):
    write(tmp_path, 0, cases(3, 3))
    (tmp_path / "reports/broken").mkdir()
    (tmp_path / "reports/broken/run.jsonl").write_text('{"repl')
    (fault,) = read(Project(tmp_path)).faults
    assert fault.startswith("reports/broken/run.jsonl:1: error: this is no run")


# the verb


def test_the_verb_shows_each_trend_its_changes_and_their_causes(tmp_path, monkeypatch):
    for number in range(12):
        model = "small-2026-02-01" if number >= 6 else "small-2026-01-01"
        write(tmp_path, number, cases(14 if number >= 6 else 20, 20, model=model))
    monkeypatch.chdir(tmp_path)
    lines = told().splitlines()
    assert lines[1].split()[:5] == ["support", "gpt-4o-mini", "12", "70.0%", "(48–85)"]
    assert "██████▁▁▁▁▁▁" in lines[1]
    assert lines[3:] == [
        "1 change in 12 runs:",
        "  support × gpt-4o-mini:",
        "    2026-01-11: pass rate fell: 100.0% → 70.0% (p < 0.001)",
        "      there: served model small-2026-01-01 → small-2026-02-01",
        str(tmp_path / "reports/history.html"),
    ]
    data = json.loads(told("--json", "--suite", "support"))
    assert data["changes"][0]["at"] == "2026-01-11T06:00:00+00:00"
    assert len(data["trends"][0]["points"]) == 12
    assert math.isclose(data["trends"][0]["points"][-1]["rate"]["value"], 0.7)


def test_without_a_run_it_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "pytest suites/" in told(code=5)
    assert "nowhere" in told("nowhere", code=5)


def test_runs_that_pytest_made_become_a_trend(sandbox):
    question = "messages:\n  - {role: user, content: When?}\n"
    files = {f"fixtures/conversations/shop/{name}.yaml": question for name in ("a", "b")}
    suite = "targets: [small]\nconversations: [shop/*]\nassert: [{contract: off}, {contains: '9'}]\n"
    sandbox.write(files | {"suites/shop.yaml": suite})
    for tokens, model in ((40, "small-1"), (80, "small-2")):
        usage = {"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": tokens + 10}
        answer = completion({"content": "At 9."}, usage=usage, model=model)
        with Scripted([reply(answer)]) as server:
            table = '[targets.small]\nprovider = "openai_compatible"\nmodel = "m"\n'
            sandbox.write({"replay.toml": f'{table}base_url = "{server.url}/v1"\n'})
            sandbox.pytest("--record-mode=all").assert_outcomes(passed=2)
        for _ in range(2):
            sandbox.pytest().assert_outcomes(passed=2)
    data = json.loads(told("--json"))
    (found,) = [change for change in data["changes"] if change["measure"] == "tokens"]
    assert (round(found["before"]), round(found["after"]), found["place"]) == (50, 90, 3)
    assert "served model small-1 → small-2" in found["causes"]
