"""Langfuse's exports as calls: every shape it writes, and the words of every framework inside them."""

import json

import pytest
from recorded_corpus import ABSENT, PRESENT
from traces import LOGS, played, read, reply, request

from replay import providers
from replay.importers import langfuse

ASK = "Which tram goes to the zoo?"
TOOL = {"type": "object", "properties": {"stop": {"type": "string"}}, "required": ["stop"]}
DEFINED = {"type": "function", "function": {"name": "trams", "description": "Lines.", "parameters": TOOL}}
CALL = {"id": "call_3", "type": "function", "function": {"name": "trams", "arguments": '{"stop":"Zoo"}'}}
MESSAGES = [
    {"role": "system", "content": "Answer in a word."},
    {"role": "user", "content": ASK},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_3", "content": "6"},
]


def generation(asked=None, said=None, **more):
    """An observation as the API gives it."""
    return {
        "id": "obs-1",
        "traceId": "trace-1",
        "type": "GENERATION",
        "name": "OpenAI-generation",
        "startTime": "2026-03-02T12:00:00.250Z",
        "model": "gpt-4o-mini",
        "modelParameters": {"temperature": 0.3, "max_tokens": 50},
        "input": {"messages": MESSAGES, "tools": [DEFINED]} if asked is None else asked,
        "output": {"role": "assistant", "content": "Six."} if said is None else said,
        "usageDetails": {"input": 30, "output": 2, "total": 32},
        "level": "DEFAULT",
        "statusMessage": None,
        "parentObservationId": None,
        "metadata": {},
    } | more


def underscored(one):
    named = {"traceId": "trace_id", "startTime": "start_time", "modelParameters": "model_parameters"}
    named |= {
        "usageDetails": "usage_details",
        "statusMessage": "status_message",
        "model": "provided_model_name",
    }
    named |= {"parentObservationId": "parent_observation_id"}
    return {named.get(key, key): json.dumps(v) if isinstance(v, dict) else v for key, v in one.items()}


TRACE = {
    "id": "trace-1",
    "projectId": "p-1",
    "sessionId": "ride-8",
    "tags": ["web"],
    "input": ASK,
    "metadata": None,
}
ONE = generation()
TEXTS = {key: json.dumps(value) if isinstance(value, dict) else value for key, value in ONE.items()}
WITH_SESSION = ONE | {"sessionId": "ride-8", "tags": ["web"]}
SHAPES = {
    "a trace of the api": json.dumps(TRACE | {"observations": [ONE]}),
    "a trace and its observations": json.dumps({"trace": TRACE, "observations": [TEXTS]}, indent=2),
    "traces, a line each": (json.dumps(TRACE | {"observations": [ONE]}) + "\n") * 1,
    "a list of traces": json.dumps([TRACE | {"observations": [ONE]}]),
    "a page of observations": json.dumps({"data": [WITH_SESSION], "meta": {"cursor": None}}),
    "observations, a line each": json.dumps(WITH_SESSION) + "\n",
    "observations with everything as text": json.dumps(TEXTS | {"sessionId": "ride-8", "tags": '["web"]'})
    + "\n",
    "an export to a bucket": json.dumps(underscored(ONE) | {"session_id": "ride-8", "tags": ["web"]}) + "\n",
    "observations of the second api": json.dumps(
        {
            "data": [
                {k: v for k, v in WITH_SESSION.items() if k != "model"} | {"providedModelName": "gpt-4o-mini"}
            ]
        }
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_an_export_gives_the_same_call(shape, tmp_path):
    path = tmp_path / "export.json"
    path.write_text(SHAPES[shape])
    (call,), refused = read(path, "langfuse")
    assert not refused
    asked, said = request(call), reply(call)
    assert [(one.role, one.text) for one in asked.messages] == [
        *[("system", "Answer in a word."), ("user", ASK), ("assistant", ""), ("tool", "6")]
    ]
    assert [(one.name, one.parameters) for one in asked.tools] == [("trams", TOOL)]
    assert asked.params == {"temperature": 0.3, "max_completion_tokens": 50}
    assert (said.message.text, said.finish_reason) == ("Six.", None)
    assert said.usage.to_json() == {"prompt_tokens": 30, "completion_tokens": 2, "total_tokens": 32}
    assert (call.model, call.thread, call.at, call.tags) == ("gpt-4o-mini", "ride-8", 1772452800.25, ("web",))
    assert call.derived
    assert call.source["id"] == "trace-1/obs-1"


def write(tmp_path, *observations):
    path = tmp_path / "observations.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in observations))
    return path


LANGCHAIN = [
    {"role": "system", "content": "Answer in a word."},
    {"role": "user", "content": ASK},
    {"role": "assistant", "content": "", "additional_kwargs": {"tool_calls": [CALL]}},
    {"role": "tool", "content": "6", "tool_call_id": "call_3"},
    {"role": "tool", "content": DEFINED},
]
SERIALISED = [
    {"type": "system", "content": "Answer in a word."},
    {"type": "human", "content": ASK, "additional_kwargs": {}, "response_metadata": {}},
    {
        "type": "ai",
        "content": "",
        "tool_calls": [{"name": "trams", "args": {"stop": "Zoo"}, "id": "call_3", "type": "tool_call"}],
    },
    {"type": "tool", "content": "6", "tool_call_id": "call_3", "name": "trams"},
]
OTEL = [
    {"role": "system", "parts": [{"type": "text", "content": "Answer in a word."}]},
    {"role": "user", "parts": [{"type": "text", "content": ASK}]},
    {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": "call_3", "name": "trams", "arguments": {"stop": "Zoo"}}],
    },
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_3", "response": "6"}]},
]
VERCEL = [
    {"role": "system", "content": "Answer in a word."},
    {"role": "user", "content": [{"type": "text", "text": ASK}]},
    {
        "role": "assistant",
        "content": [
            {"type": "tool-call", "toolCallId": "call_3", "toolName": "trams", "input": {"stop": "Zoo"}}
        ],
    },
    {
        "role": "tool",
        "content": [
            {
                "type": "tool-result",
                "toolCallId": "call_3",
                "toolName": "trams",
                "output": {"type": "text", "value": "6"},
            }
        ],
    },
]
GEMINI = [
    {"role": "user", "parts": [{"text": ASK}]},
    {"role": "model", "parts": [{"function_call": {"name": "trams", "args": {"stop": "Zoo"}}}]},
    {"role": "user", "parts": [{"function_response": {"name": "trams", "response": {"line": 6}}}]},
]
RESPONSES = [
    {"role": "system", "content": "Answer in a word."},
    {"role": "user", "content": [{"type": "input_text", "text": ASK}]},
    {"type": "function_call", "call_id": "call_3", "name": "trams", "arguments": '{"stop":"Zoo"}'},
    {"type": "function_call_output", "call_id": "call_3", "output": "6"},
]
ANTHROPIC = [
    {"role": "user", "content": ASK},
    {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "call_3", "name": "trams", "input": {"stop": "Zoo"}}],
    },
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "call_3", "content": [{"type": "text", "text": "6"}]}
        ],
    },
]
ATTRIBUTES = {"gen_ai.tool.definitions": json.dumps([DEFINED]), "gen_ai.response.finish_reasons": ["stop"]}
FRAMEWORKS = {
    "openai": ({"messages": MESSAGES, "tools": [DEFINED]}, {"role": "assistant", "content": "Six."}, {}),
    "langchain": (
        LANGCHAIN,
        {"role": "assistant", "content": "Six.", "additional_kwargs": {"refusal": None}},
        {},
    ),
    "langgraph": (
        SERIALISED,
        {"type": "ai", "content": "Six.", "response_metadata": {"finish_reason": "stop"}},
        {"tools": [DEFINED]},
    ),
    "langgraph's state": (
        {"messages": SERIALISED, "tools": [DEFINED]},
        {"messages": [{"type": "ai", "content": "Six."}]},
        {},
    ),
    "opentelemetry": (
        OTEL,
        [{"role": "assistant", "parts": [{"type": "text", "content": "Six."}], "finish_reason": "stop"}],
        {"attributes": ATTRIBUTES},
    ),
    "the ai sdk": (
        VERCEL,
        "Six.",
        {"attributes": {"ai.prompt.tools": [json.dumps(DEFINED["function"] | {"type": "function"})]}},
    ),
    "gemini": (
        {
            "contents": GEMINI,
            "config": {
                "system_instruction": "Answer in a word.",
                "tools": [{"function_declarations": [DEFINED["function"]]}],
            },
        },
        {"content": {"role": "model", "parts": [{"text": "Six."}]}, "finish_reason": "STOP"},
        {},
    ),
    "responses": (
        {"input": RESPONSES, "tools": [DEFINED["function"] | {"type": "function"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Six."}]},
        {},
    ),
    "anthropic": (
        {
            "system": "Answer in a word.",
            "messages": ANTHROPIC,
            "tools": [{"name": "trams", "description": "Lines.", "input_schema": TOOL}],
        },
        {"content": [{"type": "text", "text": "Six."}], "stop_reason": "end_turn"},
        {},
    ),
}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_what_every_framework_logs_is_the_same_call(name, tmp_path):
    asked, said, metadata = FRAMEWORKS[name]
    (call,), refused = read(write(tmp_path, generation(asked, said, metadata=metadata)))
    assert not refused
    system, user, assistant, tool = request(call).messages
    assert (system.role, system.text, user.text) == ("system", "Answer in a word.", ASK)
    assert [(one.name, one.parsed()) for one in assistant.tool_calls] == [("trams", {"stop": "Zoo"})]
    assert (tool.role, tool.tool_call_id) == ("tool", assistant.tool_calls[0].id)
    assert tool.text == ('{"line": 6}' if name == "gemini" else "6")
    assert [(one.name, one.parameters) for one in request(call).tools] == [("trams", TOOL)]
    assert reply(call).message.text == "Six."
    assert reply(call).finish_reason in ("stop", None)
    assert ("are numbered" in " ".join(call.notes)) == (name == "gemini")


OUTPUTS = {
    "text": ("Six.", "Six.", []),
    "a whole chat completion": (
        {
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "Six."}, "finish_reason": "stop"}
            ]
        },
        "Six.",
        [],
    ),
    "calls of the ai sdk": (
        [{"toolCallId": "c-1", "toolName": "trams", "input": '{"stop":"Zoo"}'}],
        "",
        ['{"stop":"Zoo"}'],
    ),
    "text and calls of the ai sdk": (
        {
            "text": "Wait.",
            "toolCalls": [{"toolCallId": "c-1", "toolName": "trams", "args": {}}],
            "finishReason": "tool-calls",
        },
        "Wait.",
        ["{}"],
    ),
    "an object": ({"line": 6}, '{"line": 6}', []),
    "items of responses": (
        [
            {"type": "reasoning", "summary": []},
            {"type": "function_call", "call_id": "c-1", "name": "trams", "arguments": "{}"},
        ],
        "",
        ["{}"],
    ),
    "a call of langchain's": (
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"name": "trams", "args": {"stop": "Zoo"}, "id": "c-1"}],
        },
        "",
        ['{"stop": "Zoo"}'],
    ),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_of_every_kind_are_answers(name, tmp_path):
    said, text, arguments = OUTPUTS[name]
    (call,), _ = read(write(tmp_path, generation(MESSAGES, said)))
    message = reply(call).message
    assert (message.text, [one.arguments for one in message.tool_calls]) == (text, arguments)


def test_counts_are_put_together_as_the_provider_counted_them(tmp_path):
    details = [
        (
            {"input": 10, "input_cached_tokens": 20, "output": 5, "output_reasoning_tokens": 7, "total": 42},
            (30, 12, 42, 20, 7),
        ),
        (
            {
                "input": 30,
                "output": 12,
                "total": 42,
                "prompt_details.cache_read": 20,
                "completion_details.reasoning": 7,
            },
            (30, 12, 42, 20, 7),
        ),
        ({"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42}, (30, 12, 42, None, None)),
        ({"input": 30}, (30, None, None, None, None)),
    ]
    calls, _ = read(write(tmp_path, *(generation(usageDetails=given) for given, _ in details)))
    names = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "reasoning_tokens")
    for call, (_, counts) in zip(calls, details, strict=True):
        assert tuple(getattr(reply(call).usage, name) for name in names) == counts
    (call,), _ = read(write(tmp_path, generation(usageDetails={})))
    assert reply(call).usage is None


def test_what_the_sdk_writes_where_nothing_was_set_is_left_out_and_said(tmp_path):
    given = {
        "temperature": 1,
        "max_tokens": "Infinity",
        "top_p": 0.9,
        "frequency_penalty": 0,
        "presence_penalty": 0,
    }
    (call,), _ = read(write(tmp_path, generation(modelParameters=given)))
    assert request(call).params == {"top_p": 0.9}
    assert "defaults are left out" in " ".join(call.notes)


def test_an_error_is_played_as_one(tmp_path):
    why = "Error code: 429 - {'error': {'message': 'Slow down.', 'code': 'rate_limit_exceeded'}}"
    (call,), _ = read(write(tmp_path, generation(said="", level="ERROR", statusMessage=why)))
    assert (reply(call).kind, reply(call).message) == ("rate_limit", "Slow down.")
    (call,), _ = read(
        write(tmp_path, generation(said="", level="ERROR", statusMessage="ReadTimeout: no answer"))
    )
    assert call.error == "ReadTimeout"


def test_other_observations_are_counted_and_a_trace_alone_is_refused(tmp_path):
    others = [generation(type=kind) for kind in ("SPAN", "TOOL", "SPAN", "EMBEDDING")]
    calls, refused = read(write(tmp_path, *others, generation(), TRACE))
    assert len(calls) == 1
    assert [(one.place, one.refused) for one in refused] == [
        ("line 6", "no observation: a trace without its observations says no calls"),
        ("", "4 observations are no calls to a model (1 EMBEDDING, 2 SPAN, 1 TOOL)"),
    ]


def test_a_generation_that_wraps_others_is_counted_only_where_they_are_logged(tmp_path):
    def sdk(name, **more):
        return generation({"prompt": ASK}, "Six.", metadata={"attributes": {"ai.operationId": name}}, **more)

    outer, inner = (
        sdk("ai.generateText", id="a"),
        sdk("ai.generateText.doGenerate", id="b", parentObservationId="a"),
    )
    calls, (refused,) = read(write(tmp_path, outer, inner))
    assert len(calls) == 1
    assert refused.refused == "1 observations are no calls to a model (1 GENERATION that wraps others)"
    calls, refused = read(write(tmp_path, outer))
    assert (len(calls), refused) == (1, [])


def test_media_that_langfuse_keeps_elsewhere_are_said_to_be_missing(tmp_path):
    token = "@@@langfuseMedia:type=image/png|id=m-1|source=base64_data_uri@@@"
    parts = [{"type": "text", "text": ASK}, {"type": "image_url", "image_url": {"url": token}}]
    (call,), _ = read(write(tmp_path, generation([{"role": "user", "content": parts}])))
    assert "stand-ins" in " ".join(call.notes)
    assert request(call).messages[0].content[1]["image_url"]["url"] == token


def test_a_body_of_another_provider_goes_through_its_own_codec(tmp_path):
    asked = {"model": "claude-9", "max_tokens": 90, "system": "Answer in a word.", "messages": ANTHROPIC}
    said = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-9", "stop_sequence": None}
    said |= {
        "content": [{"type": "text", "text": "Six."}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 9, "output_tokens": 2},
    }
    (call,), _ = read(write(tmp_path, generation(asked, said, model="claude-9")))
    assert (call.wire, json.loads(call.request), json.loads(call.response)) == ("anthropic", asked, said)
    assert (reply(call).finish_reason, reply(call).usage.prompt_tokens) == ("stop", 9)


def test_what_only_a_provider_can_say_is_kept_for_it(tmp_path):
    thought = {"type": "thinking", "thinking": "The zoo.", "signature": "c2lnbmVk"}
    call = {"type": "tool_use", "id": "call_3", "name": "trams", "input": {"stop": "Zoo"}}
    result = {"type": "tool_result", "tool_use_id": "call_3", "content": "no such stop", "is_error": True}
    asked = [
        {"role": "user", "content": ASK},
        {"role": "assistant", "content": [thought, call]},
        {"role": "user", "content": [result]},
    ]
    (logged,), _ = read(
        write(tmp_path, generation(asked, model="claude-9", metadata={"ls_provider": "anthropic"}))
    )
    assert logged.provider == "anthropic"
    assert providers.registry.get("anthropic").encode(request(logged))["messages"] == asked
    called = {"function_call": {"name": "trams", "args": {"stop": "Zoo"}}, "thought_signature": "c2lnbmVk"}
    asked = [{"role": "user", "parts": [{"text": ASK}]}, {"role": "model", "parts": [called]}]
    (logged,), _ = read(write(tmp_path, generation(asked, model="gemini-9")))
    model = providers.registry.get("gemini").encode(request(logged))["contents"][1]
    assert model["parts"][0]["thoughtSignature"] == "c2lnbmVk"


def test_the_arguments_and_the_answer_of_googles_sdk_are_a_body(tmp_path):
    declared = {"name": "trams", "description": "Lines.", "parameters_json_schema": TOOL}
    config = {"system_instruction": "Answer in a word.", "max_output_tokens": 40}
    config |= {"tools": [{"function_declarations": [declared]}], "thinking_config": None}
    said = {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "Six."}]}, "finish_reason": "STOP"}]
    }
    said |= {
        "usage_metadata": {"prompt_token_count": 9, "candidates_token_count": 2, "total_token_count": 11}
    }
    said |= {
        "model_version": "gemini-9-001",
        "sdk_http_response": {"headers": {"server": "x"}},
        "parsed": None,
    }
    asked = {"model": "gemini-9", "contents": ASK, "config": config}
    (call,), _ = read(write(tmp_path, generation(asked, said, model="gemini-9")))
    assert (call.wire, call.model) == ("gemini", "gemini-9")
    assert [(one.role, one.text) for one in request(call).messages] == [
        ("system", "Answer in a word."),
        ("user", ASK),
    ]
    assert [(one.name, one.parameters) for one in request(call).tools] == [("trams", TOOL)]
    assert request(call).params["max_completion_tokens"] == 40
    assert (reply(call).message.text, reply(call).finish_reason, reply(call).usage.total_tokens) == (
        "Six.",
        "stop",
        11,
    )
    assert "sdkHttpResponse" not in json.loads(call.response)


def test_an_answer_of_responses_says_what_was_asked_with_its_input(tmp_path):
    said = {
        "id": "resp_1",
        "object": "response",
        "model": "gpt-4o-mini-2026-01-05",
        "status": "completed",
        "created_at": 1,
    }
    said |= {
        "instructions": "Answer in a word.",
        "tools": [],
        "temperature": 0.4,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
    }
    said |= {
        "output": [
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "Six.", "annotations": []}],
            }
        ]
    }
    said |= {
        "usage": {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11},
        "text": {"format": {"type": "text"}},
    }
    (call,), _ = read(write(tmp_path, generation([{"role": "user", "content": ASK}], said)))
    assert call.wire == "openai_responses"
    assert json.loads(call.request)["input"] == [{"role": "user", "content": ASK}]
    assert (reply(call).message.text, reply(call).finish_reason, request(call).params["temperature"]) == (
        "Six.",
        "stop",
        0.4,
    )


def test_everything_is_imported_and_plays(sandbox):
    calls = [
        generation(asked, said, id=name, metadata=more) for name, (asked, said, more) in FRAMEWORKS.items()
    ]
    calls += [generation(MESSAGES, said, id=name) for name, (said, *_) in OUTPUTS.items()]
    recorded = played(sandbox, write(sandbox.root, *calls))
    assert (recorded.imported, recorded.refused) == (len(calls), 0)


def test_garbage_never_raises(tmp_path):
    odd = [
        None,
        1,
        "x",
        [],
        {},
        [None],
        [[1]],
        {"a": []},
        "{",
        True,
        "[",
        [{"role": 3}],
        [{"content": {"x": 1}}],
    ]
    records = [generation(**{name: value}) for name in ONE if name != "type" for value in odd]
    records += [generation(asked, value) for asked, *_ in FRAMEWORKS.values() for value in odd]
    records += [generation(value, "Six.") for value in odd]
    path = write(tmp_path, *records)
    path.write_text(path.read_text() + '{"type": "GENERATION"\nnonsense\n')
    found = list(langfuse.read(path))
    assert all(one.refused for one in found if not one.request)
    assert [one.place for one in found[-2:]] == [f"line {len(records) + number}" for number in (1, 2)]


def shown(messages):
    """Messages as Langfuse's own reader shows them."""
    for message in messages:
        calls = [(one.id, one.name, one.parsed()) for one in message.tool_calls]
        yield (
            "assistant" if message.role == "model" else message.role,
            message.text,
            calls,
            message.tool_call_id,
        )


def derived(items):
    """The messages that Langfuse itself derives."""
    for item in items:
        calls = [(one["id"], one["name"], json.loads(one["arguments"])) for one in item.get("tool_calls", ())]
        content = item.get("content") or ""
        content = "".join(part.get("text", "") for part in content) if isinstance(content, list) else content
        role = "assistant" if item["role"] == "model" else item["role"]
        yield role, content, calls, item.get("tool_call_id")


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
def test_real_traces_say_what_langfuse_itself_derives_of_them():
    compared = 0
    for path in sorted(LOGS.glob("langfuse/*.trace.json")):
        truth = json.loads(path.with_name(path.name.replace(".trace.", ".chatml.")).read_text())
        calls, _ = read(path, "langfuse")
        for call in calls:
            own = truth[call.source["id"].rpartition("/")[2]]
            asked = list(shown(request(call).messages))
            if call.wire == "openai_responses":
                asked = [
                    one for one in asked if one[0] != "system"
                ]  # `instructions`, which Langfuse leaves out
            assert asked == list(derived(own["input"]["data"])), call.source
            assert list(shown([reply(call).message])) == list(derived(own["output"]["data"])), call.source
            offered = {
                tool["name"]: tool["parameters"]
                for one in own["input"]["data"]
                for tool in one.get("tools", ())
            }
            assert offered.items() <= {tool.name: tool.parameters for tool in request(call).tools}.items()
            compared += 1
    assert compared == 9


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
def test_real_traces_are_imported_and_play(sandbox):
    recorded = played(sandbox, *LOGS.glob("langfuse/*.trace.json"))
    assert recorded.imported == 9
    assert recorded.reasons == {"… observations are no calls to a model": 4}
