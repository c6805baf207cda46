"""Transcripts made by hand, for tests of what judges them."""

import json

from replay.assertions import build, judge
from replay.conversation import Conversation, Message, Tool, ToolCall
from replay.turn import ApiError, Reply, Request, Target, Transcript, Turn, Usage

LOOKUP = Tool(
    "lookup",
    parameters={
        "type": "object",
        "properties": {"id": {"type": "string"}, "limit": {"type": "integer"}},
        "required": ["id"],
        "additionalProperties": False,
    },
)
REFUND = Tool("refund", parameters={"type": "object", "properties": {"id": {"type": "string"}}})
USAGE = Usage(10, 5, 15)


def call(name="lookup", arguments=None, call_id="call_1", kind="function"):
    text = arguments if isinstance(arguments, str) else json.dumps({} if arguments is None else arguments)
    return ToolCall(call_id, name, text, kind)


def says(text="Done.", *calls, finish=None, usage=USAGE, model="gpt-4o-2024-08-06", others=(), **more):
    extra = more.pop("message_extra", {})
    finish = finish or ("tool_calls" if calls else "stop")
    message = Message("assistant", text, calls, extra=extra)
    native = more.pop("native_finish_reason", finish)
    return Reply(message, finish, native, usage, model=model, others=tuple(others), **more)


def turn(reply, *, error=None, tools=(LOOKUP, REFUND), params=None, messages=(), **more):
    request = Request("gpt-4o", (Message("user", "Hi"), *messages), tools, params or {})
    return Turn(request, reply, error, **more)


def failed(kind="rate_limit", status=429, message="slow down", **more):
    return turn(None, error=ApiError(kind, status, message, **more))


def transcript(*turns, play="next_turn", name="support/refund", target=None, tools=(LOOKUP, REFUND)):
    turns = [turn(item) if isinstance(item, Reply) else item for item in turns]
    conversation = Conversation(name, (Message("user", "Hi"),), tools)
    return Transcript(conversation, target or Target("t", "openai", "gpt-4o"), tuple(turns), play)


def verdicts(name, argument, *turns, **more):
    return judge([build(name, argument)], transcript(*turns, **more))


def kinds(name, argument, *turns, **more):
    """What fails, by kind; empty when all passed."""
    return [verdict.kind for verdict in verdicts(name, argument, *turns, **more) if verdict.bad]
