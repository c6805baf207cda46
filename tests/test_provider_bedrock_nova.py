"""Nova's own bodies behind InvokeModel: Converse, but for some names."""

import base64
import json
from contextlib import suppress

import httpx2
import pytest
import recorded_corpus
from hypothesis import given, settings
from scripted import Scripted, reply, stream
from wire_mutations import JSON, SEEDS, damaged

from replay.conversation import Message
from replay.jsontext import same
from replay.providers import Unreadable, _aws_frames, _wire, bedrock, bedrock_nova
from replay.turn import Request, Target, Usage

ASKED = {
    "schemaVersion": "messages-v1",
    "system": [{"text": "Be brief."}],
    "messages": [{"role": "user", "content": [{"text": "Weather?"}]}],
    "inferenceConfig": {"max_new_tokens": 10, "top_p": 0.5, "topK": 3, "temperature": 0},
    "toolConfig": {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": {"type": "object"}}}}]},
}
ANSWER = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"text": "I look."},
                {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Köln"}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {
        "inputTokens": 3,
        "outputTokens": 5,
        "totalTokens": 12,
        "cacheReadInputTokenCount": 4,
        "cacheWriteInputTokenCount": 0,
    },
}
CALL = {"toolUseId": "t1", "name": "weather"}
CHUNKS = [
    {"messageStart": {"role": "assistant"}},
    {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "I "}}},
    {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "look."}}},
    {"contentBlockStop": {"contentBlockIndex": 0}},
    {"contentBlockStart": {"contentBlockIndex": 1, "start": {"toolUse": CALL}}},
    {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '{"city": "Köln"}'}}}},
    {"messageStop": {"stopReason": "tool_use"}},
    {"metadata": {"usage": ANSWER["usage"]}},
]
METRICS = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 7}}


def frames(chunks):
    packed = (base64.b64encode(json.dumps(chunk).encode()).decode() for chunk in chunks)
    return _aws_frames.framed({"event": "chunk", "data": json.dumps({"bytes": data})} for data in packed)


@pytest.mark.parametrize(
    "body",
    [
        ASKED,
        ASKED | {"inferenceConfig": {"maxTokens": 10}},
        {key: value for key, value in ASKED.items() if key != "schemaVersion"},
    ],
)
def test_a_request_comes_back_as_it_was(body):
    request = bedrock_nova.decode_request(body)
    assert request.params["max_completion_tokens"] == 10
    assert same(bedrock_nova.encode(request), body)


def test_a_conversation_of_converse_is_sent_in_the_names_of_today():
    request = Request("m", (Message("user", "x"),), params={"max_completion_tokens": 3, "top_p": 0.5})
    assert bedrock_nova.encode(request) == bedrock.encode(request) | {"schemaVersion": "messages-v1"}


def test_an_answer_is_read_and_written():
    found = bedrock_nova.decode(ANSWER)
    assert found.usage == Usage(7, 5, 12, 4)
    assert found.finish_reason == "tool_calls"
    assert bedrock_nova.encode_reply(found) == ANSWER
    assert bedrock_nova.decode(bedrock_nova.encode_reply(found)) == found


def test_a_streamed_answer_is_the_one_that_is_not_streamed():
    found = _wire.answer(bedrock_nova, 200, {}, frames([*CHUNKS[:-1], CHUNKS[-1] | METRICS]))
    assert found.error is None
    assert found.stream == {"events": 7, "done": True}
    assert found.reply == bedrock_nova.decode(ANSWER | METRICS)


def test_an_exception_in_a_stream_is_an_error_beside_what_came_before():
    said = {"event": "throttlingException", "data": '{"message": "slow"}', "error": "exception"}
    found = _wire.answer(bedrock_nova, 200, {}, frames(CHUNKS[:3]) + _aws_frames.framed([said]))
    assert (found.error.kind, found.error.code) == ("stream_error", "throttlingException")
    assert found.reply.message.text == "I look."


@settings(max_examples=200)
@given(SEEDS, JSON)
def test_garbage_is_unreadable_and_never_a_crash(seed, value):
    with suppress(Unreadable):
        bedrock_nova.encode(bedrock_nova.decode_request(damaged(ASKED, seed, value)))
    with suppress(Unreadable):
        bedrock_nova.encode_reply(bedrock_nova.decode(damaged(ANSWER, seed, value)))
    with suppress(Unreadable):
        events, _ = _aws_frames.events(frames([*CHUNKS, damaged(CHUNKS[seed % 8], seed, value), value]))
        bedrock_nova.decode_stream(events)


def test_urls_and_bodies_tell_whose_they_are():
    host = "https://bedrock-runtime.us-east-1.amazonaws.com/model"
    place = bedrock_nova.place("POST", f"{host}/us.amazon.nova-lite-v1%3A0/invoke-with-response-stream")
    assert (place.model, place.params) == ("us.amazon.nova-lite-v1:0", {"stream": True})
    assert place.settings == {"region": "us-east-1"}
    assert bedrock_nova.place("POST", f"{host}/anthropic.claude-v2/invoke") is None
    assert bedrock_nova.place("POST", f"{host}/us.amazon.nova-lite-v1%3A0/converse") is None
    assert bedrock_nova.claims(ASKED, None)
    assert not bedrock_nova.claims(ASKED | {"schemaVersion": None}, None)


@pytest.mark.parametrize(
    ("params", "path", "answer"),
    [
        ({}, "invoke", reply(ANSWER)),
        ({"stream": True}, "invoke-with-response-stream", stream([frames(CHUNKS)])),
    ],
)
def test_a_call_goes_out_through_botocore(params, path, answer, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example-secret")
    request = Request("amazon.nova-lite-v1:0", (Message("user", "x"),), params=params)
    with Scripted([answer]) as server, httpx2.HTTPTransport() as transport:
        where = {"endpoint": server.url, "region": "eu-west-3", "timeout": 5}
        turn = bedrock_nova.send(request, Target("nova", "bedrock_nova", request.model, where), transport)
    (asked,) = server.requests
    assert asked.path == f"/model/amazon.nova-lite-v1%3A0/{path}"
    assert asked.headers["content-type"] == "application/json"
    assert asked.json == bedrock_nova.encode(request)
    assert turn.reply == bedrock_nova.decode(ANSWER)


@pytest.mark.skipif(not recorded_corpus.PRESENT, reason=recorded_corpus.ABSENT)
def test_every_recording_comes_back():
    count = 0
    for recording in recorded_corpus.recordings("invoke", "invoke-stream"):
        if bedrock_nova.place("POST", recording.row["path"]) is None:
            continue
        asked = json.loads(recording.request)
        assert same(bedrock_nova.encode(bedrock_nova.decode_request(asked)), asked), recording.id
        found = _wire.answer(bedrock_nova, 200, {}, recording.body)
        assert found.error is None
        assert (found.reply.message.text, found.reply.native_finish_reason) == plainly(recording.body)
        if not found.stream:
            assert same(bedrock_nova.encode_reply(found.reply), json.loads(recording.body)), recording.id
        count += 1
    assert count >= 8


def plainly(body):
    """What a body says, read as simply as possible."""
    if body.lstrip().startswith(b"{"):
        said = json.loads(body)
        texts = [block.get("text", "") for block in said["output"]["message"]["content"]]
        return "".join(texts), said["stopReason"]
    text, stop = "", None
    for start in [place for place in range(len(body)) if body.startswith(b'{"bytes":"', place)]:
        packed = body[start + 10 : body.index(b'"', start + 10)]
        chunk = json.loads(base64.b64decode(packed))
        text += chunk.get("contentBlockDelta", {}).get("delta", {}).get("text", "")
        stop = chunk.get("messageStop", {}).get("stopReason", stop)
    return text, stop
