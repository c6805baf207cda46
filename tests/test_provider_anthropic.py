"""The Messages wire, both directions: what comes back as it was, and what another wire's words become."""

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages_wire import COUNTS, MODEL, TEXT, THINKING, USE, message

from replay import fixtures
from replay.config import Project
from replay.conversation import Conversation, Message, Tool, ToolCall
from replay.errors import BadInput
from replay.jsontext import canonical
from replay.providers import Unreadable, anthropic, openai
from replay.turn import Reply, Request, Usage

PNG = "iVBORw0KGgo="
CACHED = {"cache_control": {"type": "ephemeral"}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_01", "content": "refunded"}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result"}],
}


def image(**source):
    return {"type": "image", "source": source}


def document(**source):
    return {"type": "document", "source": source}


BLOCKS = {
    "text": TEXT,
    "text cached": TEXT | CACHED,
    "text with citations": TEXT | {"citations": [{"type": "char_location", "cited_text": "x"}]},
    "text empty": {"type": "text", "text": ""},
    "text of spaces": {"type": "text", "text": " \n"},
    "text null": {"type": "text", "text": None},
    "image base64": image(type="base64", media_type="image/png", data=PNG),
    "image of another spelling": image(type="base64", media_type="image/jpg", data=PNG),
    "image url": image(type="url", url="https://example.com/a.png") | CACHED,
    "image data url as url": image(type="url", url=f"data:image/png;base64,{PNG}"),
    "image file": image(type="file", file_id="file_1"),
    "pdf": document(type="base64", media_type="application/pdf", data="JVBERi0=")
    | {"title": "T", "context": "c"},
    "pdf url": document(type="url", url="https://example.com/a.pdf"),
    "text document": document(type="text", media_type="text/plain", data="Grüße")
    | {"citations": {"enabled": True}},
    "content document": document(type="content", content=[TEXT]),
    "file document": document(type="file", file_id="file_1"),
    "search result": {"type": "search_result", "source": "s", "title": "t", "content": [TEXT]},
    "of a later day": {"type": "hologram", "shape": [1, {"a": None}]},
    "without a type": {"text": "x"},
}
MESSAGES = {
    "text": [{"role": "user", "content": "x"}],
    "one block": [{"role": "user", "content": [TEXT]}],
    "blocks": [{"role": "user", "content": list(BLOCKS.values())}],
    "empty text": [{"role": "user", "content": ""}],
    "spaces": [{"role": "user", "content": " \n"}],
    "no blocks": [{"role": "user", "content": []}],
    "null": [{"role": "user", "content": None}],
    "prefill": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "{"}],
    "calls and results": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [TEXT, USE, USE | {"id": "toolu_02", "caller": {"type": "direct"}}]},
        {"role": "user", "content": [RESULT, RESULT | {"tool_use_id": "toolu_02", "is_error": True}, TEXT]},
    ],
    "a call between": [{"role": "user", "content": "x"}, {"role": "assistant", "content": [TEXT, USE, TEXT]}],
    "a call first": [{"role": "user", "content": "x"}, {"role": "assistant", "content": [USE, THINKING]}],
    "a call alone": [{"role": "user", "content": "x"}, {"role": "assistant", "content": [USE]}],
    "thinking": [
        {"role": "user", "content": "x"},
        {
            "role": "assistant",
            "content": [THINKING, {"type": "redacted_thinking", "data": "Em8="}, TEXT, USE],
        },
        {"role": "user", "content": [RESULT]},
    ],
    "server tools": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [SEARCH, FOUND, TEXT]},
    ],
    "calls that are none": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [USE | {"input": "x"}, USE | {"id": "a b"}, {"type": "tool_use"}]},
    ],
    "results of all kinds": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [USE]},
        {
            "role": "user",
            "content": [
                TEXT,
                RESULT | {"content": [TEXT, BLOCKS["image base64"], BLOCKS["search result"]]} | CACHED,
                {"type": "tool_result", "tool_use_id": "toolu_01"},
                RESULT | {"content": []},
                RESULT | {"content": ""},
                RESULT | {"content": None},
                RESULT | {"content": 5, "tool_use_id": 5},
                TEXT,
                TEXT,
            ],
        },
    ],
    "of one role": [
        {"role": "assistant", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": [RESULT]},
        {"role": "user", "content": "c"},
        {"role": "user", "content": [RESULT, TEXT]},
    ],
    "system in the middle": [
        {"role": "user", "content": "x"},
        {"role": "system", "content": "Be brief."},
        {"role": "assistant", "content": "y"},
        {"role": "system", "content": [TEXT]},
    ],
    "other fields": [
        {"role": "user", "content": "x", "clear_at": 1},
        {"role": "user", "content": [RESULT], "b": 2},
    ],
    "none": [],
}
WEATHER = {"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {}}}
FIELDS = {
    "nothing": {},
    "system": {"system": "Be brief."},
    "system blocks": {"system": [TEXT | CACHED, TEXT]},
    "system empty": {"system": ""},
    "system of spaces": {"system": " "},
    "system no blocks": {"system": []},
    "tools": {
        "tools": [
            WEATHER,
            WEATHER | {"strict": True, "type": "custom"} | CACHED,
            {"name": "g", "input_schema": {}},
        ]
    },
    "server tools": {
        "tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}, {"type": "x"}]
    },
    "no tools": {"tools": []},
    "choice": {"tool_choice": {"type": "auto"}},
    "choice any": {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
    "choice tool": {"tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": False}},
    "choice none": {"tool_choice": {"type": "none"}},
    "choice of a later day": {"tool_choice": {"type": "auto", "mood": "eager"}},
    "sampling": {"temperature": 0.5, "top_p": 1, "top_k": 5, "stream": False},
    "too hot": {"temperature": 1.5},
    "stops": {"stop_sequences": ["a", "b"]},
    "a blank stop": {"stop_sequences": ["a", "\n"]},
    "user": {"metadata": {"user_id": "u"}},
    "more metadata": {"metadata": {"user_id": "u", "x": 1}},
    "tiers": {"service_tier": "standard_only"},
    "tier auto": {"service_tier": "auto"},
    "output": {
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}, "effort": "xhigh"}
    },
    "more output": {
        "output_config": {"format": {"type": "json_schema", "schema": {}, "x": 1}, "task_budget": {}}
    },
    "no output": {"output_config": {}},
    "no limit": {"max_tokens": 0},
    "its own": {
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "container": "c",
        "context_management": {"edits": []},
        "output_format": {"type": "json_schema", "schema": {}},
        "mcp_servers": [],
        "anthropic_version": "bedrock-2023-05-31",
    },
}


def body(**more):
    return {"model": MODEL, "max_tokens": 100, "messages": MESSAGES["text"]} | more


def returned(sent):
    """A body through the request, its JSON, and back."""
    request = anthropic.decode_request(sent)
    data = json.loads(
        json.dumps(Conversation("c", request.messages, request.tools, request.params).to_json())
    )
    kept = Conversation.from_json("c", data)
    assert (kept.messages, kept.tools, kept.params) == (request.messages, request.tools, request.params)
    return anthropic.encode(Request(request.model, kept.messages, kept.tools, kept.params))


@pytest.mark.parametrize("messages", MESSAGES.values(), ids=MESSAGES)
def test_messages_come_back_as_they_were(messages):
    assert returned(body(messages=messages)) == body(messages=messages)


@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
def test_fields_come_back_as_they_were(fields):
    assert returned(body(**fields)) == body(**fields)


def test_a_body_without_model_and_limit_comes_back_so():
    assert returned({"messages": []}) == {"messages": []}


BLOCK = st.sampled_from([*BLOCKS.values(), USE, RESULT, THINKING, SEARCH, FOUND, USE | {"id": "toolu_02"}])
SAID = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant", "system"]),
        "content": st.sampled_from(["", "x", None]) | st.lists(BLOCK, max_size=5),
    }
)


@settings(max_examples=150)
@given(st.lists(SAID, max_size=5), st.lists(st.sampled_from(list(FIELDS.values())), max_size=3))
def test_any_mixture_comes_back_as_it_was(messages, fields):
    sent = body(messages=messages)
    for more in fields:
        sent |= more
    uses = [
        b["id"]
        for m in messages
        for b in m["content"] or ()
        if isinstance(b, dict) and b.get("type") == "tool_use"
    ]
    if len(uses) == len(set(uses)):  # a second call of one id gets another
        assert canonical(returned(sent)) == canonical(sent)


def test_the_chat_has_words_for_most_of_a_request():
    request = anthropic.decode_request(
        body(
            system="Be brief.",
            messages=[
                {
                    "role": "user",
                    "content": [TEXT, BLOCKS["image base64"], BLOCKS["text document"] | {"title": "t.txt"}],
                },
                {"role": "assistant", "content": [TEXT, USE]},
                {"role": "user", "content": [RESULT, TEXT]},
            ],
            tools=[WEATHER | {"strict": True}],
            **FIELDS["choice tool"],
            **FIELDS["stops"],
            **FIELDS["user"],
            **FIELDS["output"],
            stream=True,
        )
    )
    chat = openai.encode(request)
    assert chat == {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    TEXT,
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                    {
                        "type": "file",
                        "file": {"file_data": "data:text/plain;base64,R3LDvMOfZQ==", "filename": "t.txt"},
                    },
                ],
            },
            {
                "role": "assistant",
                "content": "On its way.",
                "tool_calls": [
                    {
                        "id": "toolu_01",
                        "type": "function",
                        "function": {"name": "lookup_order", "arguments": '{"order_id":"A-1001"}'},
                    }
                ],
            },
            {"role": "tool", "content": "refunded", "tool_call_id": "toolu_01"},
            {"role": "user", "content": "On its way."},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "description": "d",
                    "parameters": {"type": "object", "properties": {}},
                    "strict": True,
                },
            }
        ],
        "max_completion_tokens": 100,
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": True,
        "stop": ["a", "b"],
        "user": "u",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "response", "schema": {"type": "object"}, "strict": True},
        },
        "reasoning_effort": "xhigh",
        "stream": True,
    }


def test_thinking_is_shown_as_the_chat_shows_it_and_kept_as_it_was():
    request = anthropic.decode_request(body(messages=MESSAGES["thinking"]))
    assert request.messages[1].extra == {"reasoning_content": "It is late."}
    assert request.messages[1].content[0] == {"type": "native", "anthropic": THINKING}
    assert request.messages[1].text == "On its way."


def chat(*messages, tools=(), **params):
    """What a chat becomes on this wire, without its model."""
    asked = openai.decode_request({"model": "m", "messages": list(messages), "tools": list(tools)} | params)
    sent = anthropic.encode(asked)
    return {key: value for key, value in sent.items() if key != "model"}


def said(*messages):
    return chat(*messages)["messages"]


USER = {"role": "user", "content": "Hi."}


def call(key="toolu_1", arguments='{"a":1}', **more):
    return {"id": key, "type": "function", "function": {"name": "f", "arguments": arguments}} | more


def test_a_chat_without_a_limit_is_asked_for_4096_tokens():
    assert chat(USER) == {"messages": [USER], "max_tokens": 4096}
    assert chat(USER, max_tokens=5)["max_tokens"] == 5
    assert chat(USER, max_tokens=5, max_completion_tokens=6)["max_tokens"] == 6


def test_system_messages_at_the_beginning_are_the_system_prompt():
    sent = chat(
        {"role": "system", "content": "A"},
        {"role": "developer", "content": [{"type": "text", "text": "B"}]},
        USER,
    )
    assert sent["system"] == [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]
    assert sent["messages"] == [USER]
    assert chat({"role": "system", "content": "A"}, USER)["system"] == "A"


def test_system_messages_in_the_middle_are_the_users_at_their_place():
    assert said(
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call()]},
        {"role": "system", "content": "Be brief."},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "x"},
        {"role": "assistant", "content": "y"},
        {"role": "developer", "content": "Be long."},
    )[2:] == [
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"},
                {"type": "text", "text": "Be brief."},
            ],
        },
        {"role": "assistant", "content": "y"},
        {"role": "user", "content": "Be long."},
    ]


def test_messages_of_one_role_become_one():
    assert said(
        USER, USER, {"role": "assistant", "content": "a"}, {"role": "assistant", "tool_calls": [call()]}
    ) == [
        {"role": "user", "content": [{"type": "text", "text": "Hi."}] * 2},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "a"},
                {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
            ],
        },
    ]


def test_results_and_what_the_user_says_next_are_one_message():
    assert said(
        USER,
        {"role": "assistant", "content": "", "tool_calls": [call(), call("toolu_2", "")]},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "x"},
        {"role": "tool", "tool_call_id": "toolu_2", "content": ""},
        USER,
    )[1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
                {"type": "tool_use", "id": "toolu_2", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": ""},
                {"type": "text", "text": "Hi."},
            ],
        },
    ]


def test_empty_messages_are_left_out_and_their_neighbours_joined():
    empty = {"role": "user", "content": ""}
    blank = {"role": "user", "content": [{"type": "text", "text": ""}]}
    assert said(
        USER, {"role": "assistant", "content": None}, empty, blank, {"role": "assistant", "content": ""}, USER
    ) == [{"role": "user", "content": [{"type": "text", "text": "Hi."}] * 2}]


@pytest.mark.parametrize(
    "messages", [[], [{"role": "assistant", "content": "a"}], [{"role": "system", "content": "s"}]]
)
def test_a_user_begins(messages):
    assert said(*messages)[0] == {"role": "user", "content": "..."}


def test_ids_that_are_illegal_or_used_before_are_minted_the_same_for_call_and_result():
    messages = [
        USER,
        {"role": "assistant", "tool_calls": [call("functions.f:0"), call("functions.f:0"), call("ok")]},
        {"role": "tool", "tool_call_id": "functions.f:0", "content": "1"},
        {"role": "tool", "tool_call_id": "functions.f:0", "content": "2"},
        {"role": "tool", "tool_call_id": "ok", "content": "3"},
        {"role": "assistant", "tool_calls": [call("ok")]},
        {"role": "tool", "tool_call_id": "ok", "content": "4"},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "5"},
    ]
    sent = said(*messages)
    uses = [block["id"] for message in sent[1::2] for block in message["content"]]
    results = [block["tool_use_id"] for message in sent[2::2] for block in message["content"]]
    assert uses == results
    assert len(set(uses)) == 5
    assert uses[2] == "ok"
    assert all(key.replace("_", "").isalnum() for key in uses)
    assert sent == said(*messages)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ("[1]", {"input": [1]}),
        ('{"a": 1', {"input": '{"a": 1'}),
        ('{"a": 1, "a": 2}', {"input": '{"a": 1, "a": 2}'}),
        ('{"a": NaN}', {"input": '{"a": NaN}'}),
        ("null", {"input": None}),
        (" ", {}),
    ],
)
def test_arguments_that_are_no_object_are_sent_in_one(arguments, wanted):
    assert (
        said(USER, {"role": "assistant", "tool_calls": [call(arguments=arguments)]})[1]["content"][0]["input"]
        == wanted
    )


def test_a_tool_of_free_text_takes_its_text_as_an_argument():
    custom = {"type": "custom", "custom": {"name": "sql", "description": "Runs it."}}
    called = {"id": "c1", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}
    sent = chat(USER, {"role": "assistant", "tool_calls": [called]}, tools=[custom])
    (tool,) = sent["tools"]
    assert (tool["name"], tool["description"], tool["input_schema"]["required"]) == (
        "sql",
        "Runs it.",
        ["input"],
    )
    assert sent["messages"][1]["content"][0]["input"] == {"input": "select 1"}


def test_parts_of_the_chat_are_blocks_where_there_is_one():
    parts = [
        {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}},
        {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,QQ==", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,QQ==", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_data": "data:text/csv,a%2Cb"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "native", "gemini": {"thoughtSignature": "x"}},
        {"type": "image_url", "image_url": None},
    ]
    assert said({"role": "user", "content": parts})[0]["content"] == [
        {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}},
        image(type="base64", media_type="image/jpeg", data="QQ=="),
        image(type="url", url="https://example.com/a.png"),
        document(type="base64", media_type="application/pdf", data="QQ==") | {"title": "a.pdf"},
        document(type="text", media_type="text/plain", data="a,b"),
        document(type="file", file_id="file-1"),
    ]


def test_a_refusal_is_said_as_text():
    refused = {"role": "assistant", "content": None, "refusal": "I can't."}
    assert said(USER, refused)[1] == {"role": "assistant", "content": [{"type": "text", "text": "I can't."}]}


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"stop": ["\n", "END"]}, {"stop_sequences": ["END"]}),
        ({"temperature": 1.7}, {"temperature": 1.0}),
        ({"user": "u"}, {"metadata": {"user_id": "u"}}),
        ({"service_tier": "default"}, {"service_tier": "standard_only"}),
        ({"service_tier": "flex"}, {}),
        ({"tool_choice": "required"}, {"tool_choice": {"type": "any"}}),
        ({"tool_choice": "none", "parallel_tool_calls": False}, {"tool_choice": {"type": "none"}}),
        (
            {"parallel_tool_calls": False},
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        ),
        ({"parallel_tool_calls": True}, {}),
        ({"function_call": {"name": "f"}}, {"tool_choice": {"type": "tool", "name": "f"}}),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": []}}},
            {"tool_choice": {"type": "any"}},
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {"type": "object"}},
                }
            },
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        ),
        ({"response_format": {"type": "json_object"}}, {}),
        ({"reasoning_effort": "minimal"}, {"output_config": {"effort": "low"}}),
        ({"reasoning_effort": "none"}, {}),
        (
            {
                "n": 2,
                "seed": 1,
                "logprobs": True,
                "frequency_penalty": 1,
                "stream_options": {},
                "metadata": {"a": "b"},
            },
            {},
        ),
    ],
)
def test_params_of_the_chat_are_said_or_left_out(params, wanted):
    tool = {"type": "function", "function": {"name": "f"}}
    sent = chat(USER, tools=[tool], **params)
    assert (
        sent
        == {
            "messages": [USER],
            "max_tokens": 4096,
            "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        }
        | wanted
    )


def test_without_tools_there_is_no_choice_to_restrict():
    assert "tool_choice" not in chat(USER, parallel_tool_calls=False)


def test_functions_of_the_old_chat_are_tools():
    sent = chat(USER, functions=[{"name": "f", "parameters": {"properties": {}}}], function_call="auto")
    assert sent["tools"] == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
    assert sent["tool_choice"] == {"type": "auto"}


REPLIES = {
    "text": message(),
    "empty text": message({"type": "text", "text": ""}),
    "spaces": message({"type": "text", "text": "\n\n"}, USE, TEXT),
    "nothing": message(content=[]),
    "text and call": message(TEXT, USE | {"caller": {"type": "direct"}}, stop_reason="tool_use"),
    "a call between": message(TEXT, USE, TEXT, stop_reason="pause_turn"),
    "empty text and call": message({"type": "text", "text": ""}, USE, stop_reason="tool_use"),
    "thinking": message(THINKING, TEXT, USE, stop_reason="tool_use"),
    "citations": message(BLOCKS["text with citations"], TEXT),
    "server tools": message(SEARCH, FOUND, TEXT, container={"id": "c"}),
    "stop sequence": message(stop_reason="stop_sequence", stop_sequence="END"),
    "cut": message(stop_reason=None),
    "no usage": {k: v for k, v in message().items() if k != "usage"},
    "usage that is none": message(usage={"input_tokens": "9", "output_tokens": -1}),
}  # fmt: skip


@pytest.mark.parametrize("body", REPLIES.values(), ids=REPLIES)
def test_a_reply_comes_back_from_its_body(body):
    reply = anthropic.decode(body)
    assert anthropic.decode(anthropic.encode_reply(reply)) == reply
    assert Reply.from_json(json.loads(json.dumps(reply.to_json()))) == reply
    assert anthropic.encode_reply(reply) == body


def test_a_reply_in_the_chats_words():
    details = {"output_tokens_details": {"thinking_tokens": 3}}
    reply = anthropic.decode(message(THINKING, TEXT, USE, stop_reason="tool_use", usage=COUNTS | details))
    assert reply.message.text == "On its way."
    assert reply.message.extra == {"reasoning_content": "It is late."}
    assert reply.message.tool_calls == (ToolCall("toolu_01", "lookup_order", '{"order_id":"A-1001"}'),)
    assert (reply.finish_reason, reply.native_finish_reason, reply.model) == ("tool_calls", "tool_use", MODEL)
    assert reply.usage == Usage(159, 4, 163, 50, 3)
    assert reply.extra == {"id": "msg_01", "usage": COUNTS | details}


@pytest.mark.parametrize(
    ("native", "word"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("of_a_later_day", None),
        (None, None),
    ],
)
def test_why_it_stopped(native, word):
    reply = anthropic.decode(message(stop_reason=native))
    assert (reply.finish_reason, reply.native_finish_reason) == (word, native)


def test_a_reply_of_the_chat_is_a_message_here():
    reply = openai.decode(
        {
            "object": "chat.completion",
            "created": 1,
            "id": "chatcmpl-1",
            "model": "m",
            "choices": [
                {
                    "finish_reason": "tool_calls",
                    "message": {
                        "content": "x",
                        "reasoning_content": "hm",
                        "tool_calls": [call(arguments='{"a": 1}')],
                    },
                }
            ],
            "usage": {
                "prompt_tokens": 9,
                "completion_tokens": 4,
                "total_tokens": 13,
                "prompt_tokens_details": {"cached_tokens": 3},
            },
        }
    )
    written = anthropic.encode_reply(reply)
    assert written == {
        "type": "message",
        "role": "assistant",
        "id": "chatcmpl-1",
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": ""},
            {"type": "text", "text": "x"},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 6, "cache_read_input_tokens": 3, "output_tokens": 4},
    }
    assert anthropic.decode(written).usage == reply.usage


def test_an_answer_goes_back_with_the_next_question():
    reply = anthropic.decode(message(THINKING, TEXT, USE, stop_reason="tool_use"))
    answered = Message("tool", "refunded", tool_call_id="toolu_01")
    sent = anthropic.encode(Request(MODEL, (Message("user", "x"), reply.message, answered)))
    assert sent["messages"][1:] == [
        {"role": "assistant", "content": [THINKING, TEXT, USE]},
        {"role": "user", "content": [RESULT]},
    ]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ([], "the request is a list, not an object"),
        ({}, "messages is missing"),
        ({"prompt": "\n\nHuman: x"}, "a text completion"),
        ({"messages": "x"}, "messages is text, not a list"),
        ({"messages": [1]}, r"messages\[0\] is a number"),
        ({"messages": [{"content": "x"}]}, r"messages\[0\].role is None, none of user, assistant, system"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, r"messages\[0\].role is \['user'\]"),
        ({"messages": [{"role": "user"}]}, r"messages\[0\].content is missing"),
        ({"messages": [{"role": "user", "content": 5}]}, r"messages\[0\].content is a number"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, r"messages\[0\].content\[0\] is text"),
        ({"messages": [], "tools": ["x"]}, r"tools\[0\] is text"),
        ({"messages": [], "model": 5}, "model is not text"),
        ({"messages": [], "system": 5}, "system is a number"),
    ],
)
def test_a_request_that_cannot_be_read_says_where(broken, says):
    with pytest.raises(Unreadable, match=says) as refused:
        anthropic.decode_request(broken)
    assert refused.value.error.kind == "invalid_request"


@pytest.mark.parametrize(
    ("broken", "kind", "says"),
    [
        (None, "bad_response", "the body is null"),
        ({}, "bad_response", "the body has no content"),
        (message() | {"content": None}, "bad_response", "content is not a list"),
        (message("x"), "bad_response", r"content\[0\] is text"),
        ({"type": "error", "error": {"type": "api_error", "message": "oops"}}, "bad_response", "oops"),
        ({"type": "completion", "completion": "x"}, "bad_response", "no content"),
    ],
)
def test_a_body_that_is_no_reply_says_why(broken, kind, says):
    with pytest.raises(Unreadable, match=says) as refused:
        anthropic.decode(broken)
    assert refused.value.error.kind == kind


WORDS = [
    "type",
    "text",
    "thinking",
    "tool_use",
    "tool_result",
    "image",
    "source",
    "base64",
    "content",
    "input",
    "id",
]
WORDS += [
    "name",
    "role",
    "user",
    "assistant",
    "messages",
    "tools",
    "system",
    "usage",
    "input_tokens",
    "stop_reason",
]
WORDS += [
    "document",
    "data",
    "media_type",
    "url",
    "output_config",
    "format",
    "tool_choice",
    "metadata",
    "tool_use_id",
]
WILD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=20,
)


def mutated(draw, value):
    """The value with one thing in it replaced by anything."""
    if isinstance(value, dict | list) and value and draw(st.integers(0, 3)):
        place = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
        copy = dict(value) if isinstance(value, dict) else list(value)
        copy[place] = mutated(draw, copy[place])
        return copy
    return draw(WILD)


WHOLE = body(system=[TEXT], messages=MESSAGES["calls and results"], tools=[WEATHER], **FIELDS["output"])


@settings(max_examples=200)
@given(st.data())
def test_any_request_body_is_read_or_refused(data):
    wild = mutated(data.draw, WHOLE | data.draw(st.sampled_from(list(FIELDS.values()))))
    with suppress(Unreadable):
        read = anthropic.decode_request(wild)
        back = anthropic.decode_request(anthropic.encode(read))
        assert anthropic.encode(back) == anthropic.encode(read)


@settings(max_examples=200)
@given(st.data())
def test_any_body_is_a_reply_or_unreadable(data):
    wild = mutated(data.draw, data.draw(st.sampled_from(list(REPLIES.values()))))
    with suppress(Unreadable):
        reply = anthropic.decode(wild)
        assert isinstance(reply.message.text, str)
        assert Reply.from_json(reply.to_json()) == reply
        assert anthropic.decode(anthropic.encode_reply(reply)).message.text == reply.message.text


@settings(max_examples=100)
@given(st.data())
def test_any_chat_can_be_sent(data):
    asked = {
        "messages": [USER, {"role": "assistant", "content": "x", "tool_calls": [call()]}],
        "tools": [],
        "stop": ["a"],
    }
    wild = mutated(
        data.draw, asked | {"response_format": {}, "tool_choice": "auto", "reasoning_effort": "low"}
    )
    with suppress(Unreadable):
        sent = anthropic.encode(openai.decode_request(wild))
        anthropic.decode_request(sent)


ASKED = {"model": MODEL, "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}


@pytest.mark.parametrize(
    ("asked", "answered", "claimed"),
    [
        (ASKED, json.dumps(message()).encode(), True),
        (ASKED, b'event: message_start\ndata: {"type": "message_start", "message": {}}\n\n', True),
        (ASKED, b'{"type": "error", "error": {"type": "overloaded_error", "message": "x"}}', True),
        (ASKED, b'{"choices": []}', False),
        (ASKED, b'{"error": {"message": "x"}}', False),
        (ASKED, b"<html>", False),
        (ASKED, b"[]", False),
        (ASKED, None, False),
        (ASKED | {"system": "x"}, None, True),
        (ASKED | {"tools": [WEATHER]}, None, True),
        (ASKED | {"messages": [{"role": "user", "content": [RESULT]}]}, None, True),
        (ASKED | {"messages": ["x"], "tools": 5}, None, False),
        ({"messages": "x"}, None, False),
        (None, None, False),
    ],
)
def test_an_exchange_without_its_url_is_claimed_by_what_only_this_wire_says(asked, answered, claimed):
    assert anthropic.claims(asked, answered) is claimed
    if claimed and answered:
        assert not openai.claims(asked, answered) or b"error" in answered


def test_a_fixture_holds_what_only_this_wire_says(tmp_path):
    project, path = Project(tmp_path), tmp_path / "fixtures" / "conversations" / "c.yaml"
    asked = anthropic.decode_request(
        body(system=[TEXT | CACHED], messages=MESSAGES["thinking"], **FIELDS["its own"])
    )
    conversation = Conversation("c", asked.messages, asked.tools, asked.params)
    path.parent.mkdir(parents=True)
    path.write_text(fixtures.dump(conversation), "utf-8")
    assert replace(fixtures.load(path, project), source={}) == conversation
    path.write_text(
        path.read_text("utf-8").replace("native: {anthropic: {cache", "native: {antropic: {cache"), "utf-8"
    )
    with pytest.raises(BadInput, match='no provider is called "antropic"; did you mean "anthropic"'):
        fixtures.load(path, project)


def test_a_server_tool_keeps_its_name_in_a_fixture():
    tool = anthropic.decode_request(body(**FIELDS["server tools"])).tools[0]
    assert tool.name == "web_search"
    assert Tool.from_json(tool.to_json()) == tool
    assert openai.encode(Request("m", (Message("user", "x"),), (tool,))) == {
        "model": "m",
        "messages": [{"role": "user", "content": "x"}],
    }
