"""The Responses wire: requests there and back, replies, streams, and the official SDK beside it."""

import copy
import json
from contextlib import suppress

import httpx2
import openai as sdk
import pytest
from chat_wire import send as send_to
from chat_wire import sse
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_corpus import ABSENT, PRESENT, recordings
from scripted import Scripted, reply, stream

from replay.conversation import Message, Tool, ToolCall
from replay.jsontext import canonical
from replay.providers import Place, Unreadable, openai, openai_responses
from replay.providers._wire import answer
from replay.turn import Reply, Request, Target, Usage

WIRE = "openai_responses"
SAID = {"type": "output_text", "text": "On its way.", "annotations": [], "logprobs": []}
CITED = {"type": "url_citation", "url": "https://a.b", "title": "A", "start_index": 0, "end_index": 1}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [SAID]}
REASONING = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "Look it up."}],
    "encrypted_content": "gAAAA",
}
CALL = {
    "id": "fc_1",
    "type": "function_call",
    "status": "completed",
    "call_id": "call_1",
    "name": "lookup",
    "arguments": '{"id": "A-1"}',
}
CUSTOM = {
    "id": "ct_1",
    "type": "custom_tool_call",
    "status": "completed",
    "call_id": "call_2",
    "name": "sql",
    "input": "select 1",
}
SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search"}}
PARAMETERS = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
FUNCTION = {"type": "function", "name": "lookup", "parameters": PARAMETERS, "strict": True}


def body(*output, **more):
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1741000000,
        "status": "completed",
        "model": "gpt-4o-mini-2024-07-18",
        "output": list(output),
        "usage": {
            "input_tokens": 9,
            "input_tokens_details": {"cached_tokens": 4},
            "output_tokens": 6,
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": 15,
        },
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    } | more


ITEMS = {
    "text": [{"role": "user", "content": "Where is it?"}],
    "empty": [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}],
    "no parts": [{"role": "user", "content": []}, MESSAGE | {"content": []}, MESSAGE],
    "typed": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Where?"}]}],
    "roles": [
        {"role": "developer", "content": "Be brief."},
        {"role": "system", "content": [{"type": "input_text", "text": "Be kind."}]},
        {"role": "user", "content": "Hi"},
    ],
    "media": [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
                {"type": "input_image", "file_id": "file-1", "detail": "auto"},
                {"type": "input_file", "file_data": "data:text/plain;base64,AAAA", "filename": "a.txt"},
                {"type": "input_file", "file_id": "file-2"},
                {"type": "input_file", "file_url": "https://example.com/a.pdf"},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            ],
        }
    ],
    "reply": [{"role": "user", "content": "Hi"}, REASONING, MESSAGE, CALL],
    "order": [CALL, REASONING, MESSAGE, SEARCH, CUSTOM, MESSAGE, CALL | {"call_id": "call_3"}, REASONING],
    "only calls": [CALL, CUSTOM, {k: CALL[k] for k in ("type", "call_id", "name", "arguments")}],
    "refusal": [MESSAGE | {"content": [{"type": "refusal", "refusal": "I can't."}]}],
    "text and refusal": [MESSAGE | {"content": [SAID, {"type": "refusal", "refusal": "No more."}]}],
    "two texts": [MESSAGE | {"content": [SAID, SAID | {"text": " Tomorrow.", "annotations": [CITED]}]}],
    "easy": [
        {"role": "assistant", "content": "Hello"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]},
        {"role": "assistant", "content": [{"type": "input_text", "text": "odd"}], "phase": "commentary"},
    ],
    "results": [
        CALL,
        CUSTOM,
        {"type": "function_call_output", "call_id": "call_1", "output": "paid"},
        {"type": "custom_tool_call_output", "call_id": "call_2", "output": "1", "id": "cto_1"},
        {"type": "function_call_output", "call_id": "call_2", "output": "another type than its call's"},
        {
            "type": "function_call_output",
            "call_id": "call_1",
            "status": "completed",
            "output": [
                {"type": "input_text", "text": "the label"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "high"},
                {"type": "input_file", "file_id": "file-1", "filename": None},
            ],
        },
        {"type": "function_call_output", "call_id": "call_1", "output": {"not": "text"}},
    ],
    "given": [
        {"id": "cu_1", "type": "computer_call", "call_id": "c", "action": {"type": "screenshot"}},
        {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot"}},
        {"type": "mcp_approval_response", "approval_request_id": "a", "approve": True},
        {"type": "item_reference", "id": "msg_9"},
        {"id": "msg_8"},
        {"type": "compaction", "encrypted_content": "gAAAA"},
    ],
}
FIELDS = {
    "instructions": {"instructions": "Be brief."},
    "no instructions": {"instructions": None, "temperature": None, "tools": None, "text": None},
    "words": {
        "max_output_tokens": 50,
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {
            "format": {"type": "json_schema", "name": "a", "schema": {}, "strict": True},
            "verbosity": "low",
        },
        "temperature": 0,
        "user": "u",
        "metadata": {"a": "b"},
    },
    "other words": {
        "reasoning": {"summary": "auto"},
        "text": {"format": {"type": "grammar", "syntax": "lark"}},
    },
    "empty": {"reasoning": {}, "text": {}, "include": [], "tools": []},
    "native": {
        "previous_response_id": "resp_0",
        "store": False,
        "background": True,
        "truncation": "auto",
        "include": ["reasoning.encrypted_content"],
        "stream": True,
        "stream_options": {"include_obfuscation": False},
    },
    "logprobs": {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
    "logprobs and more": {"include": ["message.output_text.logprobs", "web_search_call.action.sources"]},
    "function chosen": {"tool_choice": {"type": "function", "name": "lookup"}, "tools": [FUNCTION]},
    "custom chosen": {"tool_choice": {"type": "custom", "name": "sql"}},
    "hosted chosen": {"tool_choice": {"type": "file_search"}},
    "allowed": {
        "tool_choice": {
            "type": "allowed_tools",
            "mode": "auto",
            "tools": [{"type": "function", "name": "lookup"}],
        }
    },
    "mcp allowed": {
        "tool_choice": {
            "type": "allowed_tools",
            "mode": "auto",
            "tools": [{"type": "mcp", "server_label": "s"}],
        }
    },
    "tools": {
        "tools": [
            FUNCTION,
            {"type": "function", "name": "now"},
            {"type": "function", "name": "a", "description": None, "parameters": None, "strict": None},
            FUNCTION | {"defer_loading": True, "description": "Look it up."},
            {"type": "custom", "name": "sql", "description": "SQL", "format": {"type": "text"}},
            {
                "type": "custom",
                "name": "g",
                "format": {"type": "grammar", "syntax": "lark", "definition": "x"},
            },
            {"type": "web_search", "search_context_size": "low"},
            {"type": "mcp", "server_label": "docs", "server_url": "https://example.com/mcp"},
        ]
    },
}


@pytest.mark.parametrize("items", ITEMS.values(), ids=ITEMS)
def test_items_go_back_on_the_wire_as_they_came(items):
    asked = {"model": "m", "input": items}
    assert openai_responses.encode(openai_responses.decode_request(asked)) == asked


@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
@pytest.mark.parametrize(
    "said", ["text", [], [{"role": "user", "content": "text"}]], ids=["text", "none", "one"]
)
def test_fields_go_back_on_the_wire_as_they_came(fields, said):
    asked = {"model": "m", "input": said} | fields
    assert openai_responses.encode(openai_responses.decode_request(asked)) == asked


@pytest.mark.parametrize(
    "asked",
    [
        {"prompt": {"id": "pmpt_1"}},
        {"prompt": {"id": "p"}, "input": None},
        {"input": None},
        {"model": None, "input": "a"},
    ],
)
def test_a_request_that_says_little_goes_back_as_it_came(asked):
    assert openai_responses.encode(openai_responses.decode_request(asked)) == asked


def test_a_request_is_read_in_the_words_of_chat_completions():
    asked = openai_responses.decode_request(
        {
            "model": "m",
            "instructions": "Be brief.",
            "input": [*ITEMS["media"][:1], REASONING, MESSAGE, CALL, *ITEMS["results"][2:3]],
            "tools": [FUNCTION],
            **FIELDS["words"],
            **FIELDS["allowed"],
        }
    )
    assert [message.role for message in asked.messages] == ["system", "user", "assistant", "tool"]
    system, user, said, result = asked.messages
    assert system == Message("system", "Be brief.")
    assert [part["type"] for part in user.content] == [
        "text", "image_url", "image_url", "native", "file", "file", "native", "input_audio",
    ]  # fmt: skip
    assert user.content[1]["image_url"] == {"url": "https://example.com/a.png", "detail": "low"}
    assert said.content == [
        {"type": "native", WIRE: {"item": REASONING}},
        {"type": "text", "text": "On its way."},
    ]
    assert [(call.id, call.name, call.arguments) for call in said.tool_calls] == [
        ("call_1", "lookup", '{"id": "A-1"}')
    ]
    assert (result.tool_call_id, result.content) == ("call_1", "paid")
    assert asked.tools[0].to_json() == {"name": "lookup", "parameters": PARAMETERS, "strict": True}
    assert asked.params.pop("native") == {
        WIRE: {"reasoning": {"summary": "auto"}, "form": {"instructions": True}}
    }
    assert asked.params == {
        "max_completion_tokens": 50,
        "reasoning_effort": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": {}, "strict": True},
        },
        "verbosity": "low",
        "temperature": 0,
        "user": "u",
        "metadata": {"a": "b"},
        "tool_choice": {
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "auto",
                "tools": [{"type": "function", "function": {"name": "lookup"}}],
            },
        },
    }


def test_a_conversation_of_chat_completions_is_asked_in_items():
    call, other = ToolCall("a" * 65, "lookup", "{}"), ToolCall("", "lookup", "{}", "function_call")
    asked = Request(
        "m",
        (
            Message("system", "Be brief."),
            Message("user", [{"type": "text", "text": "Where?"}, {"type": "native", "anthropic": {"x": 1}}]),
            Message("assistant", "", (call,)),
            Message("tool", "paid", tool_call_id="a" * 65),
            Message("assistant", None, (other,)),
            Message("function", "sent", extra={"name": "lookup"}),
            Message("assistant", [{"type": "native", "anthropic": {"type": "thinking"}}]),
            Message("assistant", None, extra={"refusal": "No."}),
        ),
        (Tool("lookup", "Look it up.", PARAMETERS), Tool("x", type="native", outer={"gemini": {}})),
        {
            "max_tokens": 5,
            "logprobs": True,
            "stop": ["\n"],
            "tool_choice": {"type": "function", "function": {"name": "lookup"}},
            "response_format": {"type": "json_object"},
            "native": {"anthropic": {"top_k": 5}},
        },
    )
    assert openai_responses.encode(asked) == {
        "model": "m",
        "input": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "input_text", "text": "Where?"}]},
            {"type": "function_call", "call_id": "call_1", "name": "lookup", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "paid"},
            {"type": "function_call", "call_id": "call_2", "name": "lookup", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_2", "output": "sent"},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        ],
        # without `strict` this wire is strict, and Chat Completions is not
        "tools": [FUNCTION | {"description": "Look it up.", "strict": False}],
        "max_output_tokens": 5,
        "include": ["message.output_text.logprobs"],
        "tool_choice": {"type": "function", "name": "lookup"},
        "text": {"format": {"type": "json_object"}},
    }


def test_a_recorded_conversation_is_asked_at_chat_completions_without_what_only_responses_say():
    asked = openai_responses.decode_request(
        {"input": [*ITEMS["text"], *ITEMS["order"], *ITEMS["given"]], **FIELDS["native"], **FIELDS["tools"]}
    )
    sent = openai.encode(asked)
    assert "native" not in json.dumps(sent)
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant"]
    assert [call["id"] for call in sent["messages"][1]["tool_calls"]] == ["call_1", "call_2", "call_3"]
    assert [part["text"] for part in sent["messages"][1]["content"]] == ["On its way.", "On its way."]
    assert sent["tools"][4:] == [
        {"type": "custom", "custom": {"name": "sql", "description": "SQL", "format": {"type": "text"}}},
        {
            "type": "custom",
            "custom": {
                "name": "g",
                "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}},
            },
        },
    ]


REPLIES = {
    "text": body(MESSAGE),
    "reasoning": body(REASONING, MESSAGE),
    "calls": body(REASONING, CALL, CUSTOM),
    "built in": body(SEARCH, REASONING, MESSAGE, SEARCH, MESSAGE, CALL, REASONING),
    "refusal": body(*ITEMS["refusal"]),
    "length": body(status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
    "filter": body(MESSAGE, status="incomplete", incomplete_details={"reason": "content_filter"}),
    "queued": body(status="queued", usage=None),
    "logprobs": body(MESSAGE | {"content": [SAID | {"logprobs": [{"token": "On", "logprob": -0.5}]}]}),
    "little": {"output": [{"role": "assistant", "content": "Hi"}]},
}
ENDS = {
    "text": ("stop", "completed"),
    "calls": ("tool_calls", "completed"),
    "length": ("length", "max_output_tokens"),
    "filter": ("content_filter", "content_filter"),
    "queued": (None, "queued"),
    "little": (None, None),
}


@pytest.mark.parametrize("said", REPLIES.values(), ids=REPLIES)
def test_a_reply_survives_its_own_encoding(said):
    read = openai_responses.decode(said)
    assert openai_responses.decode(openai_responses.encode_reply(read)) == read
    assert Reply.from_json(read.to_json()) == read


@pytest.mark.parametrize("name", ENDS)
def test_a_reply_says_how_it_ended(name):
    read = openai_responses.decode(REPLIES[name])
    assert (read.finish_reason, read.native_finish_reason) == ENDS[name]


def test_a_reply_is_read_in_the_words_of_chat_completions():
    read = openai_responses.decode(body(MESSAGE))
    assert (read.message.role, read.message.content, read.model) == (
        "assistant", "On its way.", "gpt-4o-mini-2024-07-18",
    )  # fmt: skip
    assert read.usage == Usage(9, 6, 15, 4, 2)
    assert read.extra["id"] == "resp_1"
    assert openai_responses.decode(REPLIES["refusal"]).message == Message(
        "assistant", None, extra={"refusal": "I can't.", "native": {WIRE: {
            "id": "msg_1", "type": "message", "status": "completed"}}},
    )  # fmt: skip
    assert openai_responses.decode(REPLIES["logprobs"]).logprobs == {
        "content": [{"token": "On", "logprob": -0.5}]
    }


def test_a_reply_of_another_wire_is_said_in_items():
    said = Reply(
        Message("assistant", "Hi", (ToolCall("c", "f", "{}"),)), "length", "max_tokens", Usage(1, 2, 3, 1)
    )
    encoded = openai_responses.encode_reply(said)
    read = openai_responses.decode(encoded)
    assert (read.message, read.finish_reason, read.usage) == (said.message, "length", said.usage)


FAILURES = {
    "failed": (
        body(MESSAGE, status="failed", error={"code": "server_error", "message": "Broke."}),
        "server",
        True,
    ),
    "limited": (
        body(status="failed", error={"code": "rate_limit_exceeded", "message": "Slow."}),
        "rate_limit",
        False,
    ),
    "blamed": (
        body(status="failed", error={"code": "invalid_prompt", "message": "No."}),
        "invalid_request",
        False,
    ),
    "unsaid": (body(status="failed", error=None), "invalid_request", False),
    "cancelled": (body(MESSAGE, status="cancelled"), "cut", True),
    "an error": ({"error": {"message": "Bad.", "code": "insufficient_quota"}}, "billing", False),
    "another": ({"choices": []}, "bad_response", False),
    "empty": ({}, "bad_response", False),
    "a list": ([1], "bad_response", False),
    "odd output": (body() | {"output": "text"}, "bad_response", False),
}


@pytest.mark.parametrize(("said", "kind", "partial"), FAILURES.values(), ids=FAILURES)
def test_what_is_no_whole_reply_is_an_error_with_what_there_is(said, kind, partial):
    with pytest.raises(Unreadable) as told:
        openai_responses.decode(said)
    assert told.value.error.kind == kind
    assert bool(told.value.partial) == partial
    assert told.value.error.message


def events(*output, end="response.completed", final=None, **more):
    """A stream of a response with these items, each told piece by piece."""
    whole = final or body(*output, **more)
    begun = whole | {"status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(output):
        yield from item_events(index, item)
    yield {"type": end, "response": whole}


def item_events(index, item):
    at = {"item_id": item["id"], "output_index": index}
    lists = {"message": "content", "reasoning": "summary"}
    texts = {"function_call": "arguments", "custom_tool_call": "input"}
    names = {"function_call": "function_call_arguments", "custom_tool_call": "custom_tool_call_input"}
    parts = {"output_text": "text", "refusal": "refusal", "summary_text": "text"}
    kind = item["type"]
    empty = {lists[kind]: []} if kind in lists else {texts[kind]: ""} if kind in texts else {}
    yield {"type": "response.output_item.added", "output_index": index, "item": item | empty}
    if kind in texts:
        for piece in halves(item[texts[kind]]):
            yield {"type": f"response.{names[kind]}.delta", "delta": piece, **at}
        yield {"type": f"response.{names[kind]}.done", texts[kind]: item[texts[kind]], **at}
    for number, part in enumerate(item.get(lists.get(kind), ())):
        count = {"content_index" if kind == "message" else "summary_index": number}
        holder = "content_part" if kind == "message" else "reasoning_summary_part"
        field = parts[part["type"]]
        name = {"summary_text": "reasoning_summary_text"}.get(part["type"], part["type"])
        yield {"type": f"response.{holder}.added", "part": part | {field: ""}, **at, **count}
        for piece in halves(part[field]):
            yield {"type": f"response.{name}.delta", "delta": piece, "obfuscation": "x", **at, **count}
        yield {"type": f"response.{name}.done", field: part[field], **at, **count}
        yield {"type": f"response.{holder}.done", "part": part, **at, **count}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def halves(text):
    return text[: len(text) // 2], text[len(text) // 2 :]


def streamed(told):
    return [sse(dict(event, sequence_number=n), event["type"]) for n, event in enumerate(told)]


def read_stream(told):
    return answer(openai_responses, 200, {}, "".join(streamed(told)).encode())


OUTPUTS = {
    "text": [MESSAGE],
    "reasoning": [REASONING, MESSAGE],
    "calls": [REASONING, CALL, CUSTOM],
    "built in": [SEARCH, MESSAGE],
    "refusal": ITEMS["refusal"],
    "two texts": ITEMS["two texts"],
}


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)
def test_a_streamed_reply_is_the_reply(output):
    found = read_stream(events(*copy.deepcopy(output)))
    assert found.reply == openai_responses.decode(body(*output))
    assert found.error is None
    assert found.stream["done"] is True


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)
def test_a_stream_whose_end_does_not_repeat_the_output_is_read_from_its_pieces(output):
    found = read_stream(events(*copy.deepcopy(output), final=body()))
    assert found.reply == openai_responses.decode(body(*output))


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)
def test_a_cut_stream_gives_what_had_come(output):
    told = list(events(*copy.deepcopy(output)))
    whole = openai_responses.decode(body(*output)).message
    for count in range(len(told)):
        found = read_stream(copy.deepcopy(told[:count]))
        assert found.error.kind == ("cut" if count else "bad_response")
        if found.reply:
            assert found.reply.finish_reason is None
            assert whole.text.startswith(found.reply.message.text)
            for came, call in zip(found.reply.message.tool_calls, whole.tool_calls, strict=False):
                assert call.arguments.startswith(came.arguments)
    assert found.reply.message == whole


def test_a_stream_without_its_small_events_is_still_read():
    pieces = [event for event in events(CALL | {"id": "x"}, MESSAGE) if event["type"].endswith(".delta")]
    found = read_stream(pieces)
    assert (found.error.kind, found.reply.message.text) == ("cut", "On its way.")


ENDINGS = {
    "failed": (
        [*list(events(MESSAGE))[:-1], {"type": "response.failed", "response": FAILURES["failed"][0]}],
        "stream_error",
    ),
    "error": (
        [*list(events(MESSAGE))[:-1], {"type": "error", "code": "server_error", "message": "Broke."}],
        "stream_error",
    ),
    "nested error": ([{"type": "error", "error": {"code": "x", "message": "Broke."}}], "stream_error"),
    "not JSON": ([*list(events(MESSAGE))[:-1]], "cut"),
}


@pytest.mark.parametrize(("told", "kind"), ENDINGS.values(), ids=ENDINGS)
def test_a_stream_that_fails_is_that_error(told, kind):
    found = read_stream(told)
    assert found.error.kind == kind
    assert bool(found.reply) == (len(told) > 1)


def test_an_incomplete_stream_says_why():
    cut = body(MESSAGE, status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    found = read_stream(events(MESSAGE, final=cut, end="response.incomplete"))
    assert (found.reply.finish_reason, found.error, found.stream["done"]) == ("length", None, True)


def test_a_done_mark_after_the_end_is_nothing_more():
    text = "".join([*streamed(events(MESSAGE)), "data: [DONE]\n\n"])
    assert "after_done" not in answer(openai_responses, 200, {}, text.encode()).stream
    unnamed = "".join(sse(event) for event in events(MESSAGE))
    assert answer(openai_responses, 200, {}, unnamed.encode()).stream["done"] is True


def test_the_first_token_is_not_what_repeats_the_request():
    from replay.providers import _wire

    chunks = [piece.encode() for piece in streamed(events(MESSAGE, tools=[FUNCTION]))]
    times = tuple(float(n) for n in range(len(chunks)))
    timing = _wire.timing(openai_responses, b"".join(chunks), times, tuple(map(len, chunks)), streamed=True)
    first = next(n for n, chunk in enumerate(chunks) if b'"delta"' in chunk)
    assert timing.first_token_ms == first


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "text", "id"]), inner)
    ),
    max_leaves=3,
)


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def changed(value, path, new):
    if not path:
        return new
    copied = copy.copy(value)
    copied[path[0]] = changed(value[path[0]], path[1:], new)
    return copied


REQUEST = {"model": "m", "instructions": "x", "input": [i for items in ITEMS.values() for i in items]} | {
    key: value for fields in FIELDS.values() for key, value in fields.items()
}


@settings(max_examples=300)
@given(st.data())
def test_garbage_anywhere_is_only_ever_unreadable(data):
    sample = data.draw(
        st.sampled_from([REQUEST, *REPLIES.values(), list(events(*OUTPUTS["calls"], MESSAGE))])
    )
    path = data.draw(st.sampled_from(list(places(sample))))
    broken = changed(sample, path, data.draw(JSON))
    with suppress(Unreadable):
        if sample is REQUEST:
            read = openai_responses.decode_request(broken)
            if path[:1] != ("model",) and path[-1:] != ("call_id",):  # an empty id is minted anew
                assert canonical(openai_responses.encode(read)) == canonical(broken)
            openai.encode(read)
        elif isinstance(sample, dict):
            openai_responses.decode(broken)
        elif isinstance(broken, list):
            openai_responses.decode_stream({"event": "", "data": json.dumps(event)} for event in broken)


@settings(max_examples=100)
@given(st.data())
def test_garbage_kept_as_native_is_no_error_to_send(data):
    read = openai_responses.decode_request({"input": [i for items in ITEMS.values() for i in items]})
    wire = {"messages": [message.to_json() for message in read.messages]}
    path = data.draw(st.sampled_from([path for path in places(wire) if WIRE in path]))
    broken = changed(wire, path, data.draw(JSON))
    messages = tuple(Message.from_json(message) for message in broken["messages"])
    openai_responses.encode(Request("m", messages))


# the official SDK


def captured(call):
    """The body that the SDK sends."""
    asked = []

    def answered(request):
        asked.append(json.loads(request.content))
        return httpx2.Response(200, json=body(MESSAGE))

    http = httpx2.Client(transport=httpx2.MockTransport(answered))
    call(sdk.OpenAI(api_key="k", base_url="http://loopback", http_client=http, max_retries=0))
    return asked[0]


@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
def test_what_we_send_is_what_the_sdk_sends(fields):
    asked = {"model": "m", "input": ITEMS["results"]} | fields
    sent = captured(
        lambda client: client.responses.create(**{k: v for k, v in asked.items() if k != "stream"})
    )
    with Scripted([reply(body(MESSAGE))]) as server, httpx2.HTTPTransport(verify=False) as transport:
        target = Target("t", WIRE, "m", {"base_url": f"{server.url}/v1"})
        turn = openai_responses.send(openai_responses.decode_request(asked), target, transport)
    assert turn.reply.message.text == "On its way."
    assert server.requests[0].path == "/v1/responses"
    ours = server.requests[0].json
    ours.pop("stream", None)
    assert ours == sent


def ours(read):
    usage = read.usage
    return {
        "text": read.message.text,
        "calls": [(call.id, call.name, call.arguments) for call in read.message.tool_calls],
        "refusal": read.message.extra.get("refusal"),
        "model": read.model,
        "usage": usage and (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens),
        "cached": usage and usage.cached_tokens,
        "reasoning": usage and usage.reasoning_tokens,
        "native": [part[WIRE]["item"]["type"] for part in parts(read) if "item" in part.get(WIRE, {})],
    }


def parts(read):
    return read.message.content if isinstance(read.message.content, list) else ()


def theirs(done):
    """What the SDK's own objects say of a response."""
    usage = done.usage
    inside = usage and usage.input_tokens_details
    outside = usage and usage.output_tokens_details
    contents = [part for item in done.output if item.type == "message" for part in item.content]
    called = [item for item in done.output if item.type in ("function_call", "custom_tool_call")]
    others = [item.type for item in done.output]
    return {
        "text": done.output_text,
        "calls": [(c.call_id, c.name, c.arguments if c.type == "function_call" else c.input) for c in called],
        "refusal": next((part.refusal for part in contents if part.type == "refusal"), None),
        "model": done.model,
        "usage": usage and (usage.input_tokens, usage.output_tokens, usage.total_tokens),
        "cached": inside and inside.cached_tokens,
        "reasoning": outside and outside.reasoning_tokens,
        "native": [kind for kind in others if kind not in ("message", "function_call", "custom_tool_call")],
    }


def sdk_reading(item):
    is_stream = item.row.get("streamed")
    header = "text/event-stream" if is_stream else "application/json"
    # some streams are kept without their frames
    content = "".join(map(sse, first(item.body))).encode() if is_stream else item.body
    answered = httpx2.Response(200, headers={"content-type": header}, content=content)
    http = httpx2.Client(transport=httpx2.MockTransport(lambda request: answered))
    client = sdk.OpenAI(api_key="k", base_url="http://recorded", max_retries=0, http_client=http)
    if not is_stream:
        return client.responses.create(model="m", input="x")
    last = None
    for event in client.responses.create(model="m", input="x", stream=True):
        last = getattr(event, "response", None) or last
    return last


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)
def test_a_streamed_reply_is_what_the_sdk_accumulates(output):
    script = stream(streamed(events(*copy.deepcopy(output))))
    with Scripted([script]) as server:
        client = sdk.OpenAI(api_key="k", base_url=server.url, max_retries=0)
        with client.responses.stream(model="m", input="x") as told:
            done = told.get_final_response()
    asked = Request("m", (Message("user", "x"),), params={"stream": True})
    turn = send_to(script, asked, openai_responses)
    assert ours(turn.reply) == theirs(done)
    assert turn.stream["done"] is True


# addresses

PLACES = {
    "https://api.openai.com/v1/responses": Place(),
    "/v1/responses": Place(),
    "https://r.openai.azure.com/openai/responses?api-version=2025-03-01-preview": Place(
        settings={"endpoint": "https://r.openai.azure.com", "api_version": "2025-03-01-preview"}
    ),
    "https://r.openai.azure.com/openai/v1/responses": Place(
        settings={"base_url": "https://r.openai.azure.com/openai/v1"}
    ),
    "https://r.openai.azure.com/openai/v1/responses?api-version=preview": Place(
        settings={"base_url": "https://r.openai.azure.com/openai/v1", "api_version": "preview"}
    ),
    "https://openrouter.ai/api/v1/responses": Place(settings={"base_url": "https://openrouter.ai/api/v1"}),
}


@pytest.mark.parametrize("url", PLACES)
def test_a_url_says_where_a_target_is_and_the_target_is_asked_there(url):
    found = openai_responses.place("POST", url)
    assert found == PLACES[url]
    asked = []

    class Seam(httpx2.BaseTransport):
        def handle_request(self, request):
            asked.append(request)
            return httpx2.Response(200, json=body(MESSAGE))

    target = Target("t", WIRE, "m", found.settings)
    assert openai_responses.send(Request("m", (Message("user", "x"),)), target, Seam()).reply
    assert str(asked[0].url) == url if url.startswith("https") else "https://api.openai.com/v1/responses"
    assert json.loads(asked[0].content) == {"model": "m", "input": [{"role": "user", "content": "x"}]}


def test_other_urls_are_none_of_this_wire():
    for method, url in (
        ("GET", "https://api.openai.com/v1/responses"),
        ("POST", "https://a.b/v1/chat/completions"),
    ):
        assert openai_responses.place(method, url) is None
    assert openai_responses.place("POST", "https://api.openai.com/v1/responses/resp_1/cancel") is None


def test_a_request_without_a_url_is_known_by_its_words(monkeypatch):
    claims = openai_responses.claims
    assert claims({"model": "m", "input": "x"}, json.dumps(body(MESSAGE)).encode())
    assert claims({"model": "m", "input": "x"}, "".join(streamed(events(MESSAGE))).encode())
    assert claims({"model": "m", "input": [], "instructions": "x"}, None)
    assert claims({"model": "m", "input": [], "tools": []}, b'{"error": {"message": "no"}}')
    assert not claims({"model": "m", "input": "x"}, None)  # embeddings are asked like this
    assert not claims({"model": "m", "input": "x"}, b'{"object": "list", "data": []}')
    assert not claims({"messages": [], "input": "x"}, json.dumps(body(MESSAGE)).encode())
    assert not openai.claims({"model": "m", "input": "x"}, json.dumps(body(MESSAGE)).encode())


def test_keys_are_those_of_the_place(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    secrets = [
        openai_responses.secrets(Target("t", WIRE, "m", settings))
        for settings in (
            {},
            {"endpoint": "https://e"},
            {"base_url": "https://b"},
            {"base_url_env": "B", "api_key_env": "K"},
        )
    ]
    assert secrets == [{"OPENAI_API_KEY": "sk-1"}, {"AZURE_OPENAI_API_KEY": None}, {}, {"K": None}]


# the corpus

needs_corpus = pytest.mark.skipif(not PRESENT, reason=ABSENT)


def documents(content):
    text = content.decode()
    try:
        return [json.loads(text)]
    except ValueError:
        lines = [line.strip().removeprefix("data:").strip() for line in text.splitlines()]
        return [json.loads(line) for line in lines if line.startswith("{")]


def first(content):
    """The documents up to the first end: one recording holds three streams in a row."""
    for document in documents(content):
        yield document
        if document.get("type") == "response.completed":
            return


def naive(content):
    """The response that a body or a stream ends with, read as plainly as possible."""
    *_, last = first(content)
    return last.get("response", last)


@needs_corpus
def test_every_recorded_request_goes_back_on_the_wire_as_it_came():
    count = 0
    for item in recordings("responses"):
        if item.request:
            asked = json.loads(item.request)
            assert canonical(openai_responses.encode(openai_responses.decode_request(asked))) == canonical(
                asked
            ), item.id
            count += 1
    assert count >= 169


@needs_corpus
def test_every_recorded_reply_is_what_a_naive_reading_finds():
    count = 0
    for item in recordings("responses"):
        found = answer(openai_responses, item.status, item.headers, item.body)
        assert bool(found.error) == (item.status >= 400), item.id
        assert bool(found.stream) == bool(item.row.get("streamed")), item.id
        if found.error:
            continue
        told, read = naive(item.body), found.reply
        contents = [part for i in told["output"] if i["type"] == "message" for part in i["content"]]
        calls = [i for i in told["output"] if i["type"] in ("function_call", "custom_tool_call")]
        assert read.message.text == "".join(part.get("text", "") for part in contents), item.id
        assert [(c.id, c.name) for c in read.message.tool_calls] == [(c["call_id"], c["name"]) for c in calls]
        assert [c.arguments for c in read.message.tool_calls] == [
            c.get("arguments", c.get("input")) for c in calls
        ]
        assert read.native_finish_reason == told["status"], item.id
        assert read.finish_reason == ("tool_calls" if calls else "stop"), item.id
        counts = (read.usage.prompt_tokens, read.usage.completion_tokens, read.usage.total_tokens)
        assert counts == tuple(told["usage"][f"{name}_tokens"] for name in ("input", "output", "total")), (
            item.id
        )
        assert openai_responses.decode(openai_responses.encode_reply(read)) == read, item.id
        count += 1
    assert count >= 188


@needs_corpus
def test_every_recorded_stream_says_the_same_in_its_pieces_as_at_its_end():
    count = 0
    for item in recordings("responses"):
        if item.row.get("streamed"):
            whole = answer(openai_responses, 200, {}, item.body).reply.message
            told = [document for document in first(item.body) if document["type"] != "response.completed"]
            pieces = answer(openai_responses, 200, {}, "".join(map(sse, told)).encode())
            assert pieces.error.kind == "cut"
            assert (pieces.reply.message.text, pieces.reply.message.tool_calls) == (
                whole.text,
                whole.tool_calls,
            ), item.id
            count += 1
    assert count >= 59


@needs_corpus
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_every_recorded_reply_is_what_the_sdk_reads():
    count, unread = 0, []
    for item in recordings("responses"):
        found = answer(openai_responses, item.status, item.headers, item.body)
        if found.error:
            continue
        try:
            done = theirs(sdk_reading(item))
        except (sdk.OpenAIError, AttributeError, TypeError, ValueError) as problem:
            unread.append((item.id, problem))
            continue
        assert ours(found.reply) == done, item.id
        count += 1
    assert count >= 180, unread
