"""The contract: what every reply must satisfy, and how a known deviation is allowed."""

import pytest
from transcripts import call, failed, kinds, says, transcript, turn, verdicts

from replay.assertions import build, judge
from replay.assertions._served import served_as_asked
from replay.assertions.contract import KINDS
from replay.conversation import Message, Tool
from replay.turn import ERROR_KINDS, ApiError, Target, Usage

GOOD = call(arguments={"id": "A"})


def of(*turns, **more):
    return kinds("contract", None, *turns, **more)


def test_a_good_reply_passes_in_one_verdict():
    assert [verdict.status for verdict in verdicts("contract", None, says())] == ["passed"]
    assert not of(says(None, GOOD))
    assert not of(says(None, message_extra={"refusal": "No."}))
    assert not of(says(None, message_extra={"audio": {"id": "a"}}))


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (says("x", finish="length"), "length"),
        (says("x", finish="content_filter"), "content_filter"),
        (says(""), "empty"),
        (says(None), "empty"),
        (says("x", finish="tool_calls"), "calls_missing"),
        (says(None, GOOD, finish="stop"), "calls_unannounced"),
        (says(None, call("lokup")), "undeclared_tool"),  # bad input 181
        (says(None, call(arguments='{"id": "A"')), "malformed"),
        (says(None, call(arguments={"id": 5})), "arguments"),
        (says(None, call(arguments={"id": "A", "x": 1})), "arguments"),
        (says(None, call(arguments={"id": "A"}, call_id="")), "id_missing"),
        (says(None, GOOD, GOOD), "id_twice"),
        (says(usage=None), "usage_missing"),  # bad input 176
        (says(usage=Usage()), "usage_missing"),
        (says(usage=Usage(10, 5, 99)), "usage_sum"),
        (says(usage=Usage(10, 5, 15, cached_tokens=11)), "usage_parts"),
        (says(usage=Usage(10, 5, 15, reasoning_tokens=6)), "usage_parts"),
        (says(model="gpt-4o-mini"), "served_model"),
    ],
)
def test_each_deviation_has_a_kind_of_its_own_and_is_allowed_by_it(reply, kind):
    assert of(reply) == [kind]
    assert kind in KINDS
    assert not kinds("contract", [kind], reply)
    assert not kinds("contract", {"allow": kind}, reply)


def test_a_reason_that_is_not_given_or_has_no_common_word():
    unknown = says()
    object.__setattr__(unknown, "finish_reason", None)
    assert of(unknown) == ["finish_unknown"]
    object.__setattr__(unknown, "native_finish_reason", None)
    assert of(unknown) == ["finish_missing"]


def test_a_forced_call_ends_with_stop_on_the_wire():
    forced = {"tool_choice": {"type": "function", "function": {"name": "lookup"}}}
    assert not of(turn(says(None, GOOD, finish="stop"), params=forced))


def test_legacy_functions_are_declared_and_their_calls_have_no_id():
    legacy = {"functions": [{"name": "old", "parameters": {"type": "object", "required": ["x"]}}]}
    assert not of(turn(says(None, call("old", {"x": 1}, "", "function_call")), tools=(), params=legacy))
    assert of(turn(says(None, call("old", {}, "", "function_call")), tools=(), params=legacy)) == [
        "arguments"
    ]


def test_a_custom_tool_s_text_is_not_judged_as_json():
    tool = Tool("sql", type="custom", outer={"custom": {"name": "sql"}})
    assert not of(turn(says(None, call("sql", "select 1", kind="custom")), tools=(tool,)))


def test_a_tool_that_declares_no_schema_at_all_is_not_judged_and_a_wrong_one_is_named():
    assert not of(turn(says(None, call("f", {"x": 1})), tools=(Tool("f"),)))
    wrong = turn(says(None, call("f", {"x": 1})), tools=(Tool("f", parameters={"type": "dict"}),))
    assert of(wrong) == ["tool_schema"]


def test_a_pattern_of_a_tool_s_schema_is_stopped():
    schema = {"properties": {"x": {"pattern": "^(a|a|aa)+$"}}}
    slow = turn(says(None, call("f", {"x": "a" * 60 + "!"})), tools=(Tool("f", parameters=schema),))
    assert of(slow) == ["timed_out"]


def test_usage_is_missed_only_where_it_was_asked_for():
    done = {"events": 3, "done": True}
    assert not of(turn(says(usage=None), stream=done))
    asked = {"stream_options": {"include_usage": True}}
    assert of(turn(says(usage=None), stream=done, params=asked)) == ["usage_missing"]


def test_reasoning_tokens_may_be_counted_beside_the_completion_s():
    assert not of(says(usage=Usage(10, 5, 115, reasoning_tokens=100)))
    assert not of(says(usage=Usage(10, 5, 15, reasoning_tokens=5)))
    assert not of(says(usage=Usage(10, 5)))


def test_the_end_of_a_stream():
    assert not of(turn(says(), stream={"events": 3, "done": True}))
    assert of(turn(says(), stream={"events": 3, "done": False})) == ["no_done"]
    assert of(turn(says(), stream={"events": 3, "done": True, "after_done": 2})) == ["after_done"]


def test_as_many_choices_as_were_asked_for_and_each_is_judged():
    assert of(turn(says(), params={"n": 2})) == ["choices"]
    assert not of(turn(says(others=[says()]), params={"n": 2}))
    assert of(turn(says(others=[says(finish="length")]), params={"n": 2})) == ["length"]


@pytest.mark.parametrize("kind", ERROR_KINDS)
def test_an_error_fails_by_its_kind_and_an_error_assertion_beside_it_expects_it(kind):
    played = transcript(failed(kind, None))
    assert [verdict.kind for verdict in judge([build("contract")], played)] == [f"error_{kind}"]
    assert not kinds("contract", [f"error_{kind}"], failed(kind, None))
    both = judge([build("contract"), build("error", kind)], played)
    assert [verdict.status for verdict in both] == ["passed", "passed"]


def test_an_error_assertion_excuses_no_other_error():
    both = judge([build("error", "rate_limit"), build("contract")], transcript(failed("server", 500)))
    assert [verdict.kind for verdict in both] == ["kind", "error_server"]


def test_a_finish_reason_that_is_asked_for_is_no_failure_of_the_contract():
    cut = transcript(says("x", finish="length"))
    assert not any(v.bad for v in judge([build("finish_reason", ["stop", "length"]), build("contract")], cut))
    assert any(v.bad for v in judge([build("finish_reason", "stop"), build("contract")], cut))


def test_what_had_arrived_of_a_cut_stream_is_not_judged_as_a_whole_reply():
    cut = turn(says("Your ref", usage=None), error=ApiError("cut", 200, "the stream stopped"))
    assert of(cut) == ["error_cut"]


def test_calls_are_answered_once_in_the_next_request_of_the_same_play():
    asked = Message("assistant", None, (GOOD,))
    first = turn(says(None, GOOD))

    def second(*answers):
        return turn(says(), messages=(asked, *(Message("tool", "{}", tool_call_id=name) for name in answers)))

    assert not of(first, second("call_1"), play="to_completion")
    assert of(first, second(), play="to_completion") == ["unanswered"]
    assert of(first, second("call_1", "call_1"), play="to_completion") == ["answered_twice"]
    assert not of(first, second("another"), play="every_turn")  # there the history is the recorded one
    assert not of(first, play="to_completion")


def test_findings_name_their_turn():
    found = verdicts("contract", None, says(), says("x", finish="length"))
    assert [(v.status, v.turn, v.message) for v in found] == [
        ("passed", 1, ""),
        ("failed", 2, "turn 2: the reply was cut by length"),
    ]


def test_nothing_sent_is_a_failure():
    assert of() == ["no_reply"]


def test_an_unknown_kind_cannot_be_allowed():
    with pytest.raises(ValueError, match='did you mean "usage_sum"'):
        build("contract", ["usage_summ"])
    with pytest.raises(ValueError, match="error_rate_limit"):
        build("contract", ["error_rate_limits"])


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("gpt-4", "gpt-4-0613"),
        ("openai/gpt-4o", "gpt-4o-2024-08-06"),
        ("gpt-4o", "openai/gpt-4o"),
        ("anthropic/claude-haiku-4.5", "anthropic/claude-4.5-haiku-20251001"),
        ("mistral-large-latest", "mistral-large-2411"),
        ("gemini-2.5-flash", "gemini-2.5-flash-preview-04-17"),
        ("Qwen/Qwen3-4B", "qwen3-4b"),
        ("moonshotai/Kimi-K2-Instruct-0905:groq", "moonshotai/kimi-k2-instruct-0905"),
        ("gpt-3.5-turbo", "gpt-35-turbo"),
        ("gpt-4o", None),
        ("", "gpt-4o"),
        ("openrouter/auto", "x-ai/grok-4"),
    ],
)
def test_a_dated_version_of_the_asked_model_is_the_asked_model(asked, served):
    assert served_as_asked(asked, served, Target("t", "openai", asked))


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("gpt-4o", "gpt-4o-mini"),
        ("gpt-4o", "gpt-4o-mini-2024-07-18"),
        ("gpt-4", "gpt-4.1"),
        ("gpt-4", "gpt-4-32k"),
        ("gpt-4-0613", "gpt-4-0314"),
        ("claude-3-sonnet", "claude-3-5-sonnet-20241022"),
        ("gpt-4.1-mini", "moonshotai/kimi-k2"),
        ("grok-4-fast", "grok-4-fast-reasoning"),
    ],
)
def test_another_model_is_another_model(asked, served):
    assert not served_as_asked(asked, served, Target("t", "openai", asked))


def test_azure_is_asked_by_deployment():
    assert served_as_asked("prod", "gpt-4o-2024-08-06", Target("t", "azure", "prod", {"deployment": "prod"}))
    configured = Target("t", "azure", "gpt-4o", {"deployment": "prod"})
    assert served_as_asked("prod", "gpt-4o-2024-08-06", configured)
    assert not served_as_asked("prod", "gpt-35-turbo", configured)
