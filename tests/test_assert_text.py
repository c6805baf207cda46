"""What a reply says: contains, not_contains, equals, matches, refusal, finish_reason, not."""

import time

import pytest
from transcripts import call, failed, kinds, says, transcript, turn, verdicts

from replay.assertions import build, judge, review
from replay.errors import BadInput
from replay.turn import ApiError
from replay.verdict import Verdict


def test_a_text_is_looked_for_in_what_the_reply_says():
    assert kinds("contains", "done", says("Done")) == ["missing"]
    assert not kinds("contains", ["Do", "ne"], says("Done"))
    assert kinds("contains", ["Do", "xx", "yy"], says("Done")) == ["missing", "missing"]
    assert not kinds("contains", {"text": ["xx", "DONE"], "any": True, "ignore_case": True}, says("Done"))
    assert kinds("not_contains", "Do", says("Done")) == ["unexpected"]
    assert not kinds("not_contains", "sorry", says("Done"))


def test_parts_of_a_content_are_one_text():
    assert not kinds(
        "contains", "one two", says([{"type": "text", "text": "one "}, {"type": "text", "text": "two"}])
    )


def test_the_message_says_what_was_expected_what_came_and_where():
    (verdict,) = verdicts(
        "contains", {"text": "refund", "turn": 2}, says("a"), says("Your order is on its way.")
    )
    assert verdict.message == 'turn 2: expected "refund", the reply says "Your order is on its way."'
    assert (verdict.expected, verdict.actual, verdict.turn) == ("refund", "Your order is on its way.", 2)
    assert verdict.identity == ("contains", "missing")


def test_another_normal_form_differs_and_the_message_says_so():  # bad input 69
    (verdict,) = verdicts("contains", "caf\u00e9", says("cafe\u0301"))
    assert "another Unicode normal form" in verdict.message
    (verdict,) = verdicts("equals", "caf\u00e9", says("cafe\u0301"))
    assert verdict.diff == r"~ content: [-caf\xe9-]{+cafe\u0301+}"


def test_trailing_space_and_newline_differ_and_are_visible():  # bad input 70
    (verdict,) = verdicts("equals", "ok", says("ok "))
    assert verdict.diff == "~ content: ok{+·+}"
    (verdict,) = verdicts("equals", "ok", says("ok\n"))
    assert verdict.diff == "+ content:2: ⏎"
    assert not kinds("equals", {"text": "a  b", "whitespace": "ignore"}, says(" a b\n"))


def test_a_reply_that_is_json_is_compared_as_json():  # bad input 65, 66, 68
    assert not kinds("equals", {"json": {"n": 1, "z": 0}}, says('{"z": -0.0, "n": 1.0}'))
    (verdict,) = verdicts("equals", {"json": {"n": 1}}, says('{"n": true}'))
    assert verdict.message == "the reply's JSON is another: n differs (true was 1)"
    assert not kinds(
        "equals", {"json": {"n": 1}, "ignore": ["at"], "tolerance": 0.1}, says('{"n": 1.05, "at": 9}')
    )
    assert kinds("equals", {"json": {}}, says("Hello")) == ["not_json"]


@pytest.mark.parametrize(
    ("name", "argument", "message"),
    [
        ("contains", 5, 'text must be text, not 5; write "5"'),
        ("contains", "", "text is empty"),
        ("contains", [], "empty list"),
        ("contains", {"text": "a", "any": "yes"}, "any must be true or false"),
        ("contains", {"text": "a", "turn": 0}, "turn must be last, all or a number from 1, not 0"),
        ("contains", {"text": "a", "turn": True}, "turn must be"),
        ("contains", {"txt": "a"}, 'has no argument "txt"; did you mean "text"?'),
        ("contains", None, "text"),
        ("equals", None, "one of text and json"),
        ("equals", 5, "write it in quotes"),
        ("equals", {"text": "a", "whitespace": "exakt"}, 'did you mean "exact"?'),
        (
            "equals",
            {"json": {}, "tolerance": -1},
            "tolerance must be a number of at least 0",
        ),  # bad input 112
        ("equals", {"json": {}, "tolerance": float("nan")}, "tolerance"),
        ("matches", "a(b", "missing ) at position 3"),  # bad input 99
        ("matches", 5, "must be text"),
        ("refusal", "maybe", "true or false"),
        ("refusal", {"patterns": ["("]}, "position"),
        ("finish_reason", 5, "must be text"),
        ("finish_reason", [], "empty list"),
        ("not", None, "takes one assertion"),
        ("not", {"contains": "a", "equals": "b"}, "takes one assertion"),
        ("not", {"contract": None}, "contract cannot be negated"),
        ("not", "baseline", "baseline cannot be negated"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(name, argument, message):
    with pytest.raises(ValueError, match=r"\S") as caught:
        build(name, argument)
    assert message in str(caught.value)


def test_an_unknown_assertion_is_answered_with_the_nearest():  # bad input 98
    with pytest.raises(BadInput, match=r'no assertion is called "contans"; did you mean "contains"\?'):
        build("contans", "a")
    with pytest.raises(BadInput, match="contains"):
        build("not", {"contans": "a"})


def test_a_pattern_that_does_not_end_is_stopped():  # bad input 100
    start = time.process_time()
    (verdict,) = verdicts("matches", "^(a|a|aa)+$", says("a" * 60 + "!"))
    assert verdict.kind == "timed_out"
    assert verdict.message == 'pattern "^(a|a|aa)+$" stopped after 1 s'
    assert time.process_time() - start < 4


def test_patterns_are_found_or_match_all():
    assert not kinds("matches", r"order [A-Z]-\d+", says("Your order A-17 is here"))
    assert kinds("matches", {"pattern": r"[A-Z]-\d+", "whole": True}, says("order A-17")) == ["missing"]
    assert not kinds("matches", [r"\p{Lu}", "(?i)DONE"], says("Done"))


def test_a_refusal_is_the_wire_s_own_word_for_it():
    by_field = says(None, message_extra={"refusal": "I cannot."})
    by_part = says([{"type": "refusal", "refusal": "No."}])
    by_reason = says("No.", native_finish_reason="refusal")
    for reply in (by_field, by_part, by_reason):
        assert not kinds("refusal", None, reply)
        assert kinds("refusal", False, reply) == ["unexpected"]
    assert kinds("refusal", True, says("I cannot.")) == ["missing"]
    assert not kinds("refusal", {"patterns": ["I cannot"]}, says("I cannot."))


def test_finish_reason_is_the_common_word_or_the_provider_s_own():
    assert not kinds("finish_reason", "stop", says())
    assert not kinds("finish_reason", ["stop", "tool_calls"], says("", call()), says(), play="to_completion")
    assert not kinds("finish_reason", "eos", says(native_finish_reason="eos"))
    (verdict,) = verdicts("finish_reason", "stop", says(finish="length"))
    assert (verdict.kind, verdict.message) == ("length", "expected finish_reason stop, came length")
    assert kinds("finish_reason", "stop", says(), failed()) == ["no_reply"]


def test_a_wanted_finish_reason_that_is_no_common_word_is_warned_of():  # bad input 102
    (fault,) = review([build("finish_reason", "stopp")], transcript(says()).conversation)
    assert fault.warning
    assert 'did you mean "stop"?' in fault.message


def test_every_choice_is_judged():
    reply = says("yes", others=[says("no"), says("yes")])
    found = verdicts("contains", "yes", reply)
    assert [(verdict.status, verdict.message) for verdict in found] == [
        ("passed", ""),
        ("failed", 'choice 2: expected "yes", the reply says "no"'),
        ("passed", ""),
    ]


def test_which_turns_are_judged():
    turns = (says("a"), says("b"), says("c"))
    assert [v.turn for v in verdicts("contains", "c", *turns)] == [3]
    assert kinds("contains", "c", *turns, play="every_turn") == ["missing", "missing"]
    assert kinds("contains", {"text": "c", "turn": "all"}, *turns) == ["missing", "missing"]
    assert not kinds("contains", {"text": "a", "turn": 1}, *turns)
    assert kinds("contains", {"text": "a", "turn": 4}, *turns) == ["no_turn"]
    assert kinds("contains", "a") == ["no_reply"]


def test_replies_that_only_call_tools_are_passed_over_where_all_turns_are_judged():
    calls = says(None, call())
    assert not kinds("contains", "Done", calls, says("Done"), play="every_turn")
    assert kinds("contains", {"text": "Done", "turn": "all"}, calls, says("Done")) == ["missing"]
    assert kinds("contains", "Done", calls) == ["missing"]


@pytest.mark.parametrize("name", ["contains", "not_contains", "equals", "matches", "finish_reason"])
def test_a_turn_without_a_reply_fails_and_says_which_error_came(name):
    (verdict,) = verdicts(name, "x", failed())
    assert (verdict.status, verdict.kind) == ("failed", "no_reply")
    assert verdict.message == "expected a reply, came error rate_limit 429: slow down"


def test_not_turns_each_verdict_round():
    assert not kinds("not", {"contains": "sorry"}, says("Done"))
    (verdict,) = verdicts("not", {"contains": "sorry"}, says("So sorry"))
    assert verdict.identity == ("not", "contains")
    assert "expected this not to hold" in verdict.message
    assert kinds("not", {"contains": "b"}, says("a"), says("b"), play="every_turn") == ["contains"]
    assert not kinds("not", {"tool_calls": ["lookup", "refund"]}, says("a"))


def test_what_could_not_be_judged_is_not_passed_by_turning_it_round():
    assert kinds("not", {"contains": "sorry"}, failed()) == ["no_reply"]
    assert kinds("not", {"latency": 5}, says()) == ["not_recorded"]
    (verdict,) = verdicts("not", {"python": "no_such_module:check"}, says())
    assert (verdict.assertion, verdict.status) == ("not", "error")


def test_two_assertions_that_cannot_both_hold_are_named():  # bad input 113
    conversation = transcript(says()).conversation

    def faults(*pairs):
        return [fault.message for fault in review([build(*pair) for pair in pairs], conversation)]

    assert "cannot both hold" in faults(("contains", "refund now"), ("not_contains", "refund"))[0]
    assert faults(("finish_reason", "stop"), ("finish_reason", "length"))
    assert faults(("equals", "a"), ("equals", "b"))
    assert faults(("equals", "a"), ("contains", "b"))
    assert faults(("contains", "a"), ("not", {"contains": "a"}))
    assert faults(("tool_calls", ["lookup"]), ("tool_calls", {"forbidden": ["lookup"]}))
    assert not faults(("contains", "a"), ("not_contains", "b"), ("equals", "xa"), ("finish_reason", "stop"))
    assert not faults(("contains", {"text": "a", "turn": 1}), ("not_contains", {"text": "a", "turn": 2}))


class Crashing:
    def __call__(self, transcript):
        raise KeyError("id")


class Silent:
    def __call__(self, transcript):
        return []


def test_an_assertion_that_crashes_is_a_verdict_and_the_others_are_judged():
    crashed, silent, passed = judge([Crashing(), Silent(), build("contains", "Do")], transcript(says()))
    assert (crashed.assertion, crashed.status, crashed.kind) == ("crashing", "error", "crashed")
    assert "KeyError: 'id' (test_assert_text.py:" in crashed.message
    assert (silent.status, silent.kind) == ("error", "no_verdict")
    assert passed == Verdict("contains", "passed", turn=1)


def test_a_lone_surrogate_and_control_characters_are_shown_as_escapes():  # bad input 177
    (verdict,) = verdicts("contains", "x", says("a\ud83d\x1b[31m\u202e"))
    assert verdict.message == r'expected "x", the reply says "a\ud83d\u001b[31m\u202e"'
    verdict.message.encode()


def test_a_part_of_a_reply_that_was_cut_is_judged():
    cut = turn(says("Your ref", finish="stop"), error=ApiError("cut", 200, "the answer stopped"))
    assert not kinds("contains", "Your", cut)
