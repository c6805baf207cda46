"""The three ways to play, and tool calls answered from recorded results."""

from contextvars import ContextVar
from threading import Event

import pytest

from replay.conversation import Conversation, Message, ToolCall, ToolResult
from replay.loop import ROUNDS, Caps, Loop
from replay.player import Stopped, play
from replay.tools import RecordedResults, Tools, registry
from replay.turn import ApiError, Reply, Target, Turn

TARGET = Target("t", "openai", "m")
USER = Message("user", "Which?")


def script(*replies):
    """A send that answers in turn, and the list of what it was asked."""
    asked, left = [], list(replies)

    def send(request):
        asked.append(request)
        answer = left.pop(0) if left else replies[-1]
        return Turn(request, error=answer) if isinstance(answer, ApiError) else Turn(request, Reply(answer))

    return send, asked


def call(arguments, id="call_1", name="lookup"):  # noqa: A002 - the wire's word
    return Message("assistant", None, (ToolCall(id, name, arguments),))


def test_next_turn_sends_the_recorded_state_once():
    send, asked = script(Message("assistant", "This."))
    transcript = play(Conversation("c", (USER,), params={"temperature": 0}), TARGET, send)
    assert [(request.model, request.messages, request.params) for request in asked] == [
        ("m", (USER,), {"temperature": 0})
    ]
    assert transcript.turns[0].reply.message.text == "This."


def test_every_turn_asks_for_each_assistant_message_with_the_history_as_recorded():
    said = Message("assistant", "recorded"), Message("assistant", "also recorded")
    conversation = Conversation("c", (USER, said[0], USER, said[1]))
    send, asked = script(Message("assistant", "other words"))
    transcript = play(conversation, TARGET, send, "every_turn")
    assert [request.messages for request in asked] == [(USER,), (USER, said[0], USER)]
    assert len(transcript.turns) == 2


def test_every_turn_can_be_told_which_turns():
    said = Message("assistant", "recorded")
    conversation = Conversation("c", (USER, said, USER, said, USER, said))
    send, asked = script(said)
    play(conversation, TARGET, send, "every_turn", turns=(1, 3))
    assert [len(request.messages) for request in asked] == [1, 5]
    with pytest.raises(Stopped, match="no assistant message"):
        play(conversation, TARGET, send, "every_turn", turns=(4,))


def test_every_turn_of_a_conversation_without_replies_is_not_a_silent_pass():
    with pytest.raises(Stopped, match="no assistant message"):
        play(Conversation("c", (USER,)), TARGET, script(USER)[0], "every_turn")


def test_a_turn_that_a_conversation_does_not_have_is_refused_with_its_place(sandbox):
    sandbox.write(
        {
            "replay.toml": '[targets.t]\nprovider = "openai"\nmodel = "m"\n',
            "fixtures/conversations/c.yaml": """
                messages:
                  - {role: user, content: Which?}
                  - {role: assistant, content: This.}
            """,
            "suites/s.yaml": """
                targets: [t]
                assert: [finish_reason: stop]
                cases:
                  - conversation: c
                    play: every_turn
                    turns: [1, 7]
            """,
        }
    )
    result = sandbox.pytest()
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["*suites/s.yaml:4: error: there is no turn 7: c has 1 assistant turns to play*"]
    )


def test_to_completion_answers_tool_calls_until_the_model_stops():
    results = (ToolResult("lookup", {"id": "A"}, {"status": "paid"}),)
    send, asked = script(call('{"id": "A"}'), Message("assistant", "It was paid."))
    transcript = play(Conversation("c", (USER,), tool_results=results), TARGET, send, "to_completion")
    assert asked[1].messages[-1] == Message("tool", '{"status": "paid"}', tool_call_id="call_1")
    assert transcript.last.reply.message.text == "It was paid."


def test_parallel_calls_are_each_answered_under_their_own_id():
    results = (ToolResult("lookup", {"id": "A"}, "a"), ToolResult("lookup", {"id": "B"}, "b"))
    both = Message(
        "assistant", None, (ToolCall("1", "lookup", '{"id":"B"}'), ToolCall("2", "lookup", '{"id":"A"}'))
    )
    send, asked = script(both, Message("assistant", "Done."))
    play(Conversation("c", (USER,), tool_results=results), TARGET, send, "to_completion")
    assert [(m.tool_call_id, m.content) for m in asked[1].messages[-2:]] == [("1", "b"), ("2", "a")]


def test_an_unmatched_call_stops_the_play_and_names_the_nearest_result():
    results = (ToolResult("lookup", {"id": "A"}, "a"),)
    with pytest.raises(
        Stopped, match=r"no recorded result is left for lookup\(.*closest is one where id differs"
    ) as stop:
        play(
            Conversation("c", (USER,), tool_results=results),
            TARGET,
            script(call('{"id": "B"}'))[0],
            "to_completion",
        )
    assert len(stop.value.transcript.turns) == 1


def test_an_error_ends_the_play():
    send, _ = script(ApiError("rate_limit", 429))
    assert play(Conversation("c", (USER,)), TARGET, send, "to_completion").last.error.kind == "rate_limit"


def test_a_model_that_never_stops_is_stopped():
    results = (ToolResult("lookup", None, "again"),) * (ROUNDS + 1)
    send, asked = script(call("{}"))
    with pytest.raises(Stopped, match="still calls tools"):
        play(Conversation("c", (USER,), tool_results=results), TARGET, send, "to_completion")
    assert len(asked) == ROUNDS


def test_each_result_is_given_once_and_equal_calls_take_the_next():
    results = RecordedResults([ToolResult("f", {"n": 1}, "first"), ToolResult("f", {"n": 1.0}, "second")])
    asked = ToolCall("x", "f", '{"n": 1}')
    assert [results.take(asked).content, results.take(asked).content] == ["first", "second"]
    assert results.take(asked) is None
    assert "none are left at all" in results.describe(asked)


def test_arguments_that_are_not_json_are_a_miss_not_a_crash():
    results, asked = RecordedResults([ToolResult("f", {"n": 1}, "x")]), ToolCall("x", "f", '{"n": ')
    assert results.take(asked) is None
    assert "closest is one where" in results.describe(asked)


def test_a_legacy_function_call_is_answered_by_a_function_message():
    tools = Tools(Conversation("c", (), tool_results=(ToolResult("f", None, "x"),)), Loop())
    (message,) = tools.answer([ToolCall("", "f", "{}", "function_call")]).messages
    assert message.to_json() == {"role": "function", "content": "x", "name": "f"}


def test_a_function_that_never_returns_ends_the_play_at_its_seconds():
    held = Event()
    registry.register("never_returns", lambda: held.wait(20))
    send, asked = script(call("{}", name="never_returns"))
    loop = Loop(caps=Caps(seconds=0.2))
    with pytest.raises(Stopped, match=r"the cap is 0\.2 s") as stop:
        play(Conversation("c", (USER,)), TARGET, send, "to_completion", loop=loop)
    held.set()
    (answer,) = stop.value.transcript.turns[0].answers
    assert (stop.value.kind, answer.by, answer.status) == ("seconds", "function", "error")
    assert len(asked) == 1


def test_a_function_within_its_seconds_sees_the_context_of_the_play():
    name = ContextVar("name")
    registry.register("says_name", name.get)
    name.set("ours")
    send, asked = script(call("{}", name="says_name"), Message("assistant", "Done."))
    play(Conversation("c", (USER,)), TARGET, send, "to_completion", loop=Loop(caps=Caps(seconds=20)))
    assert asked[1].messages[-1].content == "ours"
