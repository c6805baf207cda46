"""Assertions on agent loops: rounds, sizes, growth, the end, single turns, and what is done twice."""

from dataclasses import replace

import pytest
from transcripts import LOOKUP, REFUND, call, failed, kinds, says, turn, verdicts
from transcripts import transcript as made

from replay.assertions import build, judge
from replay.assertions._found import names_of
from replay.conversation import Conversation, Message
from replay.turn import Answer, Transcript, Usage

PAY = replace(REFUND, effect="write")
USER = Message("user", "Hi")


def tool(name, text="{}"):
    return Message("tool", text, tool_call_id=name)


def paid(call_id="c1", order="A", status="success", by="function"):
    """A turn that calls `refund`, and what came of it."""
    return replace(
        turn(says("", call("refund", {"id": order}, call_id)), tools=(PAY,)),
        answers=(Answer(call_id, "refund", status, by),),
    )


def effects(*turns, argument=None, messages=()):
    """What `no_duplicate_effects` says of turns whose requests go on from each other."""
    opening, history, linked = (USER, *messages), (USER, *messages), []
    for one in turns:
        linked.append(replace(one, request=replace(one.request, messages=history)))
        said = one.reply.message
        history = (*history, said, *(tool(each.id) for each in said.tool_calls))
    conversation = Conversation("c", opening, (LOOKUP, PAY))
    played = Transcript(conversation, made().target, tuple(linked), "to_completion")
    return [one for one in judge([build("no_duplicate_effects", argument)], played) if one.bad]


# what is done twice


def test_the_same_write_twice_is_a_failure_with_both_places():
    (found,) = effects(paid("c1"), paid("c2", "B"), paid("c3"), turn(says()))
    assert (found.kind, found.turn) == ("repeated", 3)
    assert (
        'refund({"id":"A"}) was executed twice: in turn 1 (c1, success) and in turn 3 (c3, success)'
        in found.message
    )
    assert [(place["turn"], place["id"]) for place in found.actual] == [(1, "c1"), (3, "c3")]


def test_arguments_are_compared_as_json_and_ids_do_not_count():
    spaced = replace(
        turn(says("", call("refund", '{ "n": 1.0, "id":"A"}', "c9")), tools=(PAY,)),
        answers=(Answer("c9", "refund", "success", "recorded"),),
    )
    first = replace(spaced, reply=says("", call("refund", '{"id":"A","n":1}', "c1")))
    first = replace(first, answers=(Answer("c1", "refund", "success", "recorded"),))
    assert len(effects(first, spaced)) == 1
    assert not effects(first, spaced, argument={"ignore": "nothing", "undone": ["success"]})


def test_a_write_done_a_third_time_is_told_twice():
    assert [one.turn for one in effects(paid("c1"), paid("c2"), paid("c3"))] == [2, 3]


def test_two_parallel_calls_are_two_executions():
    both = says("", call("refund", {"id": "A"}, "c1"), call("refund", {"id": "A"}, "c2"))
    answers = tuple(Answer(one, "refund", "success", "function") for one in ("c1", "c2"))
    assert len(effects(replace(turn(both, tools=(PAY,)), answers=answers))) == 1


@pytest.mark.parametrize(
    ("first", "count"),
    [
        (paid(status="error"), 1),  # a timeout: it may have been done
        (paid(status="partial"), 1),
        (paid(status="permission_denied"), 0),
        (paid(status="permission_denied", by="refused"), 0),
        (paid(status="error", by="refused"), 0),
        (paid(status="error", by="unmatched"), 0),
    ],
)
def test_what_was_not_done_is_not_done_twice(first, count):
    assert len(effects(first, paid("c2"), turn(says()))) == count


def test_a_status_can_be_declared_to_mean_that_nothing_was_done():
    turns = paid(status="error"), paid("c2")
    assert not effects(*turns, argument={"undone": ["permission_denied", "error"]})


def test_reads_may_be_repeated_and_tools_can_be_named():
    look = replace(
        turn(says("", call("lookup", {"id": "A"}, "c1"))),
        answers=(Answer("c1", "lookup", "success", "function"),),
    )
    again = replace(look, reply=says("", call("lookup", {"id": "A"}, "c2")))
    again = replace(again, answers=(Answer("c2", "lookup", "success", "function"),))
    assert not effects(look, again)
    assert len(effects(look, again, argument="look*")) == 1


def test_a_key_made_anew_for_each_call_can_be_ignored():
    keyed = [
        replace(
            turn(says("", call("refund", {"id": "A", "key": one}, one)), tools=(PAY,)),
            answers=(Answer(one, "refund", "success", "function"),),
        )
        for one in ("k1", "k2")
    ]
    assert not effects(*keyed)
    assert len(effects(*keyed, argument={"ignore": ["key"]})) == 1


def test_what_was_done_before_a_run_was_resumed_counts():
    before = (Message("assistant", None, (call("refund", {"id": "A"}, "c0"),)), tool("c0"), USER)
    (found,) = effects(paid("c7"), turn(says()), messages=before)
    assert "message 2 before turn 1 (c0) and in turn 1 (c7, success)" in found.message
    assert not effects(turn(says()), messages=before)
    unanswered = before[:1] + before[2:]
    assert not effects(paid("c7"), messages=unanswered)


def app(*histories, tools=(PAY,)):
    """What is found of an app under test: pairs of the messages it sent and the reply it got."""
    turns = []
    for messages, reply in histories:
        made_turn = turn(reply, tools=tools)
        turns.append(replace(made_turn, request=replace(made_turn.request, messages=tuple(messages))))
    conversation = Conversation("app", turns[0].request.messages, tools)
    found = judge(
        [build("no_duplicate_effects", ["refund"])], Transcript(conversation, made().target, tuple(turns))
    )
    return [one for one in found if one.bad]


def pay(name):
    return says("", call("refund", {"id": "A"}, name))


def test_an_app_that_starts_again_and_pays_again_is_found():
    first, second = pay("c1"), pay("c2")
    start, done = [USER], [USER, first.message, tool("c1")]
    assert app((start, first), (done, says()), (start, second), ([USER, second.message, tool("c2")], says()))
    assert not app((start, first), (done, says()), (start, second))  # the second one was not executed
    assert not app((start, first), (start, second), ([USER, second.message, tool("c2")], says()))


def test_an_app_that_repeats_its_history_or_changes_its_prompt_did_nothing_twice():
    first = pay("c1")
    prompts = [Message("system", text) for text in ("at 10", "at 11", "at 12")]
    done = [first.message, tool("c1")]
    assert not app(
        ([prompts[0], USER], first), ([prompts[1], USER, *done], says()), ([prompts[2], USER, *done], says())
    )


def test_an_app_that_starts_again_with_the_same_ids_is_found():
    first = pay("c1")
    start, done = [USER], [USER, first.message, tool("c1")]
    assert len(app((start, first), (done, says()), (start, first), (done, says()))) == 1


def test_legacy_functions_have_no_ids_and_are_found_too():
    first = says("", call("refund", {"id": "A"}, "", "function_call"))
    answer = Message("function", "ok", extra={"name": "refund"})
    once = [USER, first.message, answer]
    assert not app(([USER], first), (once, says()))
    assert len(app(([USER], first), (once, first), ([*once, first.message, answer], says()))) == 1


def test_contract_finds_it_too_unless_it_is_allowed_or_the_assertion_is_there():
    turns = paid("c1"), paid("c2")
    played = replace(made(*turns, tools=(PAY,)), play="every_turn")
    found = lambda *asserted: [
        (one.assertion, one.kind, one.turn)
        for one in judge([build(*one) for one in asserted], played)
        if one.bad
    ]
    assert found(("contract", None)) == [("contract", "duplicate_effect", 2)]
    assert not found(("contract", ["duplicate_effect"]))
    assert found(("contract", None), ("no_duplicate_effects", None)) == [
        ("no_duplicate_effects", "repeated", 2)
    ]


def test_nothing_to_be_found_is_a_warning():
    fault = lambda argument, *tools: list(
        build("no_duplicate_effects", argument).review(Conversation("c", (USER,), tools))
    )
    assert [one.warning for one in fault(None, LOOKUP)] == [True]
    assert not fault(None, PAY)
    assert not fault("lookup", LOOKUP)
    assert not fault(None)


# rounds, sizes, growth


CALLS = says("", call()), says("", call(), call(call_id="call_2"))


@pytest.mark.parametrize(
    ("argument", "found"),
    [
        (2, []),
        (1, ["over"]),
        (0, ["over"]),
        ({"min": 2}, []),
        ({"min": 3}, ["under"]),
        ({"min": 1, "max": 5}, []),
    ],
)
def test_rounds_of_tool_calls_are_counted(argument, found):
    assert kinds("tool_rounds", argument, *CALLS, says()) == found


def test_the_round_that_is_one_too_many_has_its_turn():
    assert [one.turn for one in verdicts("tool_rounds", 1, *CALLS, says())] == [2]


def test_a_large_result_is_told_once_where_it_is_first_sent():
    history = (Message("assistant", None, (call("search", {}, "c1"),)), tool("c1", "x" * 101))
    turns = turn(says()), turn(says(), messages=history), turn(says(), messages=(*history, USER))
    (found,) = verdicts("tool_result_size", 100, *turns)
    assert (found.kind, found.turn, found.actual) == ("over", 2, 101)
    assert "search returned 101 characters" in found.message
    assert not kinds("tool_result_size", 101, *turns)
    assert not kinds("tool_result_size", {"max": 1, "tools": ["look*"]}, *turns)


@pytest.mark.parametrize(
    ("argument", "found"),
    [
        (200, []),
        (199, ["total"]),
        ({"ratio": 3}, []),
        ({"ratio": 2.9}, ["ratio"]),
        ({"per_turn": 100}, []),
        ({"per_turn": 99}, ["per_turn"]),
        ({"total": 1, "ratio": 1, "per_turn": 1}, ["total", "ratio", "per_turn"]),
    ],
)
def test_growth_is_that_from_the_first_turn_to_the_last(argument, found):
    turns = [says(usage=Usage(count, 5, count + 5)) for count in (100, 250, 300)]
    assert kinds("context_growth", argument, *turns) == found


def test_growth_that_is_not_known_is_no_pass():
    assert kinds("context_growth", 1, says(), says(usage=None)) == ["not_recorded"]
    assert kinds("context_growth", 1) == ["not_recorded"]
    assert kinds("context_growth", {"per_turn": 0}, says()) == []


# the end


@pytest.mark.parametrize(
    ("last", "found"),
    [
        (says(), []),
        (says("", call()), ["calls_left"]),
        (says(finish="length"), ["not_stopped"]),
        (says(finish="content_filter"), ["not_stopped"]),
        (failed(), ["no_reply"]),
    ],
)
def test_a_play_is_completed_when_the_model_had_the_last_word(last, found):
    assert kinds("completed", None, CALLS[0], last) == found
    assert kinds("completed", None) == ["no_reply"]


def test_user_turns_that_were_not_sent_are_told():
    said = turn(says(), messages=(Message("assistant", "Yes?"), Message("user", "More.")))
    played = made(turn(says()), said, play="to_completion")
    script = replace(played.conversation, user_turns=(Message("user", "More."), Message("user", "Bye.")))
    (found,) = judge([build("completed")], replace(played, conversation=script))
    assert (found.kind, found.message) == ("user_turns_left", "1 of 2 user turns were not sent")
    done = replace(script, user_turns=script.user_turns[:1])
    assert judge([build("completed")], replace(played, conversation=done))[0].status == "passed"


# single turns


def test_assertions_of_one_turn_see_that_turn_alone():
    turns = says("One."), says("Two."), says("Three.")
    assert not kinds("turn", {"at": 2, "assert": [{"contains": "Two"}, {"not_contains": "Three"}]}, *turns)
    (found, fine) = verdicts("turn", {"at": 1, "assert": [{"contains": "Two"}, "contract"]}, *turns)
    assert (found.assertion, found.kind, found.turn) == ("contains", "missing", 1)
    assert (fine.assertion, fine.status, fine.turn) == ("contract", "passed", 1)
    assert not kinds("turn", {"at": "last", "assert": [{"equals": "Three."}]}, *turns)
    assert kinds("turn", {"at": 4, "assert": ["contract"]}, *turns) == ["no_turn"]
    assert kinds("turn", {"at": "last", "assert": ["contract"]}) == ["no_turn"]


def test_the_names_that_verdicts_of_one_turn_bear_are_known():
    assert names_of(build("turn", {"at": 1, "assert": ["contract", {"contains": "x"}]})) == (
        "turn",
        "contract",
        "contains",
    )


def test_an_error_expected_of_one_turn_is_no_failure_of_the_contract():
    wanted = build("turn", {"at": 2, "assert": [{"error": "rate_limit"}]})
    played = made(says(), failed())
    assert not [one for one in judge([wanted, build("contract")], played) if one.bad]


@pytest.mark.parametrize(
    ("name", "argument", "said"),
    [
        ("turn", {"at": 0, "assert": ["contract"]}, '"at" must be a number from 1, or last'),
        ("turn", {"at": True, "assert": ["contract"]}, '"at" must be a number'),
        ("turn", {"at": "first", "assert": ["contract"]}, '"at" must be a number'),
        ("turn", {"at": 1, "assrt": []}, 'turn has no argument "assrt"; did you mean "assert"?'),
        ("turn", {"at": 1, "assert": []}, "write turn:"),
        ("turn", {"assert": ["contract"]}, "write turn:"),
        ("turn", 2, "write turn:"),
        ("turn", {"at": 1, "assert": [["contract"]]}, "expected a name"),
        ("turn", {"at": 1, "assert": [{"contains": "a", "equals": "b"}]}, "expected a name"),
        ("turn", {"at": 1, "assert": [{"contains": "a"}, {"not": {"contains": "a"}}]}, "cannot both hold"),
        ("not", {"turn": {"at": 1, "assert": ["contract"]}}, "cannot be negated"),
        ("tool_rounds", -1, "max must be a whole number"),
        ("tool_rounds", None, "needs max or min"),
        ("tool_rounds", {"min": 3, "max": 2}, "min 3 is more than max 2"),
        ("tool_result_size", "big", "max must be a whole number"),
        ("context_growth", None, "needs one of total, ratio, per_turn"),
        ("context_growth", {"ratio": float("nan")}, "ratio must be a number"),
        ("no_duplicate_effects", {"undone": "eror"}, 'undone "eror" is not known; did you mean "error"?'),
        ("no_duplicate_effects", [1], "tools must be text"),
        ("completed", 1, "completed takes no argument"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(name, argument, said):
    with pytest.raises(ValueError, match=said.replace("?", r"\?").replace("[", r"\[")):
        build(name, argument)
