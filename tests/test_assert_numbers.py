"""Tokens, times, cost, probabilities, streams and errors."""

import pytest
from transcripts import call, failed, kinds, says, transcript, turn, verdicts

from replay.assertions import build, judge
from replay.cost import cost_of
from replay.turn import ApiError, Target, Timing, Usage

PRICE = {"prompt": 2.5, "completion": 10.0, "cached": 1.25}


def used(*counts, **more):
    return says(usage=Usage(*counts, **more))


def test_tokens_of_each_turn_are_counted():
    assert not kinds("token_budget", {"prompt": 10, "completion": 5, "total": 15}, says())
    assert not kinds("token_budget", 15, says())
    found = verdicts("token_budget", {"completion": 4, "prompt": 9}, says(), used(1, 4, 5))
    assert [(v.status, v.kind, v.turn) for v in found] == [
        ("failed", "prompt", 1),
        ("failed", "completion", 1),
        ("passed", "", 2),
    ]
    assert found[0].message == "turn 1: expected at most 9 prompt tokens, came 10"
    assert (found[0].expected, found[0].actual) == (9, 10)


def test_tokens_of_the_whole_transcript_are_added_up():
    (verdict,) = verdicts("token_budget", {"total": 29, "per": "transcript"}, says(), says())
    assert verdict.message == "expected at most 29 total tokens in all, came 30"
    assert not kinds("token_budget", {"total": 30, "per": "transcript"}, says(), used(10, 5))


def test_cached_and_reasoning_tokens_may_have_a_least():
    assert not kinds("token_budget", {"cached": {"min": 4}}, used(10, 5, 15, 4))
    assert kinds("token_budget", {"cached": {"min": 5, "max": 8}}, used(10, 5, 15, 4)) == ["cached"]
    assert kinds("token_budget", {"reasoning": 2}, used(10, 5, 15, 4, 3)) == ["reasoning"]


def test_growth_from_turn_to_turn():
    turns = (used(10, 5, 15), used(25, 5, 30), used(60, 5, 65))
    (verdict,) = [v for v in verdicts("token_budget", {"growth": 20}, *turns) if v.bad]
    assert (verdict.kind, verdict.turn, verdict.actual) == ("growth", 3, 35)
    assert not kinds("token_budget", {"growth": 35}, *turns)


@pytest.mark.parametrize(
    "usage", [None, Usage(), Usage(5), Usage("12", 3, 4), Usage(-1, 5, 4), Usage(True, 5)]
)
def test_usage_that_is_not_given_fails_as_not_recorded(usage):  # bad input 115, 176
    (verdict,) = verdicts("token_budget", {"prompt": 100, "completion": 100}, says(usage=usage))[:1]
    assert (verdict.status, verdict.kind) == ("failed", "not_recorded")
    assert "usage not given" in verdict.message


def test_a_turn_without_a_reply_has_no_numbers():
    for name, argument in (("token_budget", 5), ("logprob", -1)):
        assert kinds(name, argument, failed()) == ["no_reply"]
    assert kinds("token_budget", {"total": 5, "per": "transcript"}, failed()) == ["no_reply"]
    assert kinds("latency", 5, failed()) == ["not_recorded"]


def test_recorded_times():
    timed = turn(says(), timing=Timing(120.0, 900.0, (120.0, 130.0, 880.0, 900.0)))
    assert not kinds("latency", {"total_ms": 900, "first_token_ms": 120, "gap_ms": 750}, timed)
    found = verdicts("latency", {"total_ms": 899, "first_token_ms": 119.5, "gap_ms": 700}, timed)
    assert [(v.kind, v.actual) for v in found] == [("total", 900.0), ("first_token", 120.0), ("gap", 750.0)]
    assert found[0].message == "expected total_ms 899 at most, came 900"
    assert kinds("latency", {"gap_ms": 5}, says()) == ["not_recorded"]
    assert not kinds("latency", {"gap_ms": 0}, turn(says(), timing=Timing(1, 2, (2.0,))))


def test_cost_is_usage_times_price():
    cached = turn(used(1_000_000, 100_000, 1_100_000, 400_000))
    assert cost_of(cached, PRICE) == pytest.approx(0.6 * 2.5 + 0.4 * 1.25 + 0.1 * 10)
    assert cost_of(turn(used(1_000_000, 0)), {"prompt": 2, "completion": 1}) == pytest.approx(2)
    assert cost_of(turn(says(usage=None)), PRICE) is None
    assert cost_of(failed(), PRICE) is None
    assert cost_of(turn(says()), None) is None
    assert cost_of(turn(says()), {"prompt": "2", "completion": 1}) is None
    assert cost_of(turn(says()), {"prompt": 2}) is None


def test_cost_of_the_transcript_or_of_each_turn():
    priced = Target("t", "openai", "gpt-4o", {"price": PRICE})
    turns = (used(100_000, 0), used(200_000, 0))
    (verdict,) = verdicts("cost", 0.5, *turns, target=priced)
    assert (verdict.kind, verdict.message) == ("over", "expected at most $0.5, it cost $0.75")
    assert not kinds("cost", 0.75, *turns, target=priced)
    assert not kinds("cost", {"max": 0.5, "per": "turn"}, *turns, target=priced)
    assert kinds("cost", {"max": 0.3, "per": "turn"}, *turns, target=priced) == ["over"]
    assert kinds("cost", 1, says(usage=None), target=priced) == ["not_recorded"]
    assert kinds("cost", 1, failed(), target=priced) == ["no_reply"]
    (verdict,) = verdicts("cost", 1, says())
    assert (verdict.kind, "give its target price" in verdict.message) == ("no_price", True)


def test_probabilities():
    logprobs = {"content": [{"token": "Do", "logprob": -0.1}, {"token": "ne", "logprob": -0.9}]}
    sure = says(logprobs=logprobs)
    assert not kinds("logprob", -0.5, sure)
    assert kinds("logprob", -0.4, sure) == ["average"]
    (verdict,) = verdicts("logprob", {"min_token": -0.5}, sure)
    assert (verdict.kind, verdict.message) == ("token", 'expected no logprob under -0.5, "ne" has -0.9')
    assert kinds("logprob", -1, says()) == ["not_recorded"]
    assert kinds("logprob", -1, says(logprobs={"content": None, "refusal": []})) == ["not_recorded"]


def test_a_whole_stream():
    done = {"events": 3, "done": True}
    assert not kinds("stream_integrity", None, turn(says(), stream=done))
    assert kinds("stream_integrity", None, says()) == ["not_streamed"]
    assert kinds("stream_integrity", None, turn(says(), stream={"events": 3, "done": False})) == ["no_done"]
    after = turn(says(), stream=done | {"after_done": 1})
    assert kinds("stream_integrity", None, after) == ["after_done"]
    ended = says()
    object.__setattr__(ended, "finish_reason", None)
    object.__setattr__(ended, "native_finish_reason", None)
    assert kinds("stream_integrity", None, turn(ended, stream=done)) == ["no_finish_reason"]
    cut = turn(says("Yo"), error=ApiError("cut", 200, "reset"), stream={"events": 1, "done": False})
    assert kinds("stream_integrity", None, cut) == ["cut"]


def test_pauses_in_a_stream():
    timing = Timing(1.0, 900.0, (1.0, 900.0))
    paused = turn(says(), stream={"events": 2, "done": True}, timing=timing)
    assert kinds("stream_integrity", 500, paused) == ["gap"]
    assert not kinds("stream_integrity", 900, paused)
    assert kinds("stream_integrity", 500, turn(says(), stream={"done": True})) == ["not_recorded"]


def test_a_recorded_error_is_judged_by_its_fields():
    error = failed("server", 503, "upstream is away", code="unavailable")
    assert not kinds("error", "server", error)
    assert not kinds("error", ["overloaded", "server"], error)
    whole = {"kind": "server", "status": [500, 503], "code": "unavailable", "message": "is away"}
    assert not kinds("error", whole, error)
    assert not kinds("error", None, error)
    assert kinds("error", "timeout", error) == ["kind"]
    assert kinds("error", {"status": 500, "code": "x", "message": "gone"}, error) == [
        "status",
        "code",
        "message",
    ]
    (verdict,) = verdicts("error", "server", says())
    assert (verdict.kind, verdict.message) == ("no_error", 'expected an error, the reply says "Done."')
    assert not kinds("error", {"kind": "rate_limit", "turn": 1}, failed(), says())
    assert kinds("error", "rate_limit", failed(), says()) == ["no_error"]


@pytest.mark.parametrize(
    ("name", "argument", "said"),
    [
        ("token_budget", -1, "total must be a whole number of at least 0, not -1"),  # bad input 101
        ("token_budget", "900", 'total must be a whole number, not "900"'),
        ("token_budget", float("nan"), "total"),
        ("token_budget", True, "total must be a whole number, not true"),
        ("token_budget", 1.5, "whole number"),
        ("token_budget", None, "needs one of total"),
        ("token_budget", {"cached": {"least": 4}}, "min and max"),
        ("token_budget", {"cached": {"min": 5, "max": 4}}, "min 5 is more than max 4"),
        ("token_budget", {"cached": {"min": -5}}, "cached.min"),
        ("token_budget", {"growth": 1.5}, "growth"),
        ("token_budget", {"total": 1, "per": "case"}, "use one of turn, transcript"),
        ("latency", None, "needs one of"),
        ("latency", -5, "total_ms"),
        ("latency", {"gap": 5}, 'did you mean "gap_ms"?'),
        ("cost", "1", "max must be a number"),
        ("cost", float("inf"), "max must be a number"),
        ("cost", None, "max"),
        ("logprob", 0.5, "at most 0"),
        ("logprob", None, "needs one of"),
        ("stream_integrity", "x", "gap_ms"),
        ("error", "rate-limit", 'did you mean "rate_limit"?'),
        ("error", {"status": "429"}, "status must be an HTTP status"),
        ("error", {"status": 42}, "status must be an HTTP status"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(name, argument, said):
    with pytest.raises(ValueError, match=r"\S") as caught:
        build(name, argument)
    assert said in str(caught.value)


def test_no_assertion_crashes_on_odd_transcripts():
    odd = [
        transcript(),
        transcript(failed()),
        transcript(says(None, call("lookup", "{"), call("", ""))),
        transcript(says([{"type": "image_url"}, {"type": "text"}], usage=None, model=None)),
        transcript(turn(says(), tools=(), params={"functions": "x", "response_format": 5, "n": "2"})),
        transcript(says(logprobs={"content": [{"token": "a", "logprob": None}]})),
    ]
    assertions = [
        build(name, argument)
        for name, argument in [
            ("finish_reason", "stop"),
            ("json_schema", {"schema": {}}),
            ("json_schema", None),
            ("json_schema", {"tool": "lookup"}),
            ("tool_calls", ["lookup"]),
            ("token_budget", 1),
            ("contains", "a"),
            ("not_contains", "a"),
            ("equals", "a"),
            ("equals", {"json": []}),
            ("matches", "a"),
            ("refusal", None),
            ("latency", 1),
            ("cost", 1),
            ("logprob", -1),
            ("stream_integrity", None),
            ("contract", None),
            ("error", None),
            ("not", {"contains": "a"}),
        ]
    ]
    for played in odd:
        for verdict in judge(assertions, played):
            assert verdict.status in ("passed", "failed"), verdict
