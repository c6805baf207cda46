"""Baselines: what a person has accepted, how a reply differs from it, and how it is accepted."""

from dataclasses import replace

import pytest
from transcripts import call, failed, says, transcript

from replay import baselines
from replay.assertions import bind, build, judge
from replay.baselines import Baseline
from replay.config import Project
from replay.errors import BadInput, StorageError
from replay.run import Case, Result

NO_CI = {"CI": ""}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    return Project(tmp_path)


def judged(project, played, argument=None):
    return judge([bind(build("baseline", argument), project)], played)


def result(project, played, attempt=1, argument=None):
    case = Case(played.conversation.name, played.target.name, attempt)
    return Result(case, played, judged(project, played, argument))


def accept(project, *played, **options):
    results = [result(project, one, attempt) for attempt, one in enumerate(played, 1)]
    return baselines.accept(project, results, **options)


def test_nothing_accepted_yet_is_new_and_says_what_to_type(project):  # bad input 104
    (verdict,) = judged(project, transcript(says()))
    assert (verdict.status, verdict.kind) == ("failed", "new")
    assert (
        verdict.message
        == "nothing is accepted yet of support/refund with t; look at the reply, then: replay accept"
    )
    assert not (project.root / "fixtures").exists()  # a run never writes one


def test_what_was_accepted_passes_and_the_file_is_one_a_person_can_read(project):
    played = transcript(says("Two\nlines", call(arguments={"id": "A"}), finish="stop"))
    (path,) = accept(project, played)
    assert path == project.baselines / "support/refund/t.yaml"
    text = path.read_text()
    assert text.startswith(
        "# yaml-language-server: $schema=../../../../fixtures/.schemas/baseline.json\n"
        "conversation: support/refund\ntarget: t\nvariants:\n  - turns:\n      - content: |-\n"
    )
    assert "{name: lookup, arguments: {id: A}}" in text
    assert text.endswith("finish_reason: stop\n")
    assert [v.status for v in judged(project, played)] == ["passed"]


def test_ids_usage_times_and_the_spelling_of_arguments_are_no_difference(project):
    accept(project, transcript(says(None, call(arguments='{"id":"A","limit":1}'))))
    again = says(None, call(arguments='{"limit": 1.0, "id": "A"}', call_id="other"), usage=None, model="x")
    assert [v.status for v in judged(project, transcript(again))] == ["passed"]


def test_what_only_its_wire_can_say_is_no_difference(project):
    def thinks(key):
        return {"type": "native", "openai_responses": {"item": {"type": "reasoning", "id": key}}}

    accept(project, transcript(says([thinks("rs_1"), {"type": "text", "text": "Done."}])))
    for same in ([thinks("rs_2"), {"type": "text", "text": "Done."}], "Done."):
        assert [v.status for v in judged(project, transcript(says(same)))] == ["passed"]
    other = transcript(says([thinks("rs_1"), {"type": "text", "text": "Not yet."}]))
    assert [v.kind for v in judged(project, other)] == ["changed"]


def test_parallel_calls_may_come_in_another_order(project):
    one, two = call("a", {"x": 1}), call("b", {"x": 2}, "call_2")
    accept(project, transcript(says(None, one, two)))
    assert [v.status for v in judged(project, transcript(says(None, two, one)))] == ["passed"]


def test_a_change_is_shown_as_a_diff(project):
    accept(project, transcript(says("Your refund is on its way.", call(arguments={"id": "A"}))))
    other = says(
        "Your order is on its way.", call(arguments={"id": "B"}), call("refund", {}, "call_2"), finish="stop"
    )
    (verdict,) = judged(project, transcript(other))
    assert verdict.kind == "changed"
    assert verdict.diff.splitlines() == [
        "~ content: Your [-refund-]{+order+} is on its way.",
        "~ finish_reason: [-tool_calls-]{+stop+}",
        "~ tool_calls[0].arguments.id: [-A-]{+B+}",
        '+ tool_calls[1]: {"name": "refund", "arguments": {}}',
    ]
    assert verdict.message.startswith("the reply is not as accepted: content differs")
    assert "and 3 more; if it is good: replay accept" in verdict.message


def test_turns_that_came_or_are_gone(project):
    accept(project, transcript(says("a"), says("b")))
    (verdict,) = judged(project, transcript(says("a")))
    assert "turns[1] removed" in verdict.message
    (verdict,) = judged(project, transcript(says("a"), says("c"), says("d")))
    assert verdict.diff.splitlines()[0] == "~ turns[1].content: [-b-]{+c+}"
    assert "+ turns[2]: " in verdict.diff


def test_what_may_differ(project):
    accept(project, transcript(says('{"n": 1.0, "at": 5}', call(arguments={"id": "A"}))))
    came = transcript(says('{"at": 6, "n": 1.01}', call(arguments={"id": "B"})))
    argument = {"ignore": ["content.at", "tool_calls[*].arguments.id"], "tolerance": 0.05, "text": "json"}
    assert [v.status for v in judged(project, came, argument)] == ["passed"]
    assert [v.kind for v in judged(project, came, argument | {"tolerance": 0.001})] == ["changed"]
    accept(project, transcript(says("a  b\n"), name="other"))
    assert not judged(project, transcript(says("a b"), name="other"), {"text": "whitespace"})[0].bad
    assert judged(project, transcript(says("a b"), name="other"))[0].bad


def test_choices_refusals_errors_and_broken_arguments_are_kept(project):
    played = transcript(
        says("a", others=[says("b")]),
        says(None, message_extra={"refusal": "No."}),
        says(None, call(arguments='{"id": ')),
        failed(),
    )
    (path,) = accept(project, played)
    assert baselines.load(path).variants == (
        [
            {"content": "a", "finish_reason": "stop", "others": [{"content": "b", "finish_reason": "stop"}]},
            {"refusal": "No.", "finish_reason": "stop"},
            {"tool_calls": [{"name": "lookup", "arguments_text": '{"id": '}], "finish_reason": "tool_calls"},
            {"error": {"kind": "rate_limit", "status": 429}},
        ],
    )
    assert not judged(project, played)[0].bad


def test_a_turn_that_the_seam_refused_is_not_a_reply_to_accept(project):
    (verdict,) = judged(project, transcript(failed("seam", None, "no recording")))
    assert verdict.kind == "no_reply"
    assert accept(project, transcript(failed("seam", None, "no recording"))) == []
    assert [v.kind for v in judged(project, transcript())] == ["no_reply"]


def test_all_attempts_of_a_case_are_variants(project):
    (path,) = accept(project, transcript(says("a")), transcript(says("b")), transcript(says("a")))
    assert [turns[0]["content"] for turns in baselines.load(path).variants] == ["a", "b"]
    assert not judged(project, transcript(says("b")))[0].bad


def test_accepting_a_change_replaces_or_adds_a_variant(project):
    (path,) = accept(project, transcript(says("a")))
    accept(project, transcript(says("b")))
    assert [turns[0]["content"] for turns in baselines.load(path).variants] == ["b"]
    accept(project, transcript(says("c")), add_variant=True)
    assert [turns[0]["content"] for turns in baselines.load(path).variants] == ["b", "c"]
    accept(project, transcript(says("b")), transcript(says("d")))  # one attempt is as accepted: it stays so
    assert [turns[0]["content"] for turns in baselines.load(path).variants] == ["b", "d"]


def test_the_nearest_variant_is_the_one_that_is_shown(project):
    accept(project, transcript(says("Yes, it is.", call("lookup"))), transcript(says("No, it is not.")))
    (verdict,) = judged(project, transcript(says("No, it was not.")))
    assert verdict.diff == "~ content: No, it [-is-]{+was+} not."


def test_at_most_five_variants_are_accepted_and_nothing_is_written_of_more(project):
    with pytest.raises(BadInput, match="support/refund with t: 6 variants, at most 5 are accepted"):
        accept(project, *(transcript(says(text)) for text in "abcdef"))
    assert not project.baselines.exists()
    accept(project, *(transcript(says(text)) for text in "abcde"))
    with pytest.raises(BadInput, match="6 variants"):
        accept(project, transcript(says("f")), add_variant=True)


def test_only_the_categories_asked_for_are_accepted(project):
    (path,) = accept(project, transcript(says("a")))
    new, changed = transcript(says("x"), name="new"), transcript(says("b"))
    results = [result(project, new), result(project, changed)]
    kinds = {change.kind: change for change in baselines.proposed(project, results)}
    assert set(kinds) == {"new", "changed"}
    assert kinds["changed"].diff == "~ content: [-a-]{+b+}"
    assert baselines.accept(project, results, {"new"}) == [project.baselines / "new/t.yaml"]
    assert "a" in path.read_text()
    without = replace(results[0], verdicts=())  # a case without the assertion has no baseline
    assert baselines.proposed(project, [without]) == []


def test_baselines_are_not_written_in_ci(project, monkeypatch):  # bad input 117
    monkeypatch.setenv("CI", "true")
    with pytest.raises(BadInput, match="not written in CI"):
        accept(project, transcript(says()))
    assert not project.baselines.exists()
    assert accept(project, transcript(says()), update=True)


def test_a_damaged_baseline_is_refused_by_place_and_left_as_it_is(project):
    path = project.baselines / "support/refund/t.yaml"
    path.parent.mkdir(parents=True)
    head = "conversation: support/refund\ntarget: t\n"
    for text, place in {
        f"{head}variants:\n  - turns: 5\n": "t.yaml:4:12: error: turns must be a list",
        f"{head}variants: [5]\n": "t.yaml:3:12: error: expected a variant",
        head: "there are no variants",
        "conversation: [1]\ntarget: t\nvariants: [{turns: []}]\n": "t.yaml:1:15: error: conversation must be",
        "a: [": "t.yaml:",
        "": "t.yaml",
    }.items():
        path.write_text(text)
        (verdict,) = judged(project, transcript(says()))
        assert (verdict.status, verdict.kind) == ("error", "damaged")
        assert place in verdict.message
        assert verdict.message.startswith("fixtures/baselines/support/refund/t.yaml")
        assert path.read_text() == text


def test_a_baseline_of_another_conversation_is_refused(project):  # bad input 116
    (path,) = accept(project, transcript(says(), name="other"))
    mine = project.baselines / "support/refund/t.yaml"
    mine.parent.mkdir(parents=True)
    path.rename(mine)
    (verdict,) = judged(project, transcript(says()))
    assert (verdict.status, verdict.kind) == ("error", "damaged")
    assert "this is the baseline of other with t" in verdict.message


def test_names_that_lead_out_of_the_folder_are_refused(project):
    with pytest.raises(BadInput, match="leave the folder"):
        baselines.path_for(project, "../../x", "t")


def test_unused_baselines_are_found_and_removed(project):
    accept(project, transcript(says("a")))
    accept(project, transcript(says("a"), name="gone/deep"))
    (change,) = baselines.unused(project, [Case("support/refund", "t")])
    assert (change.kind, change.conversation, change.target) == ("unused", "gone/deep", "t")
    assert baselines.apply([change], environ=NO_CI) == [project.baselines / "gone/deep/t.yaml"]
    assert not list(baselines.unused(project, [Case("support/refund", "t")]))


def test_a_folder_that_cannot_be_made_is_a_storage_error(project):
    project.baselines.parent.mkdir()
    project.baselines.write_text("in the way")
    with pytest.raises(StorageError, match="nothing was replaced"):
        accept(project, transcript(says("a")))
    assert project.baselines.read_text() == "in the way"


def test_arguments_nested_too_deeply_for_a_file_are_not_written(project):
    with pytest.raises(StorageError, match="nothing was replaced"):
        accept(project, transcript(says(None, call(arguments="[" * 200 + "]" * 200))))


def test_what_is_saved_reads_back_equal(project):
    odd = ["no", "1e3", " x ", "a: b\n\n- c\n", "\ud83d", "é\u202e", "", "# x", "2024-01-01"]
    for texts in (odd[:5], odd[4:]):
        baseline = Baseline("c", "t", tuple([{"content": text}] for text in texts))
        path = baselines.path_for(project, "c", "t")
        baselines.save(path, baseline)
        assert baselines.load(path) == baseline


def test_the_assertion_must_be_bound_and_cannot_be_negated():
    (verdict,) = judge([build("baseline")], transcript(says()))
    assert (verdict.status, "must be bound" in verdict.message) == ("error", True)
    for argument, said in (
        ({"tolerance": -1}, "tolerance"),
        ({"text": "exakt"}, "exact"),
        ({"ignore": [5]}, "text"),
    ):
        with pytest.raises(ValueError, match=said):
            build("baseline", argument)
