"""Ollama's two endpoints, both directions, against the official SDK and over loopback HTTP."""

import base64
import copy
import json
from contextlib import suppress
from dataclasses import replace

import httpx
import httpx2
import ollama as sdk
import pytest
import recorded_corpus
from hypothesis import given, settings
from scripted import Scripted, Wait, reply, stream
from wire_mutations import JSON, SEEDS, damaged

from replay.conversation import Message, Tool, ToolCall
from replay.jsontext import same
from replay.providers import Unreadable, _wire, ollama, ollama_generate
from replay.turn import Reply, Request, Target, Usage

PNG = base64.b64encode(b"\x89PNG and more").decode()
JPEG = base64.b64encode(b"\xff\xd8\xff and more").decode()
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
OPTIONS = {
    "num_predict": 50,
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 5,
    "min_p": 0.1,
    "seed": 7,
    "frequency_penalty": 0.1,
    "presence_penalty": 0.2,
    "repeat_penalty": 1.1,
    "stop": ["END"],
    "num_ctx": 4096,
}
EVERYTHING = {
    "model": "qwen3:latest",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Look.", "images": [PNG, JPEG]},
        {"role": "user", "images": [PNG]},
        {
            "role": "assistant",
            "content": "",
            "thinking": "Hm.",
            "tool_calls": [
                {"id": "call_a", "function": {"index": 0, "name": "weather", "arguments": {"city": "Köln"}}},
                {"function": {"name": "weather", "arguments": {"days": 1.5}}},
            ],
        },
        {"role": "tool", "content": "8", "tool_name": "weather", "tool_call_id": "call_a"},
        {"role": "tool", "content": "7", "tool_name": "weather"},
        {"role": "assistant", "content": "Cold."},
        {"role": "user", "content": "And now?"},
    ],
    "tools": [
        {"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA}},
        {"type": "function", "function": {"name": "odd", "parameters": SCHEMA}, "cache": True},
    ],
    "format": SCHEMA,
    "options": OPTIONS,
    "think": "high",
    "logprobs": True,
    "top_logprobs": 2,
    "keep_alive": "5m",
    "stream": False,
}
PROMPT = {
    "model": "qwen3:latest",
    "system": "Be brief.",
    "prompt": "Look.",
    "images": [PNG],
    "suffix": "end",
    "template": "{{ .Prompt }}",
    "context": [1, 2],
    "raw": False,
    "format": "json",
    "options": OPTIONS,
    "think": True,
    "keep_alive": 60,
}
COUNTS = {
    "total_duration": 9,
    "load_duration": 1,
    "prompt_eval_count": 20,
    "prompt_eval_duration": 3,
    "eval_count": 4,
    "eval_duration": 5,
}
TOKENS = [
    {"token": word, "logprob": -0.1, "bytes": [1], "top_logprobs": [{"token": word, "logprob": -0.1}]}
    for word in ("Co", "ld.")
]
CALL = {"id": "call_a", "function": {"index": 0, "name": "weather", "arguments": {"city": "Köln"}}}
ANSWER = {
    "model": "qwen3:latest",
    "created_at": "2026-01-02T03:04:05Z",
    "message": {"role": "assistant", "content": "Cold.", "thinking": "Hm.", "tool_calls": [CALL]},
    "logprobs": TOKENS,
    "done": True,
    "done_reason": "stop",
} | COUNTS
WRITTEN = {
    "model": "qwen3:latest",
    "created_at": "2026-01-02T03:04:05Z",
    "response": "Cold.",
    "thinking": "Hm.",
    "done": True,
    "done_reason": "length",
    "context": [1, 2, 3],
} | COUNTS


def chunk(**said):
    return {"model": "qwen3:latest", "created_at": "2026-01-02T03:04:05Z"} | said


def piece(**said):
    return chunk(message={"role": "assistant", "content": ""} | said, done=False)


CHUNKS = [
    piece(thinking="H"),
    piece(thinking="m."),
    piece(content="Co") | {"logprobs": TOKENS[:1]},
    piece(content="ld.") | {"logprobs": TOKENS[1:]},
    piece(tool_calls=[CALL]),
    chunk(message={"role": "assistant", "content": ""}, done=True, done_reason="stop") | COUNTS,
]
LINES = [
    chunk(response="", thinking="Hm.", done=False),
    chunk(response="Co", done=False),
    chunk(response="ld.", done=False),
    chunk(response="", done=True, done_reason="length", context=[1, 2, 3]) | COUNTS,
]


def lines(items):
    return "".join(json.dumps(item) + "\n" for item in items).encode()


def client(answer=b"", status=200):
    """The official SDK over an answer, and what it asked."""
    asked = []

    def handle(request):
        asked.append(request)
        return httpx.Response(status, content=answer)

    return sdk.Client(host="http://localhost:11434", transport=httpx.MockTransport(handle)), asked


@pytest.mark.parametrize("body", [EVERYTHING, EVERYTHING | {"stream": True, "options": {}, "tools": []}])
def test_every_word_of_a_request_comes_back_as_it_was(body):
    assert same(ollama.encode(ollama.decode_request(body)), body)


def test_every_word_of_a_prompt_comes_back_as_it_was():
    assert same(ollama_generate.encode(ollama_generate.decode_request(PROMPT)), PROMPT)


def test_what_chat_completions_has_a_word_for_uses_it():
    request = ollama.decode_request(EVERYTHING)
    look, more, called, one, two = request.messages[1:6]
    assert look.content == [
        {"type": "text", "text": "Look."},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{JPEG}"}},
    ]
    assert [part["type"] for part in more.content] == ["image_url"]
    assert called.extra["reasoning_content"] == "Hm."
    assert [(call.name, call.parsed()) for call in called.tool_calls] == [
        ("weather", {"city": "Köln"}),
        ("weather", {"days": 1.5}),
    ]
    assert [one.tool_call_id, two.tool_call_id] == [call.id for call in called.tool_calls]
    assert request.tools[0] == Tool("weather", "d", SCHEMA)
    assert request.tools[1].type == "native"
    assert {key: value for key, value in request.params.items() if key != "native"} == {
        "max_completion_tokens": 50,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 5,
        "min_p": 0.1,
        "seed": 7,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "repetition_penalty": 1.1,
        "stop": ["END"],
        "reasoning_effort": "high",
        "logprobs": True,
        "top_logprobs": 2,
        "stream": False,
        "response_format": {"type": "json_schema", "json_schema": {"name": "response", "schema": SCHEMA}},
    }


def test_a_request_that_does_not_say_it_is_streamed():
    request = ollama_generate.decode_request({"model": "m", "prompt": "x"})
    assert request.params["stream"] is True
    assert ollama_generate.encode(request) == {"model": "m", "prompt": "x"}
    whole = replace(request, params=request.params | {"stream": False})
    assert ollama_generate.encode(whole)["stream"] is False
    assert ollama.encode(Request("m", (Message("user", "x"),)))["stream"] is False


def test_a_limit_that_is_none_is_kept_as_it_is():
    body = {"model": "m", "messages": [], "options": {"num_predict": -1}, "stream": True}
    request = ollama.decode_request(body)
    assert "max_completion_tokens" not in request.params
    assert ollama.encode(request) == body


def test_a_request_of_another_wire_is_written_in_our_words():
    request = Request(
        "m",
        (
            Message("developer", "Be brief."),
            Message(
                "user",
                [
                    {"type": "text", "text": "a"},
                    {"type": "native", "anthropic": {"type": "x"}},
                    {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                    {"type": "text", "text": "b"},
                ],
            ),
            Message("assistant", None, (ToolCall("c1", "f", '{"a": '), ToolCall("c2", "g", ""))),
            Message("tool", "1", tool_call_id="c2"),
        ),
        (Tool("f"), Tool("g", type="native", outer={"anthropic": {}})),
        {"max_tokens": 9, "stop": "END", "response_format": {"type": "json_object"}, "tool_choice": "auto"},
    )
    assert ollama.encode(request) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "ab"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {"id": "c1", "function": {"name": "f", "arguments": '{"a": '}},
                    {"id": "c2", "function": {"name": "g", "arguments": {}}},
                ],
            },
            {"role": "tool", "content": "1", "tool_name": "g", "tool_call_id": "c2"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
            }
        ],
        "options": {"num_predict": 9, "stop": ["END"]},
        "format": "json",
        "stream": False,
    }


def test_our_body_is_what_the_sdk_sends():
    # the SDK has no field for ids and the like, and leaves out a text that is empty
    body = copy.deepcopy(EVERYTHING)
    body["messages"][2]["content"] = body["messages"][3]["content"] = "Then."
    del body["tools"][1]["cache"]
    del body["messages"][4]["tool_call_id"]
    for call in body["messages"][3]["tool_calls"]:
        call.pop("id", None)
        call["function"].pop("index", None)
    line, asked = client(json.dumps(ANSWER).encode())
    line.chat(**body)
    sent = json.loads(asked[0].content)
    assert same(sent, ollama.encode(ollama.decode_request(body)))
    line, asked = client(json.dumps(WRITTEN).encode())
    line.generate(**PROMPT)
    assert same(json.loads(asked[0].content), PROMPT | {"stream": False})


def test_an_answer_is_read_and_written():
    reply = ollama.decode(ANSWER)
    assert reply.message.text == "Cold."
    assert reply.message.extra["reasoning_content"] == "Hm."
    (call,) = reply.message.tool_calls
    assert (call.id, call.name, call.parsed()) == ("call_a", "weather", {"city": "Köln"})
    assert (reply.finish_reason, reply.native_finish_reason) == ("tool_calls", "stop")
    assert reply.usage == Usage(20, 4)
    assert reply.model == "qwen3:latest"
    assert reply.logprobs == {"content": TOKENS}
    assert same(ollama.encode_reply(reply), ANSWER)
    assert ollama.decode(ollama.encode_reply(reply)) == reply


def test_a_completion_is_read_and_written():
    reply = ollama_generate.decode(WRITTEN)
    assert (reply.message.text, reply.finish_reason, reply.usage) == ("Cold.", "length", Usage(20, 4))
    assert reply.message.extra == {"reasoning_content": "Hm."}
    assert same(ollama_generate.encode_reply(reply), WRITTEN)
    assert ollama_generate.decode(ollama_generate.encode_reply(reply)) == reply


def test_a_reply_of_another_wire_is_written_and_comes_back():
    foreign = Reply(Message("assistant", "Hi."), "length", "MAX_TOKENS", Usage(10, 2, 12, 4), model="m")
    for wire in (ollama, ollama_generate):
        body = wire.encode_reply(foreign)
        assert body["done_reason"] == "length"
        found = wire.decode(body)
        assert (found.message, found.usage, found.model) == (Message("assistant", "Hi."), Usage(10, 2), "m")


@pytest.mark.parametrize(
    ("wire", "chunks", "whole"), [(ollama, CHUNKS, ANSWER), (ollama_generate, LINES, WRITTEN)]
)
def test_a_streamed_answer_is_the_one_that_is_not_streamed(wire, chunks, whole):
    found = _wire.answer(wire, 200, {}, lines(chunks))
    assert found.error is None
    assert found.stream == {"events": len(chunks) - 1, "done": True}
    assert found.reply == wire.decode(whole)


@pytest.mark.parametrize("count", [1, 4])
def test_a_stream_that_ends_early_is_not_done(count):
    found = _wire.answer(ollama, 200, {}, lines(CHUNKS[:count]))
    assert found.stream == {"events": count, "done": False}
    assert found.reply.finish_reason is None
    assert found.reply.message.text == ("" if count == 1 else "Cold.")


def test_a_chunk_that_is_cut_is_a_cut():
    found = _wire.answer(ollama, 200, {}, lines(CHUNKS)[:-20])
    assert found.error.kind == "cut"
    assert found.reply.message.text == "Cold."


def test_text_that_speaks_of_being_done_does_not_end_a_stream():
    told = piece(content='{"done": true}')
    assert not ollama.is_end({"event": "", "data": json.dumps(told)})
    assert ollama.is_end({"event": "", "data": json.dumps(CHUNKS[-1])})


def test_an_error_in_a_stream_is_an_error_beside_what_came_before():
    found = _wire.answer(ollama, 200, {}, lines([*CHUNKS[:4], {"error": "out of memory"}]))
    assert (found.error.kind, found.error.message) == ("stream_error", "out of memory")
    assert found.reply.message.text == "Cold."


def theirs(answer):
    """What the SDK's objects say."""
    message = getattr(answer, "message", answer)
    calls = getattr(message, "tool_calls", None) or ()
    return (
        message.content if hasattr(message, "content") else message.response,
        message.thinking,
        [(call.function.name, dict(call.function.arguments)) for call in calls],
        answer.done_reason,
        (answer.prompt_eval_count, answer.eval_count),
        answer.model,
    )


def ours(reply):
    usage = reply.usage or Usage()
    return (
        reply.message.text,
        reply.message.extra.get("reasoning_content"),
        [(call.name, call.parsed()) for call in reply.message.tool_calls],
        reply.native_finish_reason,
        (usage.prompt_tokens, usage.completion_tokens),
        reply.model,
    )


def by_sdk(wire, body, streamed):
    line, _ = client(body)
    if wire is ollama:
        answer = line.chat("m", [{"role": "user", "content": "x"}], stream=streamed)
    else:
        answer = line.generate("m", "x", stream=streamed)
    if not streamed:
        return theirs(answer)
    text, thought, calls = "", "", []
    for item in answer:
        said = theirs(item)
        text, thought, calls = text + (said[0] or ""), thought + (said[1] or ""), calls + said[2]
    return text, thought or None, calls, *said[3:]


def test_what_we_read_is_what_the_sdk_reads():
    for wire, whole, chunks in ((ollama, ANSWER, CHUNKS), (ollama_generate, WRITTEN, LINES)):
        assert ours(wire.decode(whole)) == by_sdk(wire, json.dumps(whole).encode(), streamed=False)
        assert ours(_wire.answer(wire, 200, {}, lines(chunks)).reply) == by_sdk(
            wire, lines(chunks), streamed=True
        )


@settings(max_examples=300)
@given(SEEDS, JSON)
def test_garbage_is_unreadable_and_never_a_crash(seed, value):
    for wire, asked, answered in ((ollama, EVERYTHING, ANSWER), (ollama_generate, PROMPT, WRITTEN)):
        with suppress(Unreadable):
            wire.encode(wire.decode_request(damaged(asked, seed, value)))
        with suppress(Unreadable):
            wire.encode_reply(wire.decode(damaged(answered, seed, value)))
    broken = copy.deepcopy(CHUNKS)
    broken[seed % len(broken)] = damaged(broken[seed % len(broken)], seed, value)
    with suppress(Unreadable):
        ollama.decode_stream([{"event": "", "data": json.dumps(item)} for item in broken])


@pytest.mark.parametrize(
    ("wire", "url", "where"),
    [
        (ollama, "http://localhost:11434/api/chat", {}),
        (ollama, "https://ollama.com/api/chat", {"base_url": "https://ollama.com"}),
        (ollama_generate, "http://127.0.0.1:11434/api/generate", {"base_url": "http://127.0.0.1:11434"}),
        (ollama_generate, "/api/generate", {}),
    ],
)
def test_a_url_tells_where(wire, url, where):
    assert wire.place("POST", url).settings == where
    assert wire.place("GET", url) is None


def test_bodies_without_a_url_are_told_apart():
    assert ollama.claims(EVERYTHING, json.dumps(ANSWER).encode())
    assert ollama.claims(EVERYTHING, lines(CHUNKS))
    assert not ollama.claims(EVERYTHING, None)
    assert not ollama.claims(PROMPT, json.dumps(WRITTEN).encode())
    assert ollama_generate.claims(PROMPT, lines(LINES))
    assert not ollama_generate.claims({"prompt": "x"}, b'{"choices": []}')


def send(wire, server, params=(), **more):
    request = Request("qwen3", (Message("user", "Hello?"),), params=dict(params))
    with httpx2.HTTPTransport() as transport:
        target = Target("t", "ollama", request.model, {"base_url": server.url, "timeout": 5} | more)
        return wire.send(request, target, transport)


@pytest.mark.parametrize(
    ("wire", "path", "whole"), [(ollama, "chat", ANSWER), (ollama_generate, "generate", WRITTEN)]
)
def test_a_call_goes_out_as_documented(wire, path, whole, monkeypatch):
    monkeypatch.setenv("MY_KEY", "key-1")
    with Scripted([reply(whole)]) as server:
        turn = send(wire, server)
        send(wire, server, api_key_env="MY_KEY")
    plain, keyed = server.requests
    assert (plain.method, plain.path) == ("POST", f"/api/{path}")
    assert plain.json["stream"] is False
    assert "authorization" not in plain.headers
    assert keyed.headers["authorization"] == "Bearer key-1"
    assert turn.reply == wire.decode(whole)


def test_a_streamed_call_is_read_line_by_line():
    pieces = [lines([item]) for item in CHUNKS]
    with Scripted(
        [stream([pieces[0], Wait(0.05), *pieces[1:]], content_type="application/x-ndjson")]
    ) as server:
        turn = send(ollama, server, {"stream": True})
    assert turn.reply == ollama.decode(ANSWER)
    assert turn.stream == {"events": 5, "done": True}
    assert turn.timing.first_token_ms < turn.timing.total_ms


def test_a_refusal_is_read():
    with Scripted([reply({"error": "model 'x' not found"}, 404)]) as server:
        turn = send(ollama, server)
    assert (turn.error.kind, turn.error.message) == ("not_found", "model 'x' not found")


@pytest.mark.skipif(not recorded_corpus.PRESENT, reason=recorded_corpus.ABSENT)
def test_every_recording_comes_back_and_is_read_as_the_sdk_reads_it():
    count = 0
    for recording in recorded_corpus.recordings("ollama.chat", "ollama.generate"):
        if recording.row["method"] != "POST":
            continue
        wire = ollama if recording.row["endpoint"] == "ollama.chat" else ollama_generate
        asked = json.loads(recording.request)
        assert same(wire.encode(wire.decode_request(asked)), asked), recording.id
        found = _wire.answer(wire, recording.status, recording.headers, recording.body)
        count += 1
        if recording.status != 200:
            assert found.error.message == json.loads(recording.body)["error"]
            continue
        assert found.error is None
        streamed = bool(recording.row.get("streamed"))
        assert ours(found.reply) == by_sdk(wire, recording.body, streamed), recording.id
        assert bool(found.stream) == streamed
        if not streamed:
            assert same(wire.encode_reply(found.reply), json.loads(recording.body)), recording.id
    assert count >= 39
