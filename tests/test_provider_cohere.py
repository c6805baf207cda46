"""Cohere's Chat, versions 2 and 1, both directions, against the official SDK and over loopback HTTP."""

import copy
import json
from contextlib import suppress

import cohere as sdk
import httpx
import httpx2
import pytest
import recorded_corpus
from hypothesis import given, settings
from scripted import Scripted, reply, stream
from wire_mutations import JSON, SEEDS, damaged

from replay.conversation import Message, Tool, ToolCall
from replay.jsontext import same
from replay.providers import Unreadable, _wire, cohere, cohere_v1
from replay.turn import Reply, Request, Target, Usage

pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute")  # the SDK's own

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALL = {"id": "w_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Köln"}'}}
CITATION = {
    "start": 0,
    "end": 4,
    "text": "Cold",
    "type": "TEXT_CONTENT",
    "sources": [{"type": "document", "id": "d1", "document": {"id": "d1", "text": "It is cold."}}],
}
EVERYTHING = {
    "model": "command-a-03-2025",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look."},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
            ],
        },
        {"role": "assistant", "tool_plan": "I look it up.", "tool_calls": [CALL]},
        {
            "role": "tool",
            "tool_call_id": "w_1",
            "content": [{"type": "document", "document": {"data": {"degrees": "7"}, "id": "d0"}}],
        },
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Cold."}],
            "citations": [CITATION],
        },
        {"role": "user", "content": "And tomorrow?"},
    ],
    "tools": [
        {"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA}},
    ],
    "strict_tools": True,
    "documents": [{"id": "d1", "data": {"text": "It is cold."}}, "plain"],
    "citation_options": {"mode": "ACCURATE"},
    "response_format": {"type": "json_object", "json_schema": SCHEMA},
    "safety_mode": "CONTEXTUAL",
    "max_tokens": 50,
    "stop_sequences": ["END"],
    "temperature": 0.5,
    "seed": 7,
    "frequency_penalty": 0.1,
    "presence_penalty": 0.2,
    "k": 5,
    "p": 0.9,
    "logprobs": True,
    "tool_choice": "REQUIRED",
    "thinking": {"type": "enabled", "token_budget": 100},
    "stream": False,
}
USAGE = {
    "billed_units": {"input_tokens": 5, "output_tokens": 3},
    "tokens": {"input_tokens": 70, "output_tokens": 9},
    "cached_tokens": 16,
}
ANSWER = {
    "id": "c-1",
    "message": {
        "role": "assistant",
        "tool_plan": "I look.",
        "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Cold."}],
        "tool_calls": [CALL],
        "citations": [CITATION],
    },
    "finish_reason": "TOOL_CALL",
    "usage": USAGE,
}


def said(kind, message=None, **more):
    return {"type": kind} | more | ({"delta": {"message": message}} if message else {})


def calls(**function):
    return {"tool_calls": {"function": function}}


EVENTS = [
    said(
        "message-start",
        ANSWER["message"] | {"content": [], "tool_calls": [], "citations": []},
        id="c-1",
    ),
    said("tool-plan-delta", {"tool_plan": "I "}),
    said("tool-plan-delta", {"tool_plan": "look."}),
    said("content-start", {"content": {"type": "thinking", "thinking": ""}}, index=0),
    said("content-delta", {"content": {"thinking": "H"}}, index=0),
    said("content-delta", {"content": {"thinking": "m."}}, index=0),
    said("content-end", index=0),
    said("content-start", {"content": {"type": "text", "text": ""}}, index=1),
    said("content-delta", {"content": {"text": "Co"}}, index=1),
    said("content-delta", {"content": {"text": "ld."}}, index=1),
    said("citation-start", {"citations": CITATION}, index=0),
    said("citation-end", index=0),
    said("content-end", index=1),
    said(
        "tool-call-start",
        {"tool_calls": {"id": "w_1", "type": "function", "function": {"name": "weather", "arguments": ""}}},
        index=0,
    ),
    said("tool-call-delta", calls(arguments='{"city": '), index=0),
    said("tool-call-delta", calls(arguments='"Köln"}'), index=0),
    said("tool-call-end", index=0),
    {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": USAGE}},
]
EVENTS[0]["delta"]["message"]["tool_plan"] = ""


def events(items, done=True):
    lines = [f"event: {item['type']}\ndata: {json.dumps(item)}\n\n" for item in items]
    return "".join([*lines, "data: [DONE]\n\n"] if done else lines).encode()


def client(answer=b"", status=200, kind="application/json"):
    """The official SDK over an answer, and what it asked."""
    asked = []

    def handle(request):
        asked.append(request)
        return httpx.Response(status, content=answer, headers={"content-type": kind})

    line = httpx.Client(transport=httpx.MockTransport(handle))
    return sdk.ClientV2("key", httpx_client=line), asked


def test_every_word_of_a_request_comes_back_as_it_was():
    assert same(cohere.encode(cohere.decode_request(EVERYTHING)), EVERYTHING)


def test_what_chat_completions_has_a_word_for_uses_it():
    request = cohere.decode_request(EVERYTHING)
    system, look, plan, result, cold, more = request.messages
    assert [message.role for message in request.messages] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]
    assert look.content == EVERYTHING["messages"][1]["content"]
    assert plan.tool_calls == (ToolCall("w_1", "weather", '{"city": "Köln"}'),)
    assert (result.tool_call_id, result.content[0]["type"]) == ("w_1", "native")
    assert cold.text == "Cold."
    assert cold.extra["reasoning_content"] == "Hm."
    assert (system.content, more.content) == ("Be brief.", "And tomorrow?")
    assert request.tools == (Tool("weather", "d", SCHEMA, extra={"strict": True}),)
    assert {key: value for key, value in request.params.items() if key != "native"} == {
        "max_completion_tokens": 50,
        "stop": ["END"],
        "temperature": 0.5,
        "seed": 7,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "top_k": 5,
        "top_p": 0.9,
        "logprobs": True,
        "stream": False,
        "tool_choice": "required",
        "response_format": {"type": "json_schema", "json_schema": {"name": "response", "schema": SCHEMA}},
    }


def test_a_request_of_another_wire_is_written_in_our_words():
    request = Request(
        "m",
        (
            Message("developer", "Be brief."),
            Message(
                "user",
                [{"type": "native", "anthropic": {}}, {"type": "text", "text": "x", "cache_control": {}}],
            ),
            Message("assistant", None, (ToolCall("c", "f", "{}", extra={"native": {"gemini": {"a": 1}}}),)),
            Message("tool", "1", tool_call_id="c", extra={"name": "f"}),
        ),
        (Tool("f"), Tool("g", type="native", outer={"anthropic": {}})),
        {"max_tokens": 9, "stop": "END", "tool_choice": "auto", "native": {"anthropic": {"thinking": {}}}},
    )
    assert cohere.encode(request) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "x"}]},
            {
                "role": "assistant",
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "content": "1", "tool_call_id": "c"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
            }
        ],
        "max_tokens": 9,
        "stop_sequences": ["END"],
    }


def test_our_body_is_what_the_sdk_sends():
    line, asked = client(json.dumps(ANSWER).encode())
    line.chat(**{key: value for key, value in EVERYTHING.items() if key != "stream"})
    assert same(json.loads(asked[0].content), EVERYTHING)


def test_an_answer_is_read_and_written():
    reply = cohere.decode(ANSWER)
    assert reply.message.text == "Cold."
    assert reply.message.extra["reasoning_content"] == "Hm."
    assert (reply.finish_reason, reply.native_finish_reason) == ("tool_calls", "TOOL_CALL")
    assert reply.usage == Usage(70, 9, cached_tokens=16)
    assert same(cohere.encode_reply(reply), ANSWER)
    assert cohere.decode(cohere.encode_reply(reply)) == reply


@pytest.mark.parametrize(
    ("native", "common"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("ERROR_LIMIT", "length"),
        ("TOOL_CALL", "tool_calls"),
        ("ERROR_TOXIC", "content_filter"),
        ("ERROR", None),
    ],
)
def test_each_way_to_end_has_its_common_word(native, common):
    reply = cohere.decode(ANSWER | {"finish_reason": native})
    assert (reply.finish_reason, reply.native_finish_reason) == (common, native)
    assert cohere.encode_reply(reply)["finish_reason"] == native


def test_a_reply_of_another_wire_is_written_and_comes_back():
    body = cohere.encode_reply(
        Reply(Message("assistant", "Hi."), "length", "max_tokens", Usage(10, 2, 12, 4))
    )
    assert body == {
        "message": {"role": "assistant", "content": [{"type": "text", "text": "Hi."}]},
        "finish_reason": "MAX_TOKENS",
        "usage": {"tokens": {"input_tokens": 10, "output_tokens": 2}, "cached_tokens": 4},
    }
    assert cohere.decode(body).message == Message("assistant", "Hi.")


@pytest.mark.parametrize("done", [True, False])
def test_a_streamed_answer_is_the_one_that_is_not_streamed(done):
    found = _wire.answer(cohere, 200, {}, events(EVENTS, done))
    assert found.error is None
    assert found.stream == {"events": len(EVENTS) - 1, "done": True}
    assert found.reply == cohere.decode(ANSWER)


def test_a_stream_that_ends_early_keeps_what_came():
    found = _wire.answer(cohere, 200, {}, events(EVENTS[:9], done=False))
    assert found.stream == {"events": 9, "done": False}
    assert found.reply.message.text == "Co"
    assert found.reply.finish_reason is None


@pytest.mark.parametrize(
    "told",
    [
        {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "No."}},
        {"message": "No."},
    ],
)
def test_an_error_in_a_stream_is_an_error_beside_what_came_before(told):
    lines = events(EVENTS[:9], done=False) + f"data: {json.dumps(told)}\n\n".encode()
    found = _wire.answer(cohere, 200, {}, lines)
    assert (found.error.kind, found.error.message) == ("stream_error", "No.")
    assert found.reply.message.text == "Co"


def theirs(answer):
    """What the SDK's objects say."""
    message, usage = answer.message, answer.usage
    return (
        "".join(part.text for part in message.content or () if part.type == "text"),
        [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()],
        answer.finish_reason,
        (usage.tokens.input_tokens, usage.tokens.output_tokens, usage.cached_tokens),
        [citation.text for citation in message.citations or ()],
        message.tool_plan,
    )


def ours(reply):
    own = reply.message.extra.get("native", {}).get("cohere", {})
    return (
        reply.message.text,
        [(call.id, call.name, call.arguments) for call in reply.message.tool_calls],
        reply.native_finish_reason,
        (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.cached_tokens),
        [citation["text"] for citation in own.get("citations", [])],
        own.get("tool_plan"),
    )


def collected(stream):
    """Put the SDK's events together as its users do."""
    text, called, cited, plan, end = "", {}, [], "", None
    for event in stream:
        if event.type == "content-delta":
            text += event.delta.message.content.text or ""
        elif event.type == "tool-plan-delta":
            plan += event.delta.message.tool_plan
        elif event.type == "tool-call-start":
            call = event.delta.message.tool_calls
            called[event.index] = [call.id, call.function.name, call.function.arguments or ""]
        elif event.type == "tool-call-delta":
            called[event.index][2] += event.delta.message.tool_calls.function.arguments
        elif event.type == "citation-start":
            cited.append(event.delta.message.citations.text)
        elif event.type == "message-end":
            end = event.delta
    tokens = end.usage.tokens
    counts = (tokens.input_tokens, tokens.output_tokens, end.usage.cached_tokens)
    return text, list(map(tuple, called.values())), end.finish_reason, counts, cited, plan or None


def by_sdk(body, streamed):
    kind = "text/event-stream" if streamed else "application/json"
    line, _ = client(body, kind=kind)
    asked = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    return collected(line.chat_stream(**asked)) if streamed else theirs(line.chat(**asked))


def test_what_we_read_is_what_the_sdk_reads():
    assert ours(cohere.decode(ANSWER)) == by_sdk(json.dumps(ANSWER).encode(), streamed=False)
    assert ours(_wire.answer(cohere, 200, {}, events(EVENTS)).reply) == by_sdk(events(EVENTS), streamed=True)


OLD = {
    "model": "command",
    "preamble": "Be brief.",
    "chat_history": [
        {"role": "SYSTEM", "message": "In French."},
        {"role": "USER", "message": "Weather?"},
        {
            "role": "CHATBOT",
            "message": "I look.",
            "tool_calls": [
                {"name": "weather", "parameters": {"city": "Köln"}},
                {"name": "weather", "parameters": {"city": "Bonn"}, "generation_id": "g"},
            ],
        },
        {
            "role": "TOOL",
            "tool_results": [
                {
                    "call": {"name": "weather", "parameters": {"city": "Bonn"}, "generation_id": "g"},
                    "outputs": [{"degrees": 7}],
                },
                {"call": {"name": "weather", "parameters": {"city": "Köln"}}, "outputs": [{"degrees": 8}]},
            ],
        },
        {"role": "CHATBOT", "message": "Cold.", "user_name": "bot"},
    ],
    "message": "And now?",
    "tools": [
        {
            "name": "weather",
            "description": "d",
            "parameter_definitions": {
                "city": {"description": "where", "type": "str", "required": True},
                "days": {"type": "int", "required": False},
            },
        },
        {
            "name": "odd",
            "description": "d",
            "parameter_definitions": {"x": {"type": "List[str]", "required": True}},
        },
    ],
    "connectors": [{"id": "web-search"}],
    "documents": [{"title": "t", "snippet": "s"}],
    "max_tokens": 5,
    "k": 3,
    "stream": False,
}
RESULTS = {"message": "", "tool_results": OLD["chat_history"][3]["tool_results"]}
OLD_ANSWER = {
    "text": "Cold.",
    "generation_id": "g",
    "response_id": "r",
    "chat_history": [{"role": "USER", "message": "x"}],
    "finish_reason": "COMPLETE",
    "tool_calls": [{"name": "weather", "parameters": {"city": "Köln"}}],
    "citations": [{"start": 0, "end": 4, "text": "Cold", "document_ids": ["d"]}],
    "meta": {
        "api_version": {"version": "1"},
        "tokens": {"input_tokens": 69, "output_tokens": 3},
        "billed_units": {"input_tokens": 5, "output_tokens": 3},
    },
}


@pytest.mark.parametrize(
    "body",
    [
        OLD,
        {"message": "Hi."},
        {"message": "Hi.", "chat_history": []},
        OLD | RESULTS | {"chat_history": OLD["chat_history"][:3]},
        RESULTS,
        RESULTS | {"message": "Weather?", "force_single_step": True},
        {"message": "", "chat_history": [{"role": "USER", "message": "x"}]},
    ],
)
def test_requests_of_version_1_come_back_as_they_were(body):
    assert same(cohere_v1.encode(cohere_v1.decode_request(body)), body)


def test_version_1_is_read_in_the_words_of_chat_completions():
    request = cohere_v1.decode_request(OLD)
    assert [(message.role, message.text) for message in request.messages] == [
        ("system", "Be brief."),
        ("system", "In French."),
        ("user", "Weather?"),
        ("assistant", "I look."),
        ("tool", '[{"degrees": 7}]'),
        ("tool", '[{"degrees": 8}]'),
        ("assistant", "Cold."),
        ("user", "And now?"),
    ]
    called = request.messages[3].tool_calls
    assert [request.messages[place].tool_call_id for place in (4, 5)] == [called[1].id, called[0].id]
    assert request.tools[0].parameters == {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "where"}, "days": {"type": "integer"}},
        "required": ["city"],
    }
    assert request.tools[1].type == "native"


def test_results_without_their_calls_imply_them():
    assistant, *results = cohere_v1.decode_request(RESULTS).messages
    assert [call.name for call in assistant.tool_calls] == ["weather", "weather"]
    assert [result.tool_call_id for result in results] == [call.id for call in assistant.tool_calls]


def test_an_answer_of_version_1_is_read_and_written():
    reply = cohere_v1.decode(OLD_ANSWER)
    assert (reply.message.text, reply.finish_reason, reply.native_finish_reason) == (
        "Cold.",
        "tool_calls",
        "COMPLETE",
    )
    assert reply.usage == Usage(69, 3)
    assert same(cohere_v1.encode_reply(reply), OLD_ANSWER)
    assert cohere_v1.decode(cohere_v1.encode_reply(reply)) == reply


@pytest.mark.parametrize("form", ["{}\n", "data: {}\n\n"])
def test_a_stream_of_version_1_ends_with_the_whole_answer(form):
    items = [
        {"is_finished": False, "event_type": "stream-start", "generation_id": "g"},
        {"is_finished": False, "event_type": "text-generation", "text": "Co"},
        {"is_finished": False, "event_type": "text-generation", "text": "ld."},
        {
            "is_finished": True,
            "event_type": "stream-end",
            "finish_reason": "COMPLETE",
            "response": OLD_ANSWER,
        },
    ]
    body = "".join(form.replace("{}", json.dumps(item)) for item in items).encode()
    found = _wire.answer(cohere_v1, 200, {}, body)
    assert found.reply == cohere_v1.decode(OLD_ANSWER)
    assert found.stream == {"events": 3, "done": True}
    short = _wire.answer(cohere_v1, 200, {}, body[: body.index(b"stream-end")])
    assert short.reply.message.text == "Cold."
    assert short.error.kind == "cut"
    assert short.stream["done"] is False


@settings(max_examples=300)
@given(SEEDS, JSON)
def test_garbage_is_unreadable_and_never_a_crash(seed, value):
    for wire, asked, answered in ((cohere, EVERYTHING, ANSWER), (cohere_v1, OLD, OLD_ANSWER)):
        with suppress(Unreadable):
            wire.encode(wire.decode_request(damaged(asked, seed, value)))
        with suppress(Unreadable):
            wire.encode_reply(wire.decode(damaged(answered, seed, value)))
    broken = copy.deepcopy(EVENTS)
    number = seed % len(broken)
    broken[number] = damaged(broken[number], seed, value)
    for wire in (cohere, cohere_v1):
        with suppress(Unreadable):
            wire.decode_stream([{"event": "", "data": json.dumps(item)} for item in broken])


@pytest.mark.parametrize(
    ("wire", "url", "where"),
    [
        (cohere, "https://api.cohere.com/v2/chat", {}),
        (cohere, "/v2/chat", {}),
        (cohere, "https://proxy.example/co/v2/chat", {"base_url": "https://proxy.example/co"}),
        (cohere_v1, "https://api.cohere.com/v1/chat", {}),
        (cohere_v1, "https://api.cohere.ai/v1/chat", {"base_url": "https://api.cohere.ai"}),
    ],
)
def test_a_url_tells_where(wire, url, where):
    assert wire.place("POST", url).settings == where
    assert wire.place("GET", url) is None


def test_other_urls_are_not_ours():
    assert cohere.place("POST", "https://api.cohere.com/v1/chat") is None
    assert cohere_v1.place("POST", "https://chat.example/v1/chat") is None


def test_bodies_without_a_url_are_told_apart():
    assert cohere.claims(EVERYTHING, json.dumps(ANSWER).encode())
    assert cohere.claims(EVERYTHING, events(EVENTS))
    assert not cohere.claims(EVERYTHING, b'{"choices": []}')
    assert not cohere.claims(EVERYTHING, None)
    assert cohere_v1.claims(OLD, None)
    assert not cohere_v1.claims(EVERYTHING, None)


HELLO = Request("command-a", (Message("user", "Hello?"),), params={"stream": True})


def send(wire, server, request=HELLO, **more):
    with httpx2.HTTPTransport() as transport:
        target = Target("t", "cohere", request.model, {"base_url": server.url, "timeout": 5} | more)
        return wire.send(request, target, transport)


@pytest.mark.parametrize(("wire", "path"), [(cohere, "/v2/chat"), (cohere_v1, "/v1/chat")])
def test_a_call_goes_out_as_documented(wire, path, monkeypatch):
    monkeypatch.setenv("CO_API_KEY", "co-key-1")
    with Scripted([reply(ANSWER | OLD_ANSWER)]) as server:
        turn = send(wire, server, headers={"X-Client-Name": "tests"})
    (asked,) = server.requests
    assert (asked.method, asked.path, asked.json) == ("POST", path, wire.encode(HELLO))
    assert asked.headers["authorization"] == "Bearer co-key-1"
    assert asked.headers["x-client-name"] == "tests"
    assert turn.error is None


def test_a_streamed_call_is_read_to_its_end():
    with Scripted([stream([events(EVENTS)])]) as server:
        turn = send(cohere, server)
    assert turn.reply == cohere.decode(ANSWER)
    assert turn.timing.first_token_ms is not None


def test_a_refusal_is_read():
    with Scripted([reply({"id": "x", "message": "invalid api token"}, 401)]) as server:
        turn = send(cohere, server)
    assert (turn.error.kind, turn.error.message) == ("auth", "invalid api token")


@pytest.mark.skipif(not recorded_corpus.PRESENT, reason=recorded_corpus.ABSENT)
def test_every_recording_comes_back_and_is_read_as_the_sdk_reads_it():
    count = 0
    for recording in recorded_corpus.recordings("cohere.chat"):
        wire = cohere if cohere.place("POST", recording.row["path"]) else cohere_v1
        asked = json.loads(recording.request)
        encoded = wire.encode(wire.decode_request(asked))
        assert same(encoded, asked), recording.id
        count += 1
        found = _wire.answer(wire, recording.status, recording.headers, recording.body)
        if recording.status != 200:
            assert found.error.message == json.loads(recording.body)["message"]
            continue
        assert found.error is None
        if wire is cohere_v1:
            answered = json.loads(recording.body)
            assert (found.reply.message.text, found.reply.native_finish_reason) == (
                answered["text"],
                answered["finish_reason"],
            )
        else:
            streamed = bool(recording.row.get("streamed"))
            assert ours(found.reply) == by_sdk(recording.body, streamed), recording.id
            line, sent = client(json.dumps(ANSWER).encode())
            line.chat(**{key: value for key, value in encoded.items() if key != "stream"})
            assert same(json.loads(sent[0].content) | {"stream": asked["stream"]}, asked), recording.id
        if not found.stream:
            assert same(wire.encode_reply(found.reply), json.loads(recording.body)), recording.id
    assert count >= 39
