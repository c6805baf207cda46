"""Bedrock's Converse wire, both directions, against botocore and over loopback HTTP."""

import base64
import copy
import json
from contextlib import suppress
from dataclasses import replace

import aws_sdk
import pytest
import recorded_corpus
import yaml
from hypothesis import given, settings
from scripted import Close, Scripted, reply, stream
from wire_mutations import JSON, SEEDS, damaged

from replay import fixtures
from replay.cassette.cassette import Cassette
from replay.cassette.redact import Redactor
from replay.config import Project
from replay.conversation import Message, Tool, ToolCall
from replay.errors import BadInput
from replay.jsontext import same
from replay.providers import Unreadable, _aws_frames, _wire, bedrock
from replay.record import record
from replay.runner._seen import as_recorded
from replay.turn import Reply, Request, Target, Usage

DATA = base64.b64encode(b"any bytes").decode()
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
EVERYTHING = {
    "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"text": "Look."},
                {"image": {"format": "png", "source": {"bytes": DATA}}},
                {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://b/k"}}}},
                {"document": {"format": "pdf", "name": "Terms (1)", "source": {"bytes": DATA}}},
                {
                    "document": {
                        "format": "txt",
                        "name": "note.txt",
                        "source": {"text": "plain"},
                        "context": "a note",
                        "citations": {"enabled": True},
                    }
                },
                {"video": {"format": "mp4", "source": {"bytes": DATA}}},
                {"audio": {"format": "wav", "source": {"bytes": DATA}}},
                {"guardContent": {"text": {"text": "Is it safe?", "qualifiers": ["query"]}}},
                {"guardContent": {"image": {"format": "png", "source": {"bytes": DATA}}}},
                {"cachePoint": {"type": "default"}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
                {"reasoningContent": {"redactedContent": DATA}},
                {"text": "I look it up."},
                {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Köln"}}},
                {"toolUse": {"toolUseId": "tooluse_2", "name": "weather", "input": {}}},
                {"cachePoint": {"type": "default"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "tooluse_1", "content": [{"json": {"degrees": 7.5}}]}},
                {
                    "toolResult": {
                        "toolUseId": "tooluse_2",
                        "content": [{"text": "no"}, {"image": {"format": "png", "source": {"bytes": DATA}}}],
                        "status": "error",
                    }
                },
                {"cachePoint": {"type": "default"}},
                {"text": "And?"},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {
                    "citationsContent": {
                        "content": [{"text": "Cold."}],
                        "citations": [
                            {"title": "note", "location": {"documentChar": {"documentIndex": 0, "start": 1}}}
                        ],
                    }
                },
                {"citationsContent": {"content": [{"text": "a"}, {"text": "b"}], "citations": []}},
            ],
        },
        {"role": "user", "content": [{"text": ""}]},
        {"role": "user", "content": [{"text": "apart"}]},
        {"role": "user", "content": []},
    ],
    "inferenceConfig": {"maxTokens": 100, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
    "toolConfig": {
        "tools": [
            {
                "toolSpec": {
                    "name": "weather",
                    "description": "d",
                    "inputSchema": {"json": SCHEMA},
                    "strict": True,
                }
            },
            {"cachePoint": {"type": "default"}},
            {"systemTool": {"name": "nova_grounding"}},
        ],
        "toolChoice": {"tool": {"name": "weather"}},
    },
    "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1", "trace": "enabled"},
    "additionalModelRequestFields": {"top_k": 5, "thinking": {"type": "enabled"}},
    "additionalModelResponseFieldPaths": ["/stop_sequence"],
    "promptVariables": {"name": {"text": "x"}},
    "requestMetadata": {"team": "support"},
    "performanceConfig": {"latency": "optimized"},
    "serviceTier": {"type": "priority"},
    "outputConfig": {
        "textFormat": {
            "type": "json_schema",
            "structure": {
                "jsonSchema": {"name": "city", "schema": json.dumps(SCHEMA, separators=(",", ":"))}
            },
        }
    },
}
ANSWER = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
                {"text": "I look."},
                {
                    "toolUse": {
                        "toolUseId": "t1",
                        "name": "weather",
                        "input": {"city": "Köln"},
                        "type": "tool_use",
                    }
                },
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {
        "inputTokens": 3,
        "outputTokens": 5,
        "totalTokens": 18,
        "cacheReadInputTokens": 4,
        "cacheWriteInputTokens": 6,
    },
    "metrics": {"latencyMs": 12},
    "trace": {"promptRouter": {"invokedModelId": "arn:aws:bedrock:us-east-1::foundation-model/x"}},
}
EVENTS = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "H"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "m."}}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "c2ln"}}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "I "}}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "look."}, "p": "abcdef"}),
    ("contentBlockStop", {"contentBlockIndex": 1}),
    (
        "contentBlockStart",
        {
            "contentBlockIndex": 2,
            "start": {"toolUse": {"toolUseId": "t1", "name": "weather", "type": "tool_use"}},
        },
    ),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"city": '}}}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '"Köln"}'}}}),
    ("contentBlockStop", {"contentBlockIndex": 2}),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {key: ANSWER[key] for key in ("usage", "metrics", "trace")}),
]
HELLO = Request("us.amazon.nova-lite-v1:0", (Message("user", "Hello?"),), params={"temperature": 0})
MODEL_PATH = "/model/us.amazon.nova-lite-v1%3A0/converse"


def frames(events):
    return _aws_frames.framed([{"event": name, "data": json.dumps(data)} for name, data in events])


def exception(name, message):
    said = {"event": name, "data": json.dumps({"message": message}), "error": "exception"}
    return _aws_frames.framed([said])


def read(body):
    return _wire.answer(bedrock, 200, {}, body)


def test_every_word_of_a_request_comes_back_as_it_was():
    assert same(bedrock.encode(bedrock.decode_request(EVERYTHING)), EVERYTHING)


def test_what_chat_completions_has_a_word_for_uses_it():
    request = bedrock.decode_request(EVERYTHING)
    prompt, look, called, one, two, more, cold, *_ = request.messages
    assert (prompt.role, prompt.content[0]) == ("system", {"type": "text", "text": "Be brief."})
    kinds = [
        "text",
        "image_url",
        "native",
        "file",
        "file",
        "native",
        "input_audio",
        "text",
        "native",
        "native",
    ]
    assert [part["type"] for part in look.content] == kinds
    assert look.content[1]["image_url"]["url"] == f"data:image/png;base64,{DATA}"
    assert look.content[3]["file"] == {
        "file_data": f"data:application/pdf;base64,{DATA}",
        "filename": "Terms (1)",
    }
    assert called.text == "I look it up."
    assert called.extra["reasoning_content"] == "Hm."
    assert [(call.id, call.name, call.parsed()) for call in called.tool_calls] == [
        ("tooluse_1", "weather", {"city": "Köln"}),
        ("tooluse_2", "weather", {}),
    ]
    assert (one.role, one.tool_call_id, one.content) == ("tool", "tooluse_1", '{"degrees": 7.5}')
    assert (two.role, two.tool_call_id, two.text) == ("tool", "tooluse_2", "no")
    assert (more.role, more.content) == ("user", "And?")
    assert cold.text == "Cold."
    assert {key: value for key, value in request.params.items() if key != "native"} == {
        "max_completion_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["END"],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "metadata": {"team": "support"},
        "service_tier": "priority",
        "response_format": {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA}},
    }
    assert [tool.type for tool in request.tools] == ["function", "native", "native"]
    assert request.tools[0] == Tool("weather", "d", SCHEMA, extra={"strict": True})


def test_a_schema_that_is_changed_in_the_params_is_the_one_that_is_sent():
    request = bedrock.decode_request(EVERYTHING)
    request.params["response_format"] = copy.deepcopy(request.params["response_format"])
    request.params["response_format"]["json_schema"]["schema"] = {"type": "string"}
    sent = bedrock.encode(request)["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert json.loads(sent["schema"]) == {"type": "string"}


CHAT = Request(
    "m",
    (
        Message("system", "Be kind."),
        Message("developer", "Be brief."),
        Message(
            "user",
            [
                {"type": "text", "text": "Look", "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": f"data:image/jpg;base64,{DATA}"}},
                {
                    "type": "file",
                    "file": {"file_data": f"data:text/csv;base64,{DATA}", "filename": "a_b.csv"},
                },
                {"type": "native", "anthropic": {"type": "thinking"}},
            ],
        ),
        Message("user", "again"),
        Message("system", "Now in French."),
        Message("assistant", "", (ToolCall("call.1!", "f", '{"a": 1'), ToolCall("c2", "g", ""))),
        Message("tool", "one", tool_call_id="call.1!"),
        Message("tool", '{"two": 2}', tool_call_id="c2"),
        Message("user", ""),
    ),
    (Tool("f"),),
    {"max_tokens": 9, "stop": "END", "tool_choice": "required", "seed": 1},
)


def test_a_request_of_another_wire_is_put_in_order_as_this_one_wants_it():
    body = bedrock.encode(CHAT)
    assert body == {
        "system": [{"text": "Be kind."}, {"text": "Be brief."}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"text": "Look"},
                    {"image": {"format": "jpeg", "source": {"bytes": DATA}}},
                    {"document": {"format": "csv", "name": "a-b", "source": {"bytes": DATA}}},
                    {"text": "again"},
                    {"text": "Now in French."},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"toolUse": {"toolUseId": "call_1", "name": "f", "input": '{"a": 1'}},
                    {"toolUse": {"toolUseId": "c2", "name": "g", "input": {}}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"toolResult": {"toolUseId": "call_1", "content": [{"text": "one"}]}},
                    {"toolResult": {"toolUseId": "c2", "content": [{"text": '{"two": 2}'}]}},
                ],
            },
        ],
        "inferenceConfig": {"maxTokens": 9, "stopSequences": ["END"]},
        "toolConfig": {
            "tools": [
                {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object", "properties": {}}}}}
            ],
            "toolChoice": {"any": {}},
        },
    }
    body["messages"][1]["content"][0]["toolUse"]["input"] = {}
    assert aws_sdk.sent("m", body)[1] == body  # botocore finds nothing wrong


def test_a_call_that_is_taken_out_leaves_nothing_behind():
    request = bedrock.decode_request(EVERYTHING)
    called = replace(request.messages[2], tool_calls=request.messages[2].tool_calls[:1])
    (sent,) = bedrock.encode(Request("m", (Message("user", "x"), called)))["messages"][1:]
    assert [next(iter(block)) for block in sent["content"]] == [
        "reasoningContent",
        "reasoningContent",
        "text",
        "toolUse",
        "cachePoint",
    ]


def test_a_conversation_that_an_assistant_begins_is_opened():
    body = bedrock.encode(Request("m", (Message("assistant", "Hi."), Message("user", "Hi."))))
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    own = {"messages": body["messages"][1:]}
    assert bedrock.encode(bedrock.decode_request(own)) == own


def test_our_body_is_what_botocore_sends():
    assert aws_sdk.sent("m", EVERYTHING) == ("/model/m/converse", EVERYTHING)


def test_an_answer_is_read_and_written():
    reply = bedrock.decode(ANSWER)
    assert reply.message.text == "I look."
    assert reply.message.extra == {"reasoning_content": "Hm."}
    assert (reply.finish_reason, reply.native_finish_reason) == ("tool_calls", "tool_use")
    assert reply.usage == Usage(13, 5, 18, 4)
    assert reply.model == "arn:aws:bedrock:us-east-1::foundation-model/x"
    assert bedrock.encode_reply(reply) == ANSWER
    assert bedrock.decode(bedrock.encode_reply(reply)) == reply


@pytest.mark.parametrize(
    ("native", "common"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_tool_use", None),
        ("malformed_model_output", None),
    ],
)
def test_each_way_to_end_has_its_common_word(native, common):
    reply = bedrock.decode(ANSWER | {"stopReason": native})
    assert (reply.finish_reason, reply.native_finish_reason) == (common, native)
    assert bedrock.encode_reply(reply)["stopReason"] == native


def test_a_reply_of_another_wire_is_written_in_our_words():
    body = bedrock.encode_reply(
        Reply(Message("assistant", "Hi."), "length", "MAX_TOKENS", Usage(10, 2, 12, 4))
    )
    assert body["stopReason"] == "max_tokens"
    assert body["usage"] == {
        "inputTokens": 6,
        "outputTokens": 2,
        "totalTokens": 12,
        "cacheReadInputTokens": 4,
    }
    assert bedrock.decode(body).usage == Usage(10, 2, 12, 4)


def test_a_streamed_answer_is_the_one_that_is_not_streamed():
    found = read(frames(EVENTS))
    assert found.error is None
    assert found.stream == {"events": 13, "done": True}
    assert found.reply == bedrock.decode(ANSWER)


def test_arguments_are_the_text_that_the_model_wrote():
    events = copy.deepcopy(EVENTS)
    events[10][1]["delta"]["toolUse"]["input"] = ' "Kö'
    (call,) = read(frames(events)).reply.message.tool_calls
    assert call.arguments == '{"city":  "Kö'


def test_citations_in_a_stream_are_those_of_the_text_beside_them():
    citation = {"title": "note", "location": {"documentChar": {"documentIndex": 0, "start": 1, "end": 2}}}
    events = [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Co"}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "ld."}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"citation": citation}}),
        ("messageStop", {"stopReason": "end_turn"}),
    ]
    reply = read(frames(events)).reply
    assert reply.message.text == "Cold."
    assert bedrock.encode_reply(reply)["output"]["message"]["content"] == [
        {"citationsContent": {"content": [{"text": "Cold."}], "citations": [citation]}}
    ]


def test_what_a_server_did_itself_is_no_call_of_ours():
    start = {"toolUse": {"toolUseId": "s1", "name": "nova_code_interpreter", "type": "server_tool_use"}}
    answered = {
        "toolResult": {"toolUseId": "s1", "type": "nova_code_interpreter_result", "status": "success"}
    }
    events = [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockStart", {"contentBlockIndex": 0, "start": start}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": '{"code": "1"}'}}}),
        ("contentBlockStart", {"contentBlockIndex": 1, "start": answered}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolResult": [{"json": {"out": 1}}]}}),
        ("messageStop", {"stopReason": "end_turn"}),
    ]
    message = read(frames(events)).reply.message
    assert message.tool_calls == ()
    assert [part["bedrock"] for part in message.content] == [
        {"toolUse": start["toolUse"] | {"input": {"code": "1"}}},
        {"toolResult": answered["toolResult"] | {"content": [{"json": {"out": 1}}]}},
    ]


def test_an_exception_in_a_stream_is_an_error_beside_what_came_before():
    found = read(frames(EVENTS[:7]) + exception("throttlingException", "Too many tokens"))
    assert (found.error.kind, found.error.code) == ("stream_error", "throttlingException")
    assert found.error.message == "Too many tokens"
    assert found.reply.message.text == "I look."
    assert found.reply.finish_reason is None


@pytest.mark.parametrize(
    "body", [{}, {"output": {}}, {"message": "No."}, [], "x", None, {"output": {"message": 1}}]
)
def test_what_is_no_answer_is_an_error(body):
    with pytest.raises(Unreadable) as problem:
        bedrock.decode(body)
    assert problem.value.error.kind == "bad_response"


@settings(max_examples=300)
@given(SEEDS, JSON)
def test_garbage_is_unreadable_and_never_a_crash(seed, value):
    for decode, body in ((bedrock.decode_request, EVERYTHING), (bedrock.decode, ANSWER)):
        try:
            found = decode(damaged(body, seed, value))
        except Unreadable:
            continue
        (bedrock.encode if decode is bedrock.decode_request else bedrock.encode_reply)(found)
    events = [{"event": name, "data": json.dumps(data)} for name, data in damaged_events(seed, value)]
    with suppress(Unreadable):
        bedrock.decode_stream(events)


def damaged_events(seed, value):
    events = [(name, data) for name, data in EVENTS]
    number = seed % len(events)
    events[number] = (events[number][0], damaged(events[number][1], seed, value))
    return events


@pytest.mark.parametrize(
    ("url", "model", "params", "where"),
    [
        (
            "https://bedrock-runtime.eu-west-3.amazonaws.com/model/us.amazon.nova-lite-v1%3A0/converse",
            "us.amazon.nova-lite-v1:0",
            {},
            {"region": "eu-west-3"},
        ),
        (
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/arn%3Aaws%3Abedrock%2Fx/converse-stream",
            "arn:aws:bedrock/x",
            {"stream": True},
            {"region": "us-east-1"},
        ),
        (
            "https://gateway.example/aws/model/m/converse",
            "m",
            {},
            {"endpoint": "https://gateway.example/aws"},
        ),
        ("https://bedrock-runtime.<AWS_REGION>.amazonaws.com/model/m/converse", "m", {}, {}),
        ("/model/m/converse", "m", {}, {}),
    ],
)
def test_a_url_tells_model_stream_and_place(url, model, params, where):
    place = bedrock.place("POST", url)
    assert (place.model, place.params, place.settings) == (model, params, where)


def test_other_urls_are_not_ours():
    assert bedrock.place("GET", "/model/m/converse") is None
    assert bedrock.place("POST", "/model/m/invoke") is None
    assert bedrock.place("POST", "https://api.openai.com/v1/chat/completions") is None


def test_a_body_without_a_url_is_claimed_by_its_blocks():
    assert bedrock.claims(EVERYTHING, None)
    assert not bedrock.claims({"messages": [{"role": "user", "content": "x"}]}, None)
    assert not bedrock.claims(
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}, None
    )
    assert not bedrock.claims({"schemaVersion": "messages-v1"} | EVERYTHING, None)


@pytest.fixture
def live(monkeypatch):
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example-secret",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def send(server, request=HELLO, **more):
    import httpx2

    where = {"endpoint": server.url, "region": "eu-west-3", "timeout": 5}
    target = Target("nova", "bedrock", request.model, where | more)
    with httpx2.HTTPTransport() as transport:
        return bedrock.send(request, target, transport)


def test_a_call_goes_out_signed_with_our_body(live):
    with Scripted([reply(ANSWER)]) as server:
        turn = send(server, headers={"x-team": "support"}, params={"add": {"requestMetadata": {"a": "b"}}})
    (asked,) = server.requests
    assert asked.path == MODEL_PATH
    assert asked.json == bedrock.encode(HELLO) | {"requestMetadata": {"a": "b"}}
    assert "/eu-west-3/bedrock/aws4_request" in asked.headers["authorization"]
    assert asked.headers["x-team"] == "support"
    assert turn.error is None
    assert turn.reply == bedrock.decode(ANSWER)


def test_a_streamed_call_is_read_frame_by_frame(live):
    body = frames(EVENTS)
    pieces = [body[place : place + 100] for place in range(0, len(body), 100)]
    kind = "application/vnd.amazon.eventstream"
    with Scripted([stream(pieces, content_type=kind)]) as server:
        turn = send(server, Request(HELLO.model, HELLO.messages, params={"stream": True}))
    assert server.requests[0].path == f"{MODEL_PATH}-stream"
    assert turn.reply == bedrock.decode(ANSWER)
    assert turn.stream == {"events": 13, "done": True}
    assert turn.timing.first_token_ms is not None
    assert turn.raw.startswith("event: messageStart\ndata: ")


def test_a_stream_that_is_reset_keeps_what_had_arrived(live):
    kind = "application/vnd.amazon.eventstream"
    with Scripted([stream([frames(EVENTS)[:1200], Close()], content_type=kind, end=False)]) as server:
        turn = send(server, Request(HELLO.model, HELLO.messages, params={"stream": True}))
    assert turn.error.kind == "cut"
    assert turn.reply.message.text
    assert turn.stream["cut"] is True


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "ValidationException", "invalid_request"),
        (403, "AccessDeniedException", "auth"),
        (404, "ResourceNotFoundException", "not_found"),
        (408, "ModelTimeoutException", "timeout"),
        (429, "ThrottlingException", "rate_limit"),
        (500, "InternalServerException", "server"),
    ],
)
def test_an_error_is_named_by_its_header_and_tried_once(live, status, name, kind):
    headers = {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/"}
    with Scripted([reply({"message": "No."}, status, headers)]) as server:
        turn = send(server)
    assert len(server.requests) == 1
    assert (turn.error.kind, turn.error.status, turn.error.code, turn.error.message) == (
        kind,
        status,
        name,
        "No.",
    )


def test_a_replay_needs_no_region_no_credentials_and_no_files(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "not-there")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere.invalid/base")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    seam = Seam()
    target = Target(
        "nova", "bedrock", HELLO.model, {"recorded_uri": f"https://gateway.example/aws{MODEL_PATH}"}
    )
    turn = bedrock.send(HELLO, target, seam)
    assert turn.reply == bedrock.decode(ANSWER)
    assert seam.asked[0].url.raw_path == MODEL_PATH.encode()
    named = Target("nova", "bedrock", HELLO.model, target.settings | {"endpoint_env": "NOT_SET"})
    assert bedrock.send(HELLO, named, seam).error is None
    assert str(seam.asked[1].url) == f"https://gateway.example/aws{MODEL_PATH}"


class Seam:
    def __init__(self):
        self.asked = []

    def handle_request(self, request):
        import httpx2

        self.asked.append(request)
        return httpx2.Response(200, json=ANSWER)


def test_a_live_call_without_a_region_says_what_to_do(live, monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BadInput, match=r'target "nova": .*region = "'):
        bedrock.send(HELLO, Target("nova", "bedrock", HELLO.model), Seam())


def test_a_live_call_without_credentials_is_no_turn_that_waits(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    seam = Seam()
    turn = bedrock.send(HELLO, Target("other", "bedrock", HELLO.model, {"region": "eu-west-1"}), seam)
    assert "credentials" in turn.error.message
    assert seam.asked == []


def test_an_imported_stream_is_played_from_sound_frames_without_its_secret(tmp_path):
    key = "sk-proj-" + "a1B2c3D4e5F6g7H8i9J0" * 2
    events = copy.deepcopy(EVENTS)
    events[5][1]["delta"]["text"], events[6][1]["delta"]["text"] = f"It is {key[:20]}", f"{key[20:]}."
    call = {
        "request": {
            "method": "POST",
            "uri": f"https://bedrock-runtime.us-east-1.amazonaws.com{MODEL_PATH}-stream",
            "headers": {},
            "body": json.dumps(bedrock.encode(HELLO)),
        },
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {"content-type": ["application/vnd.amazon.eventstream"]},
            "body": {"string": frames(events)},
        },
    }
    log = tmp_path / "logs" / "call.yaml"
    log.parent.mkdir()
    log.write_text(yaml.dump({"interactions": [call], "version": 1}))
    recorded = record([log], tmp_path / "out", "bedrock")
    (outcome,) = recorded.outcomes
    assert (outcome.refused, outcome.notes) == ("", ())
    project = Project.find(tmp_path / "out")
    target = project.target(outcome.target)
    assert (target.provider, target.model, target.settings["region"]) == ("bedrock", HELLO.model, "us-east-1")
    conversation = fixtures.load(project.conversations / f"{outcome.conversation}.yaml", project)
    path = project.cassettes / outcome.conversation / f"{target.name}.yaml"
    request = Request(target.model, conversation.messages, params=conversation.params)
    with Cassette(path, redactor=Redactor.for_project(project, {})) as cassette:
        turn = bedrock.send(request, as_recorded(target, cassette), cassette.transport())
        assert key[20:].encode() not in cassette.interactions[0].response.body
    assert turn.error is None
    assert turn.reply.message.text.startswith("It is REDACTED")
    assert turn.stream == {"events": 13, "done": True}


def botocores(parsed):
    """What botocore's objects say: text, calls, the reason to stop and the usage."""
    content = parsed["output"]["message"]["content"]
    cited = [
        piece["text"] for block in content for piece in block.get("citationsContent", {}).get("content", [])
    ]
    text = [block["text"] for block in content if "text" in block]
    calls = [block["toolUse"] for block in content if "toolUse" in block]
    calls = [call for call in calls if call.get("type") != "server_tool_use"]
    usage = parsed.get("usage", {})
    return (
        sorted(text + cited),
        [(call["toolUseId"], call["name"], call["input"]) for call in calls],
        parsed.get("stopReason"),
        (usage.get("outputTokens"), usage.get("totalTokens"), usage.get("cacheReadInputTokens")),
    )


def ours(reply):
    content = reply.message.content
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}] if content else []
    usage = reply.usage
    return (
        sorted(part["text"] for part in parts if part["type"] == "text"),
        [(call.id, call.name, call.parsed()) for call in reply.message.tool_calls],
        reply.native_finish_reason,
        (usage.completion_tokens, usage.total_tokens, usage.cached_tokens),
    )


def collected(events):
    """Put botocore's events together as its users do."""
    texts, calls, rest = {}, {}, {"citations": set()}
    for event in events:
        ((kind, said),) = event.items()
        index = said.get("contentBlockIndex")
        if kind == "contentBlockStart" and "toolUse" in said["start"]:
            calls[index] = dict(said["start"]["toolUse"], input="")
        elif kind == "contentBlockDelta" and "text" in said["delta"]:
            texts[index] = texts.get(index, "") + said["delta"]["text"]
        elif kind == "contentBlockDelta" and "toolUse" in said["delta"]:
            calls[index]["input"] += said["delta"]["toolUse"]["input"]
        elif kind in ("messageStop", "metadata"):
            rest |= said
    content = [{"text": text} for text in texts.values()]
    content += [{"toolUse": call | {"input": json.loads(call["input"] or "{}")}} for call in calls.values()]
    return rest | {"output": {"message": {"content": content}}}


def test_what_we_read_is_what_botocore_reads():
    assert ours(bedrock.decode(ANSWER)) == botocores(aws_sdk.read(json.dumps(ANSWER).encode()))
    body = frames(EVENTS)
    assert ours(read(body).reply) == botocores(collected(aws_sdk.read(body, stream=True)))


@pytest.mark.skipif(not recorded_corpus.PRESENT, reason=recorded_corpus.ABSENT)
def test_every_recorded_request_comes_back_and_is_what_botocore_sends():
    count = 0
    for recording in recorded_corpus.recordings("converse", "converse-stream"):
        body = json.loads(recording.request)
        encoded = bedrock.encode(bedrock.decode_request(body))
        assert same(encoded, body), recording.id
        place = bedrock.place("POST", recording.row["path"])
        path, sent = aws_sdk.sent(place.model, encoded, stream=bool(place.params))
        assert same(sent, body), recording.id
        assert recording.row["path"].endswith(path.replace("%3A", ":")) or recording.row["path"].endswith(
            path
        )
        count += 1
    assert count >= 77


@pytest.mark.skipif(not recorded_corpus.PRESENT, reason=recorded_corpus.ABSENT)
def test_every_recorded_answer_is_read_as_botocore_reads_it():
    count = 0
    for recording in recorded_corpus.recordings("converse", "converse-stream"):
        streamed = recording.row["endpoint"] == "converse-stream"
        found = _wire.answer(bedrock, recording.status, recording.headers, recording.body)
        if recording.status != 200:
            headers = {key: value for key, value in recording.headers.items() if "errortype" in key}
            with pytest.raises(aws_sdk.ClientError) as error:
                aws_sdk.read(recording.body, recording.status, headers, stream=streamed)
            assert found.error.message == error.value.response["Error"]["Message"]
            assert headers == {} or found.error.code == error.value.response["Error"]["Code"]
            continue
        theirs = aws_sdk.read(recording.body, stream=streamed)
        assert found.error is None
        assert ours(found.reply) == botocores(collected(theirs) if streamed else theirs), recording.id
        assert bool(found.stream) == streamed
        if not streamed:
            assert same(bedrock.encode_reply(found.reply), json.loads(recording.body)), recording.id
        assert same(bedrock.decode(bedrock.encode_reply(found.reply)).message.text, found.reply.message.text)
        count += 1
    assert count >= 75
