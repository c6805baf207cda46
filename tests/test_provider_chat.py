"""The Chat Completions codec: requests there and back, replies and all their fields."""

import json
import math
from contextlib import suppress

import pytest
from chat_wire import completion
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.conversation import Message, Tool, ToolCall
from replay.providers import Unreadable, openai, registry
from replay.providers._settings import adapt
from replay.turn import Request, Usage

TEXT = st.text(max_size=12)
NAME = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAME, inner, max_size=3),
    max_leaves=6,
)


def extras(*taken):
    return st.dictionaries(NAME.filter(lambda name: name not in taken), JSON, max_size=2)


CALLS = st.builds(
    ToolCall,
    TEXT,
    NAME,
    TEXT,
    st.sampled_from(["function", "custom"]),
    extras("id", "type", "function", "custom"),
)
LEGACY = st.builds(ToolCall, st.just(""), NAME, TEXT, st.just("function_call"))
PARTS = st.lists(st.dictionaries(NAME, JSON, min_size=1, max_size=3), max_size=3)
MESSAGES = st.builds(
    Message,
    st.sampled_from(["system", "developer", "user", "assistant", "tool"]),
    st.none() | TEXT | PARTS,
    st.tuples() | st.lists(CALLS, max_size=3).map(tuple) | st.tuples(LEGACY),
    st.none() | TEXT,
    extras("role", "content", "tool_calls", "tool_call_id", "function_call"),
)
FUNCTIONS = st.builds(
    Tool,
    NAME,
    st.none() | TEXT,
    st.none() | st.dictionaries(NAME, JSON, max_size=3),
    extra=extras("name", "description", "parameters", "effect", "type", "function"),
    outer=extras("name", "description", "parameters", "effect", "type", "function"),
)
OTHERS = st.sampled_from(
    [
        {"type": "web_search", "max_results": 3},
        {"type": "custom", "custom": {"name": "sql", "format": {"type": "text"}}},
    ]
).map(Tool.from_json)
REQUESTS = st.builds(
    Request,
    TEXT,
    st.lists(MESSAGES, max_size=4).map(tuple),
    st.lists(FUNCTIONS | OTHERS, max_size=3).map(tuple),
    extras("model", "messages", "tools"),
)


@settings(max_examples=60)
@given(REQUESTS)
def test_a_request_comes_back_from_the_wire_as_it_went(request):
    assert openai.decode_request(openai.encode(request)) == request


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from(["model", "messages", "tools", "stop"]), JSON | st.lists(JSON, max_size=3)
    )
)
def test_any_request_body_is_read_or_refused(body):
    with suppress(Unreadable):
        read = openai.decode_request(body)
        assert openai.decode_request(openai.encode(read)) == read


FIELDS = [
    "choices",
    "index",
    "message",
    "delta",
    "content",
    "tool_calls",
    "function",
    "id",
    "type",
    "name",
    "arguments",
]
FIELDS += [
    "function_call",
    "finish_reason",
    "logprobs",
    "usage",
    "prompt_tokens_details",
    "error",
    "detail",
    "role",
]
WILD = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=20,
)
CHOICES = st.fixed_dictionaries(
    {"choices": st.lists(st.fixed_dictionaries({"message": WILD, "delta": WILD}) | WILD)}
)


def read(decode, document):
    try:
        return decode(document)
    except Unreadable as problem:
        return problem.partial


@settings(max_examples=60)
@given(WILD | CHOICES)
def test_any_body_is_a_reply_or_unreadable(body):
    reply = read(openai.decode, body)
    if reply:
        assert isinstance(reply.message.text, str)
        assert type(reply).from_json(reply.to_json()) == reply


@settings(max_examples=60)
@given(st.lists(WILD | CHOICES, max_size=5))
def test_any_chunks_are_a_reply_or_unreadable(chunks):
    events = [{"event": "", "data": json.dumps(chunk)} for chunk in chunks]
    reply = read(openai.decode_stream, events)
    if reply:
        assert isinstance(reply.message.text, str)


def test_a_request_body_that_cannot_be_read_says_where():
    with pytest.raises(Unreadable, match=r"messages\[1\]\.tool_calls\[0\]\.function is text, not an object"):
        openai.decode_request(
            {"messages": [{"role": "user"}, {"role": "x", "tool_calls": [{"function": "f"}]}]}
        )


def test_an_empty_list_of_tools_is_sent_again():
    body = {"model": "m", "messages": [], "tools": []}
    assert openai.encode(openai.decode_request(body)) == body


def test_all_of_a_reply_is_kept():
    token = {"token": "x", "logprob": -0.1, "bytes": [120], "top_logprobs": [{"token": "y", "logprob": -2}]}
    message = {
        "content": None,
        "refusal": "I can't help with that.",
        "reasoning_content": "hm",
        "audio": {"id": "a", "data": "AAAA", "expires_at": 1, "transcript": "hi"},
        "annotations": [{"type": "url_citation", "url_citation": {"url": "https://example.com"}}],
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1'}},
            {"id": "c2", "type": "custom", "custom": {"name": "sql", "input": "select 1"}},
        ],
    }
    usage = {
        "prompt_tokens": 87,
        "completion_tokens": 50,
        "total_tokens": 137,
        "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 32, "accepted_prediction_tokens": 1},
    }
    body = completion(
        message, "tool_calls", usage=usage, service_tier="flex", system_fingerprint="fp", x_new={"a": 1}
    )
    body["choices"][0] |= {"logprobs": {"content": [token], "refusal": None}, "stop_reason": 13}
    reply = openai.decode(body)
    assert reply.message.tool_calls == (
        ToolCall("c1", "f", '{"a": 1'),
        ToolCall("c2", "sql", "select 1", "custom"),
    )
    assert reply.message.extra == {
        k: message[k] for k in ("refusal", "reasoning_content", "audio", "annotations")
    }
    assert reply.usage == Usage(87, 50, 137, 64, 32)
    assert reply.extra["usage"] == usage
    assert reply.logprobs == {"content": [token], "refusal": None}
    assert reply.model == "gpt-4o-mini-2024-07-18"
    assert reply.extra["choice"] == {"stop_reason": 13}
    assert {k: reply.extra[k] for k in ("id", "service_tier", "system_fingerprint", "x_new")} == {
        "id": "chatcmpl-1",
        "service_tier": "flex",
        "system_fingerprint": "fp",
        "x_new": {"a": 1},
    }


def test_a_legacy_function_call_is_a_tool_call():
    reply = openai.decode(
        completion({"content": None, "function_call": {"name": "f", "arguments": "{}"}}, "function_call")
    )
    assert reply.message.tool_calls == (ToolCall("", "f", "{}", "function_call"),)
    assert (reply.finish_reason, reply.native_finish_reason) == ("tool_calls", "function_call")


def test_an_empty_legacy_function_call_is_none():
    assert (
        openai.decode(completion({"function_call": {"name": "", "arguments": ""}})).message.tool_calls == ()
    )


def test_the_other_choices_are_kept_in_order():
    body = completion()
    body["choices"] += [
        {"index": 1, "message": {"role": "assistant", "content": "b"}, "finish_reason": "length"}
    ]
    first, second = openai.decode(body).choices()
    assert (first.message.text, second.message.text, second.finish_reason) == ("On its way.", "b", "length")
    assert first.usage is not None
    assert second.usage is None


@pytest.mark.parametrize(
    ("native", "word"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "content_filter"),
        ("function_call", "tool_calls"),
        ("eos", "stop"),
        ("end_turn", "stop"),
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        ("SAFETY", "content_filter"),
        ("insufficient_system_resource", None),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_finish_reasons_are_four_words_beside_the_native_one(native, word):
    reply = openai.decode(completion(finish_reason=native))
    assert reply.finish_reason == word
    assert reply.native_finish_reason == (native if isinstance(native, str) and native else None)


@pytest.mark.parametrize("count", ["9", -1, 1.5, math.inf, math.nan, True, [9], None])
def test_a_count_that_is_none_is_not_counted_and_kept_as_sent(count):
    usage = {"prompt_tokens": count, "completion_tokens": 4, "total_tokens": 13}
    reply = openai.decode(completion(usage=usage))
    assert reply.usage == Usage(None, 4, 13)
    assert reply.extra["usage"] is usage


@pytest.mark.parametrize(
    "place", [{"x_groq": {"usage": {"prompt_tokens": 9}}}, {"usage": {"prompt_tokens": 9}}]
)
def test_usage_is_found_in_the_places_that_servers_have_for_it(place):
    choice = {"message": {"content": "hi"}} | place
    for body in (place | {"choices": [{"message": {"content": "hi"}}]}, {"choices": [choice]} | place):
        assert openai.decode(body).usage == Usage(9)
    assert openai.decode({"choices": [{"message": {}, "usage": {"prompt_tokens": 9}}]}).usage == Usage(9)


@pytest.mark.parametrize("usage", [None, {}, "9 tokens", [], {"prompt_tokens": None}])
def test_without_usage_there_is_none(usage):
    assert openai.decode(completion(usage=usage)).usage is None


@pytest.mark.parametrize(
    ("details", "cached", "reasoning"),
    [
        ({"prompt_tokens_details": None, "completion_tokens_details": None}, None, None),
        ({"prompt_tokens_details": {"cached_tokens": 0}}, 0, None),
        ({"prompt_cache_hit_tokens": 5, "prompt_cache_miss_tokens": 4}, 5, None),
        ({"cached_tokens": 5}, 5, None),
        ({"reasoning_tokens": 3}, None, 3),
    ],
)
def test_cached_and_reasoning_tokens_are_found_where_servers_put_them(details, cached, reasoning):
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13} | details
    assert openai.decode(completion(usage=usage)).usage == Usage(9, 4, 13, cached, reasoning)


def test_usage_that_says_it_all_is_not_kept_twice():
    assert "usage" not in openai.decode(completion()).extra


def test_a_choice_that_the_filter_withheld_is_a_reply():
    body = {
        "choices": [{"index": 0, "finish_reason": "content_filter", "content_filter_results": {"hate": {}}}]
    }
    reply = openai.decode(body)
    assert (reply.finish_reason, reply.message.content) == ("content_filter", None)
    assert reply.extra["choice"] == {"content_filter_results": {"hate": {}}}


def test_half_a_surrogate_pair_is_kept():
    assert openai.decode({"choices": [{"message": {"content": "\ud83d"}}]}).message.content == "\ud83d"


def test_a_target_adds_renames_and_drops_params():
    body = {"model": "m", "messages": [], "max_tokens": 5, "temperature": 0, "seed": 1}
    params = {
        "drop": ["seed"],
        "rename": {"max_tokens": "max_completion_tokens"},
        "add": {"temperature": 1, "reasoning_effort": "low"},
    }
    adapted = adapt(body, {"params": params})
    assert adapted == {
        "model": "m",
        "messages": [],
        "max_completion_tokens": 5,
        "temperature": 0,
        "reasoning_effort": "low",
    }
    assert adapt(body, {}) == body


@pytest.mark.parametrize("name", registry.names())
def test_every_provider_has_both_directions(name):
    provider = registry.get(name)
    for part in ("encode", "decode", "decode_stream", "decode_request", "secrets", "send"):
        assert callable(getattr(provider, part))


def test_what_only_another_wire_can_say_is_not_sent():
    thought = {"type": "native", "anthropic": {"type": "thinking", "thinking": "hm", "signature": "c2ln"}}
    call = ToolCall("call_1", "look", "{}", extra={"native": {"gemini": {"thoughtSignature": "AA=="}}})
    said = Message("assistant", [thought, {"type": "text", "text": "Hello"}], (call,), extra={"native": {}})
    only = Message("assistant", [thought])
    tools = (Tool("web", type="native", outer={"anthropic": {"type": "web_search_20250305"}}),)
    body = openai.encode(Request("gpt-4o", (said, only), tools, {"native": {"anthropic": {"top_k": 4}}}))
    assert body["messages"][0]["content"] == [{"type": "text", "text": "Hello"}]
    assert len(body["messages"]) == 1  # an assistant message that says nothing is refused
    assert "native" not in json.dumps(body)
    assert "tools" not in body


def test_a_reply_comes_back_from_the_wire_as_it_went():
    first = openai.decode(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": "gpt-4o",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "tool_calls",
                    "message": {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{"}}
                        ],
                    },
                },
                {"index": 1, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}},
            ],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        }
    )
    assert openai.decode(openai.encode_reply(first)) == first


def test_thinking_that_another_wire_signed_is_not_repeated():
    thought = {"type": "native", "anthropic": {"type": "thinking", "thinking": "hm", "signature": "c2ln"}}
    parts = [thought, {"type": "text", "text": "Hello"}]
    said = Message("assistant", parts, extra={"reasoning_content": "hm"})
    own = Message("assistant", "Hello", extra={"reasoning_content": "hm"})
    body = openai.encode(Request("gpt-4o", (said, own)))
    assert "reasoning_content" not in body["messages"][0]
    assert body["messages"][1]["reasoning_content"] == "hm"
