"""OpenInference's spans as calls: flat and nested attributes, Phoenix's exports, and bodies kept whole."""

import json

import pytest
from recorded_corpus import ABSENT, PRESENT
from traces import LOGS, lost, played, read, recordings, reply, request

from replay.importers import openinference

ASK = "Is there a boat to Spiez at noon?"
TOOL = {"type": "object", "properties": {"port": {"type": "string"}}, "required": ["port"]}
DEFINED = {
    "type": "function",
    "function": {"name": "boats", "description": "Departures.", "parameters": TOOL},
}
FLAT = {
    "openinference.span.kind": "LLM",
    "llm.provider": "openai",
    "llm.model_name": "gpt-4o-mini-2026-01-05",
    "llm.invocation_parameters": json.dumps({"model": "gpt-4o-mini", "temperature": 0.1, "max_tokens": 70}),
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": "Answer in a word.",
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.contents.0.message_content.type": "text",
    "llm.input_messages.1.message.contents.0.message_content.text": ASK,
    "llm.input_messages.1.message.contents.1.message_content.type": "image",
    "llm.input_messages.1.message.contents.1.message_content.image.image.url": "https://pictures.example/3.png",
    "llm.input_messages.2.message.role": "assistant",
    "llm.input_messages.2.message.tool_calls.0.tool_call.id": "call_5",
    "llm.input_messages.2.message.tool_calls.0.tool_call.function.name": "boats",
    "llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments": '{"port":"Spiez"}',
    "llm.input_messages.3.message.role": "tool",
    "llm.input_messages.3.message.tool_call_id": "call_5",
    "llm.input_messages.3.message.content": "12:05",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": "Yes.",
    "llm.finish_reason": "stop",
    "llm.tools.0.tool.json_schema": json.dumps(DEFINED),
    "llm.token_count.prompt": 44,
    "llm.token_count.completion": 2,
    "llm.token_count.total": 46,
    "llm.token_count.prompt_details.cache_read": 8,
    "session.id": "quay-1",
}


def nested(flat):
    """The same attributes as objects and lists, as Phoenix keeps them."""
    found = {}
    for name, value in flat.items():
        at, steps = found, name.split(".")
        for step in steps[:-1]:
            at = at.setdefault(step, {})
        at[steps[-1]] = value

    def lists(value):
        if not isinstance(value, dict):
            return value
        if all(key.isdecimal() for key in value):
            return [lists(value[key]) for key in sorted(value, key=int)]
        return {key: lists(item) for key, item in value.items()}

    return lists(found)


def span(given, kind="LLM", number=0):
    """A span as Phoenix's API gives it."""
    context = {"trace_id": "3a" * 16, "span_id": f"{number:016x}"}
    times = {"start_time": "2026-03-02T11:00:00+00:00", "end_time": "2026-03-02T11:00:01+00:00"}
    status = {"status_code": "OK", "status_message": ""}
    return {
        "name": "ChatCompletion",
        "span_kind": kind,
        "context": context,
        **times,
        **status,
        "attributes": given,
    }


def row(given):
    """A span as a row of Phoenix's table: lists stand in columns of their own, the rest is flat."""
    columns = {
        "context.trace_id": "3a" * 16,
        "context.span_id": "00",
        "name": "ChatCompletion",
        "span_kind": "LLM",
    }
    deep = nested(given)["llm"]
    whole = {f"llm.{name}": deep[name] for name in ("input_messages", "output_messages", "tools")}
    flat = {
        key: value for key, value in given.items() if not key.startswith(tuple(f"{name}." for name in whole))
    }
    return (
        columns
        | {"start_time": 1772449200000}
        | {f"attributes.{key}": value for key, value in (whole | flat).items()}
    )


FORMS = {
    "flat attributes": lambda: json.dumps(span(FLAT)) + "\n",
    "nested attributes": lambda: json.dumps(span(nested(FLAT))) + "\n",
    "a page of the api": lambda: json.dumps({"data": [span(FLAT)], "next_cursor": None}),
    "a table, row by row": lambda: json.dumps([row(FLAT)]),
    "a table, column by column": lambda: json.dumps({key: {"00": value} for key, value in row(FLAT).items()}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_span_gives_the_same_call(form, tmp_path):
    path = tmp_path / "spans.json"
    path.write_text(FORMS[form]())
    (call,), refused = read(path, "openinference")
    assert not refused
    asked, said = request(call), reply(call)
    system, user, assistant, tool = asked.messages
    assert (system.text, user.text, tool.text, tool.tool_call_id) == (
        "Answer in a word.",
        ASK,
        "12:05",
        "call_5",
    )
    assert user.content[1] == {"type": "image_url", "image_url": {"url": "https://pictures.example/3.png"}}
    assert [(one.id, one.name, one.arguments) for one in assistant.tool_calls] == [
        ("call_5", "boats", '{"port":"Spiez"}')
    ]
    assert [(one.name, one.description, one.parameters) for one in asked.tools] == [
        ("boats", "Departures.", TOOL)
    ]
    assert (asked.model, asked.params) == ("gpt-4o-mini", {"temperature": 0.1, "max_completion_tokens": 70})
    assert (said.message.text, said.finish_reason, said.model) == ("Yes.", "stop", "gpt-4o-mini-2026-01-05")
    counts = {"prompt_tokens": 44, "completion_tokens": 2, "total_tokens": 46, "cached_tokens": 8}
    assert said.usage.to_json() == counts
    assert (call.provider, call.thread, call.at) == ("openai", "quay-1", 1772449200.0)


ASKED = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "user", "content": ASK}],
    "tools": [DEFINED],
    "tool_choice": "auto",
    "logit_bias": {"50": -1},
}
SAID = {
    "id": "chatcmpl-2",
    "object": "chat.completion",
    "model": "gpt-4o-mini-2026-01-05",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 44, "completion_tokens": 2, "total_tokens": 46},
    "system_fingerprint": "fp_1",
}


def kept(asked=ASKED, said=SAID):
    return FLAT | {"input.value": json.dumps(asked), "output.value": json.dumps(said)}


def write(tmp_path, *spans):
    path = tmp_path / "spans.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in spans))
    return path


def test_bodies_that_were_kept_whole_come_first(tmp_path):
    (call,), _ = read(write(tmp_path, span(kept())))
    assert (json.loads(call.request), json.loads(call.response)) == (ASKED, SAID)
    assert call.wire == "openai"


def test_a_stream_that_was_put_together_is_an_answer_and_no_chunk(tmp_path):
    (call,), _ = read(
        write(tmp_path, span(kept(ASKED | {"stream": True}, SAID | {"object": "chat.completion.chunk"})))
    )
    assert (reply(call).message.text, reply(call).finish_reason, request(call).params["stream"]) == (
        "Yes.",
        "stop",
        True,
    )


PARTLY = {
    "messages of a framework": {"messages": [{"type": "human", "content": ASK}]},
    "text": ASK,
    "an argument that is no body": {"question": ASK},
}


@pytest.mark.parametrize("case", PARTLY)
def test_values_that_are_no_bodies_do_not_hide_the_messages(case, tmp_path):
    (call,), _ = read(write(tmp_path, span(kept(PARTLY[case], {"answer": "Yes."}))))
    assert (len(request(call).messages), reply(call).message.text) == (4, "Yes.")


def test_a_call_that_failed_keeps_its_body(tmp_path):
    failed = {key: value for key, value in kept().items() if "output" not in key}
    why = "Error code: 400 - {'error': {'message': 'Too long.', 'code': 'context_length_exceeded'}}"
    event = {
        "name": "exception",
        "attributes": {"exception.type": "openai.BadRequestError", "exception.message": why},
    }
    (call,), _ = read(write(tmp_path, span(failed) | {"events": [event], "status_code": "ERROR"}))
    assert json.loads(call.request) == ASKED
    assert (reply(call).status, reply(call).code, reply(call).message) == (
        400,
        "context_length_exceeded",
        "Too long.",
    )


def test_spans_that_are_no_calls_are_counted_in_one_line(tmp_path):
    others = [span({"openinference.span.kind": kind}, kind) for kind in ("CHAIN", "TOOL", "CHAIN", "AGENT")]
    calls, (refused,) = read(write(tmp_path, *others, span(FLAT)))
    assert len(calls) == 1
    assert refused.refused == "4 spans are no calls to a model (1 AGENT, 2 CHAIN, 1 TOOL)"


def test_texts_of_completions_are_read(tmp_path):
    given = {"openinference.span.kind": "LLM", "llm.model_name": "m-1", "llm.prompts.0.prompt.text": ASK}
    (call,), _ = read(write(tmp_path, span(given)))
    assert [(one.role, one.text) for one in request(call).messages] == [("user", ASK)]
    assert call.response is None


def test_masked_content_is_said(tmp_path):
    (call,), _ = read(write(tmp_path, span(FLAT | {"llm.input_messages.0.message.content": "__REDACTED__"})))
    assert "stand-ins" in " ".join(call.notes)


def test_everything_is_imported_and_plays(sandbox):
    path = write(sandbox.root, span(FLAT), span(kept(), number=1), span(nested(FLAT), number=2))
    recorded = played(sandbox, path)
    assert (len(recorded.outcomes), recorded.refused) == (3, 0)  # two say the same


def test_garbage_never_raises(tmp_path):
    path = tmp_path / "wild.jsonl"
    odd = [None, 1, "x", [], {}, [None], {"0": 1}, "{", True]
    records = [span(FLAT | {name: value}) for name in FLAT for value in odd]
    records += [span({name: value}) | {"name": value} for name in FLAT for value in odd]
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    found = list(openinference.read(path))
    assert all(one.refused for one in found if not one.request)


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
def test_recordings_that_were_logged_come_back(sandbox):
    path = LOGS / "otel-openinference" / "otlp.json"
    calls, refused = read(path, "openinference")
    pairs = zip(recordings("otel-openinference"), calls, strict=True)
    found = [lost(recording, (request(call), reply(call))) for recording, call in pairs]
    assert not refused
    # the second is a stream that says a call's id twice; the instrumentation joins both to one id
    assert {number: one for number, one in enumerate(found) if one} == {1: {"reply"}}
    recorded = played(sandbox, path)
    assert (recorded.imported, recorded.refused) == (24, 0)
