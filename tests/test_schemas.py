"""The published schemas of what Replay writes itself: baselines and runs."""

import json
from typing import get_args

import jsonschema
import pytest

from replay import baselines, schemas
from replay.conversation import Conversation, Message, Tool, ToolCall, ToolResult
from replay.run import Case, Outcome, Result, Run
from replay.turn import ERROR_KINDS, ApiError, Play, Reply, Request, Target, Timing, Transcript, Turn, Usage
from replay.verdict import Status, Verdict

CALL = ToolCall("c1", "lookup", '{"id": ')
USER = Message("user", [{"type": "text", "text": "Hi"}])
CONVERSATION = Conversation(
    "support/refund", (USER,), (Tool("lookup"),), {"n": 2}, (ToolResult("lookup"),), ("a",), {"format": "vcr"}
)


def result():
    usage = Usage(3, 4, 7, 1, 2)
    reply = Reply(
        Message("assistant", None, (CALL,)), "tool_calls", "tool_use", usage, {"content": []}, "m-1"
    )
    several = Reply(Message("assistant", "x"), "stop", None, None, None, None, {"id": "r"}, (reply,))
    request = Request("m", (USER,), CONVERSATION.tools, CONVERSATION.params)
    turns = (
        Turn(request, reply, timing=Timing(1.5, 9.0, (1.5, 9.0)), raw="{}", stream={"events": 2}),
        Turn(request, several, ApiError("cut", 200, "cut", 1.5, "x", "APIConnectionError"), attempts=3),
    )
    transcript = Transcript(CONVERSATION, Target("t", "openai", "m"), turns, "every_turn")
    verdicts = (Verdict("x", "failed", "k", "m", 1, [2], 1, "- a"), Verdict("y", "passed"))
    return Result(
        Case("support/refund", "t", 1, "s", ("a",)), transcript, verdicts, 0.5, {"fixture": "f.yaml"}
    )


@pytest.mark.parametrize("kind", schemas.KINDS)
def test_every_schema_is_one(kind):
    jsonschema.Draft202012Validator.check_schema(schemas.schema(kind))


def test_every_line_of_a_run_fits_its_schema():
    validator = jsonschema.Draft202012Validator(schemas.schema("run-line"))
    for line in Run({"mode": "none"}, [result()]).lines():
        assert [error.message for error in validator.iter_errors(json.loads(line))] == []


def test_a_line_that_is_neither_header_nor_result_does_not_fit():
    validator = jsonschema.Draft202012Validator(schemas.schema("run-line"))
    good = result().to_json()
    assert not validator.is_valid({})
    assert not validator.is_valid({"replay": 2})
    assert not validator.is_valid(good | {"outcome": "flaky"})
    assert not validator.is_valid(good | {"more": 1})


def test_the_words_of_a_run_are_those_of_the_code():
    kinds = schemas.schema("run-line")["$defs"]
    assert tuple(kinds["result"]["properties"]["outcome"]["enum"]) == get_args(Outcome)
    assert tuple(kinds["verdict"]["properties"]["status"]["enum"]) == get_args(Status)
    assert tuple(kinds["error"]["properties"]["kind"]["enum"]) == ERROR_KINDS
    assert tuple(kinds["transcript"]["properties"]["play"]["enum"]) == get_args(Play)
    assert set(kinds["verdict"]["properties"]) == set(Verdict.__slots__)
    assert set(kinds["error"]["properties"]) == set(ApiError.__slots__)
    assert set(kinds["usage"]["properties"]) == set(Usage.__slots__)
    assert set(kinds["reply"]["properties"]) == set(Reply.__slots__)


def test_a_baseline_fits_its_schema():
    turns = baselines.accepted(result().transcript)
    data = baselines.Baseline("support/refund", "t", (turns, turns)).to_json()
    validator = jsonschema.Draft202012Validator(schemas.schema("baseline"))
    assert [error.message for error in validator.iter_errors(data)] == []
    assert not validator.is_valid(data | {"variants": []})
    assert schemas.schema("baseline")["properties"]["variants"]["maxItems"] == baselines.MOST
