"""LangSmith's runs as calls: LangChain's serialised messages, and the arguments and answers of SDKs."""

import json

import pytest
from traces import played, read, reply, request

from replay.importers import langsmith

ASK = "How deep is the lake?"
TOOL = {"type": "object", "properties": {"lake": {"type": "string"}}, "required": ["lake"]}
DEFINED = {"type": "function", "function": {"name": "depth", "description": "In metres.", "parameters": TOOL}}
CALL = {"id": "call_6", "type": "function", "function": {"name": "depth", "arguments": '{"lake":"Thun"}'}}


def lc(kind, /, **kwargs):
    return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", kind], "kwargs": kwargs}


SERIALISED = [
    lc("SystemMessage", content="Answer in a word.", type="system"),
    lc("HumanMessage", content=ASK, type="human"),
    lc(
        "AIMessageChunk",
        content="",
        additional_kwargs={"tool_calls": [CALL]},
        tool_calls=[{"name": "depth", "args": {"lake": "Thun"}, "id": "call_6", "type": "tool_call"}],
    ),
    lc("ToolMessage", content="217", tool_call_id="call_6", name="depth"),
]
PLAIN = [
    {"role": "system", "content": "Answer in a word."},
    {"role": "user", "content": ASK},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "content": "217", "tool_call_id": "call_6"},
]
GENERATED = {
    "generations": [
        [
            {
                "text": "Deep.",
                "generation_info": {"finish_reason": "stop", "logprobs": None},
                "type": "ChatGeneration",
                "message": lc(
                    "AIMessage",
                    content="Deep.",
                    response_metadata={"finish_reason": "stop", "model_name": "gpt-4o-mini-2026-01-05"},
                    usage_metadata={
                        "input_tokens": 40,
                        "output_tokens": 2,
                        "total_tokens": 42,
                        "input_token_details": {"cache_read": 16},
                        "output_token_details": {"reasoning": 0},
                    },
                ),
            }
        ]
    ],
    "llm_output": {"token_usage": {"prompt_tokens": 1}, "model_name": "gpt-4o-mini-2026-01-05"},
    "run": None,
    "type": "LLMResult",
}
USAGE = {
    "input_tokens": 40,
    "output_tokens": 2,
    "total_tokens": 42,
    "input_token_details": {"cache_read": 16},
    "output_token_details": {"reasoning": 0},
}
COMPLETION = {
    "id": "chatcmpl-3",
    "object": "chat.completion",
    "model": "gpt-4o-mini-2026-01-05",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Deep."}, "finish_reason": "stop"}],
    "usage_metadata": USAGE,
}


def run(inputs=None, outputs=None, **more):
    """A run as `list_runs` gives it."""
    return {
        "id": "run-1",
        "name": "ChatOpenAI",
        "run_type": "llm",
        "start_time": "2026-03-02T13:00:00.125000",
        "inputs": {"messages": [SERIALISED]} if inputs is None else inputs,
        "outputs": GENERATED if outputs is None else outputs,
        "extra": {
            "invocation_params": {
                "model": "gpt-4o-mini",
                "_type": "openai-chat",
                "temperature": 0.2,
                "stop": None,
                "tools": [DEFINED],
            },
            "metadata": {
                "ls_provider": "openai",
                "ls_model_name": "gpt-4o-mini",
                "ls_temperature": 0.2,
                "ls_max_tokens": 60,
                "thread_id": "shore-2",
            },
        },
        "error": None,
        "trace_id": "trace-5",
        "session_id": "project-1",
        "tags": ["web", "seq:step:2"],
    } | more


def write(tmp_path, *runs, name="runs.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(one) + "\n" for one in runs))
    return path


ONE = run()
SHAPES = {
    "a run a line": json.dumps(ONE) + "\n",
    "a list of runs": json.dumps([ONE], indent=1),
    "the api's answer": json.dumps({"runs": [ONE], "cursors": {"next": None}}),
    "columns as text": json.dumps(
        {key: json.dumps(v) if isinstance(v, dict) else v for key, v in ONE.items()}
    )
    + "\n",
    "a run inside another": json.dumps({"id": "root", "run_type": "chain", "inputs": {}, "child_runs": [ONE]})
    + "\n",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_an_export_gives_the_same_call(shape, tmp_path):
    path = tmp_path / "runs.json"
    path.write_text(SHAPES[shape])
    (call,), refused = read(path, "langsmith")
    counted = ["1 runs are no calls to a model (1 chain)"] if "inside" in shape else []
    assert [one.refused for one in refused] == counted
    asked, said = request(call), reply(call)
    assert [(one.role, one.text) for one in asked.messages] == [
        *[("system", "Answer in a word."), ("user", ASK), ("assistant", ""), ("tool", "217")]
    ]
    assert asked.messages[2].tool_calls[0].arguments == '{"lake":"Thun"}'
    assert [(one.name, one.description, one.parameters) for one in asked.tools] == [
        ("depth", "In metres.", TOOL)
    ]
    assert asked.params == {"temperature": 0.2, "max_completion_tokens": 60}
    assert (said.message.text, said.finish_reason, said.model) == ("Deep.", "stop", "gpt-4o-mini-2026-01-05")
    counts = {
        "prompt_tokens": 40,
        "completion_tokens": 2,
        "total_tokens": 42,
        "cached_tokens": 16,
        "reasoning_tokens": 0,
    }
    assert said.usage.to_json() == counts
    assert (call.model, call.provider, call.thread, call.at) == (
        "gpt-4o-mini",
        "openai",
        "shore-2",
        1772456400.125,
    )
    assert (call.tags, call.source["id"]) == (("web", "seq:step:2"), "run-1")
    assert call.derived


FORMS = {
    "one conversation of serialised messages": {"messages": SERIALISED},
    "messages of openai's": {"messages": PLAIN},
    "a batch of messages of openai's": {"messages": [PLAIN]},
    "messages by type and data": {
        "messages": [
            {
                "type": one["kwargs"].get("type")
                or one["id"][-1].removesuffix("Message").removesuffix("MessageChunk").lower(),
                "data": one["kwargs"],
            }
            for one in SERIALISED
        ]
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_messages_is_read(form, tmp_path):
    (call,), _ = read(write(tmp_path, run(FORMS[form])))
    messages = request(call).messages
    assert [one.role for one in messages] == ["system", "user", "assistant", "tool"]
    assert messages[2].tool_calls[0].arguments == '{"lake":"Thun"}'
    assert messages[3].tool_call_id == "call_6"


def test_what_the_wrapper_of_openais_sdk_logs_is_its_bodies_again(tmp_path):
    asked = {"model": "gpt-4o-mini", "messages": PLAIN, "tools": [DEFINED], "seed": 4}
    (call,), _ = read(write(tmp_path, run(asked, COMPLETION, extra={"metadata": {"ls_provider": "openai"}})))
    assert json.loads(call.request) == asked
    assert reply(call).usage.to_json() == {
        "prompt_tokens": 40,
        "completion_tokens": 2,
        "total_tokens": 42,
        "cached_tokens": 16,
        "reasoning_tokens": 0,
    }
    assert (reply(call).message.text, reply(call).finish_reason, reply(call).extra["id"]) == (
        "Deep.",
        "stop",
        "chatcmpl-3",
    )


def test_what_the_wrapper_logs_of_responses_is_its_bodies_again(tmp_path):
    asked = {"model": "gpt-4o-mini", "input": ASK, "instructions": "Answer in a word.", "temperature": 0.1}
    part = {"type": "output_text", "text": "Deep.", "annotations": []}
    item = {"type": "message", "id": "m-1", "role": "assistant", "status": "completed", "content": [part]}
    said = {
        "id": "resp_2",
        "object": "response",
        "model": "gpt-4o-mini",
        "status": "completed",
        "created_at": 2,
    }
    said |= {"output": [item], "temperature": 0.1, "usage_metadata": USAGE}
    (call,), _ = read(write(tmp_path, run(asked, said)))
    assert (call.wire, json.loads(call.request)) == ("openai_responses", asked)
    assert (reply(call).message.text, reply(call).usage.cached_tokens) == ("Deep.", 16)


def test_what_the_wrapper_of_anthropics_sdk_logs_is_read(tmp_path):
    blocks = [
        {"type": "text", "text": "Look."},
        {"type": "tool_use", "id": "toolu_1", "name": "depth", "input": {"lake": "Thun"}},
    ]
    asked = {
        "model": "claude-9",
        "max_tokens": 70,
        "system": [{"type": "text", "text": "Answer in a word."}],
        "messages": [
            {"role": "user", "content": ASK},
            {"role": "assistant", "content": blocks},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "217"}],
            },
        ],
        "tools": [{"name": "depth", "description": "In metres.", "input_schema": TOOL}],
    }
    said = {
        "id": "msg_2",
        "role": "assistant",
        "model": "claude-9",
        "content": "Deep.",
        "stop_reason": "end_turn",
        "usage_metadata": USAGE,
    }
    (call,), _ = read(write(tmp_path, run(asked, said, extra={"metadata": {"ls_provider": "anthropic"}})))
    assert [(one.role, one.text) for one in request(call).messages] == [
        *[("system", "Answer in a word."), ("user", ASK), ("assistant", "Look."), ("tool", "217")]
    ]
    assert (
        call.provider,
        request(call).tools[0].parameters,
        request(call).params["max_completion_tokens"],
    ) == ("anthropic", TOOL, 70)
    assert (reply(call).message.text, reply(call).finish_reason, reply(call).usage.total_tokens) == (
        "Deep.",
        "stop",
        42,
    )


def test_several_generations_are_choices_and_a_text_is_a_message(tmp_path):
    two = [{"text": word, "generation_info": {"finish_reason": "length"}} for word in ("Deep.", "Very.")]
    (call,), _ = read(write(tmp_path, run({"prompts": [ASK]}, {"generations": [two], "llm_output": None})))
    assert [one.text for one in request(call).messages] == [ASK]
    assert [(one.message.text, one.finish_reason) for one in reply(call).choices()] == [
        ("Deep.", "length"),
        ("Very.", "length"),
    ]
    assert reply(call).usage is None


WHY = "Error code: 429 - {'error': {'message': 'Slow down.', 'code': 'rate_limit_exceeded'}}"
TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1\n'
FAILED = {
    "a repr and its traceback": f'RateLimitError("{WHY}"){TRACEBACK}\nopenai.RateLimitError: again',
    "a traceback": f"{TRACEBACK}openai.RateLimitError: {WHY}",
}


@pytest.mark.parametrize("form", FAILED)
def test_an_error_is_played_as_one(form, tmp_path):
    (call,), _ = read(write(tmp_path, run(outputs={}, error=FAILED[form])))
    error = reply(call)
    assert (error.kind, error.status, error.message, error.code) == (
        "rate_limit",
        429,
        "Slow down.",
        "rate_limit_exceeded",
    )


def test_an_error_without_a_status_is_a_note(tmp_path):
    (call,), _ = read(write(tmp_path, run(outputs={}, error="ValueError('no such lake')")))
    assert call.response is None
    assert "no such lake" in " ".join(call.notes)


def test_runs_without_inputs_are_refused_and_others_counted(tmp_path):
    others = [run(run_type=kind) for kind in ("chain", "tool", "chain")]
    calls, refused = read(write(tmp_path, *others, run({}), {"name": "no run"}, run()))
    assert len(calls) == 1
    assert [(one.place, one.refused) for one in refused] == [
        ("line 4", "no content was captured"),
        ("line 5", "no run: it has no run_type"),
        ("", "3 runs are no calls to a model (2 chain, 1 tool)"),
    ]


def test_everything_is_imported_and_plays(sandbox):
    runs = [run(inputs) for inputs in FORMS.values()]
    runs += [
        run({"model": "gpt-4o-mini", "messages": PLAIN}, COMPLETION),
        run(outputs={}, error=FAILED["a traceback"]),
    ]
    runs = [one | {"id": f"run-{number}"} for number, one in enumerate(runs)]
    recorded = played(sandbox, write(sandbox.root, *runs))
    assert (len(recorded.outcomes), recorded.refused) == (len(runs), 0)  # some say the same


def test_garbage_never_raises(tmp_path):
    odd = [
        None,
        1,
        "x",
        [],
        {},
        [None],
        [[1]],
        {"messages": [[]]},
        {"messages": 3},
        "{",
        {"generations": [[3]]},
        True,
    ]
    records = [run(**{name: value}) for name in ONE for value in odd]
    records += [run({"messages": value}) for value in odd] + [run({"messages": [value]}) for value in odd]
    records += [
        run(outputs={key: value}) for key in ("generations", "choices", "message", "output") for value in odd
    ]
    path = write(tmp_path, *records)
    path.write_text(path.read_text() + "nonsense\n")
    found = list(langsmith.read(path))
    assert all(one.refused for one in found if not one.request)
    assert f"line {len(records) + 1}" in [one.place for one in found if one.refused]
