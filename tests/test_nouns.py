"""The nouns keep everything the wire says, and equal values stay equal through JSON."""

import json

from replay.conversation import Conversation, Message, Tool, ToolCall, ToolResult
from replay.run import Case, Result, Run
from replay.turn import ApiError, Reply, Request, Target, Timing, Transcript, Turn, Usage
from replay.verdict import Verdict

CALL = ToolCall("call_1", "lookup", '{"id": "A-1"')  # cut arguments are kept as they are


def test_a_message_keeps_unknown_fields():
    wire = {
        "role": "assistant",
        "content": None,
        "tool_calls": [CALL.to_json()],
        "reasoning_content": "hm",
        "name": "x",
    }
    assert Message.from_json(wire).to_json() == wire


def test_a_legacy_function_call_is_a_tool_call_and_goes_back_as_it_came():
    wire = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    message = Message.from_json(wire)
    assert [call.name for call in message.tool_calls] == ["f"]
    assert message.to_json() == wire


def test_tools_are_read_in_both_shapes():
    short = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
    wire = {"type": "function", "function": short}
    assert Tool.from_json(short) == Tool.from_json(wire)
    assert Tool.from_json(short).to_wire() == wire
    assert Tool.from_json(wire).to_json() == short


def test_fields_beside_the_function_and_other_tool_types_survive():
    for wire in (
        {"type": "function", "function": {"name": "f"}, "cache_control": {"type": "ephemeral"}},
        {"type": "web_search", "max_results": 3},
        {"type": "custom", "custom": {"name": "sql", "format": {"type": "text"}}},
    ):
        assert Tool.from_json(wire).to_wire() == wire
        assert Tool.from_json(Tool.from_json(wire).to_json()) == Tool.from_json(wire)


def test_a_run_reads_back_equal():
    user, answer = Message("user", "Where is it?"), Message("assistant", None, (CALL,))
    conversation = Conversation(
        "support/refund", (user,), (Tool("lookup", effect="read"),), {"temperature": 0}
    )
    first = Request("m", (user,), conversation.tools, {"temperature": 0})
    reply = Reply(
        answer, "tool_calls", "tool_calls", Usage(3, 4, 7), None, "m-1", {"id": "x"}, (Reply(user),)
    )
    result = Message("tool", "\ud83d", tool_call_id="call_1")
    second = Request("m", (user, answer, result), conversation.tools, {"temperature": 0})
    turns = (
        Turn(first, reply, timing=Timing(1.5, 9.0, (1.5, 9.0)), raw="{}"),
        Turn(second, error=ApiError("rate_limit", 429, "slow down", 2.0), attempts=3),
    )
    transcript = Transcript(conversation, Target("t", "openai", "m"), turns, "to_completion")
    whole = Result(
        Case("support/refund", "t", 1, "s", ("a",)), transcript, (Verdict("x", "failed", "k"),), 0.5
    )
    lines = list(Run({"mode": "none"}, [whole]).lines())
    assert json.loads(lines[0]) == {"replay": 1, "mode": "none"}
    assert Result.from_json(json.loads(lines[1])) == whole
    assert json.loads(lines[1])["transcript"]["turns"][1]["request"]["same"] == 1


def test_tool_results_carry_json_as_text():
    assert ToolResult("f", None, {"on": "2026-03-02"}).text == '{"on": "2026-03-02"}'
    assert ToolResult("f", None, "plain").text == "plain"
