"""What a run of a comparison says: counts, findings, the decision; from results alone."""

import json
import tracemalloc
from contextlib import suppress
from dataclasses import replace

import pytest

from replay.compare import compare
from replay.compare._attempts import attempt_of
from replay.compare._question import Question
from replay.compare._watch import Watch, watched
from replay.conversation import Conversation, Message
from replay.errors import BadInput
from replay.report.summary import Collector
from replay.run import Case, Result, Run
from replay.runs import read
from replay.turn import ApiError, Reply, Request, Target, Timing, Transcript, Turn, Usage
from replay.verdict import Verdict

ASKED = (Message("user", "Well?"),)


def result(conversation, target, attempt=1, passed=True, said="yes", error=None, **verdicts):
    """One result; `verdicts` name assertions and whether they passed (None: could not be judged)."""
    reply = Reply(
        Message("assistant", said),
        "stop",
        usage=Usage(10, 5, 15),
        model=target,
        extra={"system_fingerprint": "f"},
    )
    turn = Turn(Request("m", ASKED), None if error else reply, error, Timing(10.0, 100.0))
    status = {True: "passed", False: "failed", None: "error"}
    judged = tuple(
        Verdict(name, status[one], "kind") for name, one in ({"contains": passed} | verdicts).items()
    )
    transcript = Transcript(Conversation(conversation, ASKED), Target(target, "openai", "m"), (turn,))
    return Result(
        Case(conversation, target, attempt, "s"), transcript, judged, 0.001, {"suite": "suites/s.yaml"}
    )


def run(tmp_path, results, question=None):
    question = question or Question("old", ("new",), margin=0.2)
    header = {"compare": question.to_json(), "mode": "none"}
    ordered = sorted(results, key=lambda one: (one.case.suite, one.case.id))
    path = tmp_path / "run.jsonl"
    path.write_text("".join(Run(header, ordered).lines()))
    return path


def both(count, **new):
    for number in range(count):
        yield result(f"c{number}", "old")
        yield result(f"c{number}", "new", **new)


def only(found, name="overall"):
    return next(one for one in found.versus[0].judged if one.assertion == name)


def test_conversations_are_paired_and_counted(tmp_path):
    results = [
        *both(10),
        *(result("lost", "old"), result("lost", "new", passed=False)),
        *(result("won", "old", passed=False), result("won", "new")),
        *(result("neither", "old", passed=False), result("neither", "new", passed=False)),
        result("unpaired", "old"),
    ]
    found = compare(run(tmp_path, results))
    assert only(found).table == (10, 1, 1, 1)
    assert only(found).baseline.attempts == only(found).candidate.attempts == 13
    assert found.versus[0].changed == {"same": 11, "lost": 1, "won": 1}
    assert found.served["new"].models == {"new": 13}


def test_every_assertion_is_judged_for_itself_and_all_of_them_together(tmp_path):
    results = [one for n in range(20) for one in (
        result(f"c{n}", "old", stop=True), result(f"c{n}", "new", stop=n % 2 == 0))]  # fmt: skip
    found = compare(run(tmp_path, results))
    assert [(one.assertion, one.finding) for one in found.versus[0].judged] == [
        ("overall", "worse"),
        ("contains", "not worse"),
        ("stop", "worse"),
    ]
    assert found.versus[0].decision == "do not switch"


def test_what_more_it_takes_reckons_with_the_other_claims(tmp_path):
    def lost(count):
        old = [result(f"c{n}", "old", stop=True) for n in range(count)]
        new = [result(f"c{n}", "new", passed=False, stop=False) for n in range(count)]
        return compare(run(tmp_path, old + new)).versus[0]

    few = lost(6)  # 2 / 64 for each of three claims
    assert {one.finding for one in few.judged} == {"undecided"}
    (more,) = {one.needed.conversations for one in few.judged}
    assert more > 0
    assert {one.finding for one in lost(6 + more).judged} == {"worse"}


def test_an_assertion_without_a_margin_of_its_own_need_not_be_shown(tmp_path):
    rare = [result("rare", "old", rare=True), result("rare", "new", rare=True)]
    results = [*both(40), *rare]
    assert compare(run(tmp_path, results)).versus[0].decision == "switch"
    strict = Question("old", ("new",), margin=0.2, margins={"rare": 0.2})
    found = compare(run(tmp_path, results, strict)).versus[0]
    assert found.decision == "undecided"
    assert found.reasons[0].startswith("rare: ")


def test_an_attempt_whose_provider_gave_nothing_is_missing_and_one_the_model_refused_has_failed(tmp_path):
    busy, bad = ApiError("overloaded", 529), ApiError("invalid_request", 400)
    results = [*both(10), result("b", "old"), result("b", "new", passed=None, error=busy)]
    results += [result("r", "old"), result("r", "new", passed=None, error=bad)]
    found = only(compare(run(tmp_path, results)))
    assert found.candidate.missing == 1
    assert found.table == (10, 1, 0, 0)


def test_an_assertion_that_crashed_has_judged_nothing(tmp_path):
    results = [*both(3), result("c", "old"), result("c", "new", extra=None)]
    found = compare(run(tmp_path, results))
    assert only(found).candidate.missing == 1
    assert only(found, "contains").candidate.missing == 0


def test_many_attempts_without_an_answer_decide_nothing(tmp_path):
    down = ApiError("server", 500)
    results = [*both(20), *(result(f"d{n}", t, passed=t == "old" or None, error=None if t == "old" else down)
                            for n in range(5) for t in ("old", "new"))]  # fmt: skip
    found = compare(run(tmp_path, results)).versus[0]
    assert found.decision == "undecided"
    assert "5 of 25 attempts of the candidate gave nothing to judge" in found.reasons[0]


def test_a_page_of_a_gateway_says_nothing_of_the_model_and_an_empty_reply_does(tmp_path):
    page, empty = ApiError("bad_response", 200, "not JSON", code="not_json"), ApiError("bad_response", 200)
    results = [*both(10), result("p", "old"), result("p", "new", passed=None, error=page)]
    results += [result("e", "old"), result("e", "new", passed=None, error=empty)]
    found = only(compare(run(tmp_path, results)))
    assert (found.candidate.missing, found.candidate.attempts, found.candidate.passed) == (1, 11, 10)


def test_on_a_baseline_that_is_nothing_to_measure_by_no_more_evidence_is_planned(tmp_path):
    results = [one for n in range(20) for one in (
        result(f"c{n}", "old", passed=n < 5), result(f"c{n}", "new", passed=n < 6))]  # fmt: skip
    (versus,) = compare(run(tmp_path, results)).versus
    assert "mend the assertion or the baseline first" in versus.reasons[0]
    assert [one.needed for one in versus.judged] == [None, None]


def test_why_there_are_no_tokens_is_told(tmp_path):
    results = list(both(3))
    silent = [replace(one.transcript.turns[0].reply, usage=None) for one in results]
    turns = [
        (replace(one.transcript.turns[0], reply=reply),) for one, reply in zip(results, silent, strict=True)
    ]
    results = [
        replace(one, transcript=replace(one.transcript, turns=turn)) if one.case.target == "new" else one
        for one, turn in zip(results, turns, strict=True)
    ]
    (note,) = compare(run(tmp_path, results)).notes
    assert note.startswith("new: 3 of 3 attempts came without usage; their tokens and cost are not known")


def test_a_difference_within_the_noise_of_the_baseline_is_no_regression():
    from replay.compare._judge import _told
    from replay.stats import Difference, Interval

    apart = Difference(Interval(-0.03, -0.05, -0.01), 0.001, "test")
    assert _told("worse", apart, 0.02, 0.04)[0] == "undecided"
    assert _told("worse", apart, 0.02, 0.01)[0] == "worse"
    assert _told("worse", apart, 0.02, None)[0] == "worse"


def test_an_assertion_that_never_differs_costs_the_others_nothing(tmp_path):
    results = [*both(14), *(one for n in range(7) for one in (
        result(f"x{n}", "old", fine=True), result(f"x{n}", "new", passed=False, fine=True)))]  # fmt: skip
    results = [*results, *(result("c14", t, **{f"a{n}": True for n in range(9)}) for t in ("old", "new"))]
    found = compare(run(tmp_path, results))
    assert only(found).p == pytest.approx(2 * 2 / 2**7)  # of two that differ: overall and contains
    assert only(found).finding == "worse"


def test_replies_that_differ_are_changes_even_where_both_pass(tmp_path):
    results = [*both(3), result("x", "old", said="yes"), result("x", "new", said="indeed")]
    (change,) = compare(run(tmp_path, results)).versus[0].changes
    assert (change.kind, change.conversation) == ("changed", "x")
    assert (change.baseline_case, change.candidate_case) == ("x[old]#1", "x[new]#1")


def test_an_example_of_a_change_is_an_attempt_that_shows_it(tmp_path):
    results = [result("x", "old", n) for n in (1, 2, 3)]
    results += [result("x", "new", n, passed=n == 1) for n in (1, 2, 3)]
    (change,) = compare(run(tmp_path, results)).versus[0].changes
    assert (change.kind, change.passed, change.candidate_case) == ("lost", (3, 1), "x[new]#2")


def test_a_case_that_was_asked_again_counts_once(tmp_path):
    path = run(tmp_path, [*both(3)])
    lines = path.read_text().splitlines(keepends=True)
    again = json.loads(lines[-1]) | {"verdicts": [], "outcome": "error"}
    path.write_text("".join([*lines[:-1], json.dumps(again) + "\n", lines[-1]]))
    assert only(compare(path)).candidate.attempts == 3


def test_what_is_no_comparison_or_out_of_order_is_refused(tmp_path):
    path = run(tmp_path, [*both(3)])
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], *reversed(lines[1:])]))
    with pytest.raises(BadInput, match="not in the order of its cases; type: replay merge"):
        compare(path)
    path.write_text('{"replay": 1}\n')
    with pytest.raises(BadInput, match="compares nothing"):
        compare(path)


def test_looking_while_it_comes_in_stays_decided_and_is_the_same_from_the_run(tmp_path):
    question = Question("old", ("new",), margin=0.2, until=True, family=("overall", "contains"))
    results = [*both(60, passed=False)]
    groups = [{"old": [attempt_of(a.to_json())], "new": [attempt_of(b.to_json())]}
              for a, b in zip(results[::2], results[1::2], strict=True)]  # fmt: skip
    watch = Watch(question, "new")
    looks = 0
    for group in groups:
        if watch.decided:
            break
        watch.add(group)
        looks += 1
    assert watch.found["overall"] == "worse"
    assert 5 < looks < 30
    assert watched(groups, question)["new"].found["overall"] == "worse"
    found = compare(run(tmp_path, results, question))
    assert only(found).finding == "worse"


def test_memory_does_not_grow_with_conversations(tmp_path):
    def peak(count):
        path = run(tmp_path, both(count))
        tracemalloc.start()
        compare(path)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(10)
    assert peak(1500) < 1.3 * peak(300)


def test_a_question_is_read_back_as_it_was_written():
    question = Question("old", ("new", "other"), 3, 0.02, {"stop": 0.1}, until=True, family=("overall",))
    assert Question.from_json(json.loads(json.dumps(question.to_json()))) == question
    with pytest.raises(BadInput, match="no comparison that this Replay reads"):
        Question.from_json({"baseline": "old"})


def inner(value, path=()):
    """Every place in JSON, as the keys that lead to it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from inner(item, (*path, key))


@pytest.mark.parametrize("odd", [None, 7, "x", [7], {"a": 1}], ids=repr)
def test_a_result_of_any_shape_is_counted_or_left_out(tmp_path, odd):
    path = run(tmp_path, both(3))
    header, first, *rest = path.read_text().splitlines(keepends=True)
    for place in inner(json.loads(first)):
        data = held = json.loads(first)
        for key in place[:-1]:
            held = held[key]
        held[place[-1]] = odd
        path.write_text("".join([header, json.dumps(data) + "\n", *rest]))
        collector = Collector()
        for line in read(path).results:
            collector.add(line)
        assert sum(collector.summary("run", {}).counts.values()) in (5, 6)
        with suppress(BadInput):  # its place in the order of cases may be another one now
            assert compare(path).versus[0].conversations in (2, 3)


@pytest.mark.parametrize("kind", ["cut", "stream_error", "not_found", "server"])
def test_what_the_network_or_a_missing_model_did_is_no_failure_of_the_candidate(tmp_path, kind):
    gone = ApiError(kind, 404, "The model `nwe` does not exist")
    results = [result(f"c{n}", target) for n in range(20) for target in ("old",)]
    results += [result(f"c{n}", "new", passed=False, error=gone) for n in range(20)]
    found = compare(run(tmp_path, results))
    assert found.versus[0].decision == "undecided"
    assert found.versus[0].changed == {"same": 20}
    (latency,) = [one for one in found.versus[0].amounts if one.name == "latency"]
    assert latency.candidate.count == 0
    assert found.notes == (
        f"new: 20 of 20 attempts had errors: 20 × {kind} (404), The model `nwe` does not exist",
    )


def test_errors_are_counted_by_kind_with_the_first_message_of_each(tmp_path):
    errors = [ApiError("timeout"), ApiError("server", 503, "busy " * 99), ApiError("server", 503, "later")]
    results = [*both(9), *(result(f"e{n}", "old", error=error) for n, error in enumerate(errors))]
    (note,) = compare(run(tmp_path, results)).notes
    assert note.startswith("old: 3 of 12 attempts had errors: 2 × server (503), busy busy")
    assert note.endswith("…; 1 × timeout")
