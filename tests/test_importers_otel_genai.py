"""OpenTelemetry's spans and events as calls: all generations of its conventions, in every exporter's form."""

import gzip
import json
import random
import tracemalloc

import pytest
from recorded_corpus import ABSENT, PRESENT
from traces import LOGS, lost, played, read, recordings, reply, request

from replay import importers
from replay.config import Project
from replay.importers import otel_genai

ASK = "When does the library in Thun open?"
TOOL = {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}
TRACE, SPAN = "1f" * 16, "2e" * 8
FACTS = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2026-01-05",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.usage.input_tokens": 31,
    "gen_ai.usage.output_tokens": 9,
}


def attributes(**more):
    return FACTS | {name.replace("__", "."): value for name, value in more.items()}


def span(given, name="chat gpt-4o-mini", number=0, **more):
    """A span as Python's SDK prints it."""
    context = {"trace_id": f"0x{TRACE}", "span_id": f"0x{int(SPAN, 16) + number:016x}"}
    times = {"start_time": "2026-03-02T10:00:00.5Z", "end_time": "2026-03-02T10:00:01Z"}
    return {
        "name": name,
        "context": context,
        "parent_id": None,
        **times,
        "attributes": given,
        "events": [],
        **more,
    }


def newest(**more):
    """A call with a tool's answer in it, as the newest convention says it."""
    asked = [
        {"role": "system", "parts": [{"type": "text", "content": "Look it up."}]},
        {"role": "user", "parts": [{"type": "text", "content": ASK}]},
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "call_7", "name": "hours", "arguments": {"town": "Thun"}}],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_7", "response": "9 to 18"}]},
    ]
    said = [
        {"role": "assistant", "parts": [{"type": "text", "content": "At nine."}], "finish_reason": "stop"}
    ]
    offered = [{"type": "function", "name": "hours", "description": "Opening hours.", "parameters": TOOL}]
    return attributes(
        gen_ai__input__messages=json.dumps(asked),
        gen_ai__output__messages=json.dumps(said),
        gen_ai__tool__definitions=json.dumps(offered),
        gen_ai__request__temperature=0.2,
        gen_ai__request__max_tokens=80,
        gen_ai__request__stop_sequences=["END"],
        gen_ai__request__choice__count=1,
        gen_ai__response__finish_reasons=["stop"],
        gen_ai__conversation__id="visit-4",
        **more,
    )


def lines(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def any_value(value):
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": k, "value": any_value(v)} for k, v in value.items()]}}
    kind = {bool: "boolValue", int: "intValue", float: "doubleValue"}.get(type(value), "stringValue")
    return {kind: str(value) if kind == "intValue" else value}


def otlp(*spans, logs=()):
    """Spans and logs as OTLP's JSON."""

    def pairs(given):
        return [{"key": key, "value": any_value(value)} for key, value in given.items()]

    found = [
        {
            "traceId": item["context"]["trace_id"][2:],
            "spanId": item["context"]["span_id"][2:],
            "name": item["name"],
            "startTimeUnixNano": "1772445600500000000",
            "attributes": pairs(item["attributes"]),
            "events": [
                {"name": event["name"], "attributes": pairs(event["attributes"])} for event in item["events"]
            ],
            "status": {},
        }
        for item in spans
    ]
    records = [
        {
            "traceId": TRACE,
            "spanId": SPAN,
            "eventName": name,
            "observedTimeUnixNano": str(1772445600500000000 + number),
            "body": any_value(body),
            "attributes": pairs({"gen_ai.system": "openai"}),
        }
        for number, (name, body) in enumerate(logs)
    ]
    whole = {}
    if found:
        whole["resourceSpans"] = [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": found}]}]
    if records:
        whole["resourceLogs"] = [{"resource": {}, "scopeLogs": [{"scope": {}, "logRecords": records}]}]
    return whole


def snake(value):
    """OTLP's JSON with the names of the protocol buffers."""
    if isinstance(value, list):
        return [snake(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        "".join(f"_{c.lower()}" if c.isupper() else c for c in key): snake(item)
        for key, item in value.items()
    }


def node(item):
    """A span as a dump of OpenTelemetry for JavaScript has it."""
    context = {"traceId": TRACE, "spanId": SPAN}
    return {
        "name": item["name"],
        "spanContext": context,
        "startTime": [1772445600, 500000000],
        "attributes": item["attributes"],
        "status": {"code": 0},
    }


FORMS = {
    "python's exporter, a line each": lambda item: json.dumps(item) + "\n",
    "python's exporter, laid out": lambda item: json.dumps(item, indent=4) + "\n",
    "a list of javascript's spans": lambda item: json.dumps([node(item)]),
    "otlp": lambda item: json.dumps(otlp(item)),
    "otlp, a batch a line": lambda item: json.dumps(otlp(item)) + "\n",
    "otlp, laid out": lambda item: json.dumps(otlp(item), indent=1),
    "otlp with the names of protocol buffers": lambda item: json.dumps(snake(otlp(item))),
    "resource spans without their request": lambda item: json.dumps(otlp(item)["resourceSpans"][0]) + "\n",
    "structured attributes": lambda item: json.dumps(
        item
        | {
            "attributes": {
                k: json.loads(v) if str(v)[:1] == "[" and isinstance(v, str) else v
                for k, v in item["attributes"].items()
            }
        }
    ),
    "a record of logfire's": lambda item: json.dumps(
        {
            "trace_id": TRACE,
            "span_id": SPAN,
            "span_name": item["name"],
            "start_timestamp": item["start_time"],
            "attributes": json.dumps(item["attributes"]),
        }
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_exporters_form_of_a_span_gives_the_same_call(form, tmp_path):
    path = tmp_path / "spans.json"
    path.write_text(FORMS[form](span(newest())))
    (call,), refused = read(path, "otel_genai")
    assert not refused
    asked, said = request(call), reply(call)
    assert [(message.role, message.text) for message in asked.messages] == [
        *[("system", "Look it up."), ("user", ASK), ("assistant", ""), ("tool", "9 to 18")]
    ]
    assert [(c.id, c.name, c.parsed()) for c in asked.messages[2].tool_calls] == [
        ("call_7", "hours", {"town": "Thun"})
    ]
    assert asked.messages[3].tool_call_id == "call_7"
    assert [(tool.name, tool.description, tool.parameters) for tool in asked.tools] == [
        ("hours", "Opening hours.", TOOL)
    ]
    assert asked.params == {"temperature": 0.2, "max_completion_tokens": 80, "stop": ["END"], "n": 1}
    assert (said.message.text, said.finish_reason, said.model) == (
        "At nine.",
        "stop",
        "gpt-4o-mini-2026-01-05",
    )
    assert said.usage.to_json() == {"prompt_tokens": 31, "completion_tokens": 9}
    assert (call.model, call.provider, call.thread, call.at) == (
        "gpt-4o-mini",
        "openai",
        "visit-4",
        1772445600.5,
    )
    assert call.derived
    assert call.source["id"] == f"{TRACE}/{SPAN}"


def test_a_gzipped_file_is_read(tmp_path):
    path = tmp_path / "spans.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(span(newest())).encode()))
    assert len(read(path)[0]) == 1


EVENTS = (
    ("gen_ai.system.message", {"content": "Look it up."}),
    ("gen_ai.user.message", {"content": ASK}),
    (
        "gen_ai.assistant.message",
        {
            "tool_calls": [
                {
                    "id": "call_7",
                    "type": "function",
                    "function": {"name": "hours", "arguments": '{"town":"Thun"}'},
                }
            ]
        },
    ),
    ("gen_ai.tool.message", {"content": "9 to 18", "id": "call_7"}),
    (
        "gen_ai.choice",
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "At nine."}},
    ),
)


def log(number, name, body, at=0):
    """An event as Python's SDK prints it."""
    ids = {"trace_id": f"0x{TRACE}", "span_id": f"0x{int(SPAN, 16) + number:016x}"}
    when = f"2026-03-02T10:00:00.{at:06d}Z"
    return {
        "body": body,
        "attributes": {"gen_ai.system": "openai"},
        "event_name": name,
        "timestamp": None,
        "observed_timestamp": when,
        **ids,
    }


def is_the_visit(call):
    asked, said = request(call), reply(call)
    told = [
        (message.role, message.text, [c.arguments for c in message.tool_calls]) for message in asked.messages
    ]
    assert told == [
        ("system", "Look it up.", []),
        ("user", ASK, []),
        ("assistant", "", ['{"town":"Thun"}']),
        ("tool", "9 to 18", []),
    ]
    assert (said.message.text, said.finish_reason, asked.messages[3].tool_call_id) == (
        "At nine.",
        "stop",
        "call_7",
    )


def test_events_before_1_37_are_joined_to_their_span_wherever_they_stand(tmp_path):
    spans = [span(attributes(), number=number) for number in range(3)]
    events = [log(number, *event, at=at) for number in range(3) for at, event in enumerate(EVENTS)]
    random.Random(4).shuffle(events)
    places = {
        "before": ([*events, *spans], []),
        "after": ([*spans, *events], []),
        "in a file that comes later": (spans, events),
        "in a batch of otlp": ([span(attributes())], [otlp(logs=EVENTS)]),
    }
    for name, (first, second) in places.items():
        folder = tmp_path / name
        folder.mkdir()
        path = lines(folder / "m.jsonl", *first)
        if second:
            lines(folder / "z.jsonl", *second)
        calls, refused = read(path, "otel_genai")
        assert not refused, name
        assert len(calls) == len([one for one in first if "context" in one]), name
        for call in calls:
            is_the_visit(call)
            assert reply(call).usage.prompt_tokens == 31


def test_files_of_one_import_are_joined_over_folders_and_events_alone_are_no_calls_then(sandbox):
    (sandbox.root / "logs" / "a").mkdir(parents=True)
    (sandbox.root / "logs" / "b").mkdir()
    lines(sandbox.root / "logs/a/events.jsonl", *(log(0, *event, at=at) for at, event in enumerate(EVENTS)))
    lines(sandbox.root / "logs/b/spans.jsonl", span(attributes()))
    recorded = played(sandbox, sandbox.root / "logs")
    assert (recorded.imported, recorded.refused) == (1, 0)


def test_events_whose_span_is_nowhere_are_a_call_of_which_less_is_known(tmp_path):
    path = lines(tmp_path / "events.jsonl", *(log(0, *event, at=at) for at, event in enumerate(EVENTS)))
    (call,), refused = read(path)
    is_the_visit(call)
    assert not refused
    assert not call.model
    assert "its span is in none of the files" in " ".join(call.notes)


def test_events_may_be_events_of_the_span(tmp_path):
    events = [
        {
            "name": name,
            "attributes": {
                key: value if isinstance(value, str | int) else json.dumps(value)
                for key, value in body.items()
            },
        }
        for name, body in EVENTS
    ]
    path = lines(tmp_path / "spans.jsonl", span(attributes(), events=events))
    (call,), _ = read(path)
    is_the_visit(call)


def test_the_event_of_a_whole_call_is_read(tmp_path):
    details = {key: value for key, value in newest().items() if "messages" in key or "definitions" in key}
    event = log(0, "gen_ai.client.inference.operation.details", None) | {"attributes": details}
    (call,), refused = read(lines(tmp_path / "all.jsonl", event, span(attributes())))
    assert not refused
    assert (len(request(call).messages), reply(call).message.text, len(request(call).tools)) == (
        4,
        "At nine.",
        1,
    )


def test_prompt_and_completion_as_events_are_read(tmp_path):
    events = [
        {
            "name": "gen_ai.content.prompt",
            "attributes": {"gen_ai.prompt": json.dumps([{"role": "user", "content": ASK}])},
        },
        {
            "name": "gen_ai.content.completion",
            "attributes": {"gen_ai.completion": json.dumps([{"role": "assistant", "content": "At nine."}])},
        },
    ]
    (call,), _ = read(
        lines(
            tmp_path / "spans.jsonl",
            span(attributes(gen_ai__response__finish_reasons=["stop"]), events=events),
        )
    )
    assert (request(call).messages[0].text, reply(call).message.text, reply(call).finish_reason) == (
        ASK,
        "At nine.",
        "stop",
    )


def test_openllmetrys_flat_attributes_are_read(tmp_path):
    parts = json.dumps(
        [
            {"type": "text", "text": ASK},
            {"type": "image_url", "image_url": {"url": "https://pictures.example/1.png"}},
        ]
    )
    flat = {
        "gen_ai.system": "OpenAI",
        "llm.request.type": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.max_tokens": 90,
        "llm.is_streaming": True,
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": parts,
        "gen_ai.prompt.1.role": "assistant",
        "gen_ai.prompt.1.tool_calls.0.id": "call_7",
        "gen_ai.prompt.1.tool_calls.0.name": "hours",
        "gen_ai.prompt.1.tool_calls.0.arguments": '{"town":"Thun"}',
        "gen_ai.prompt.2.role": "tool",
        "gen_ai.prompt.2.tool_call_id": "call_7",
        "gen_ai.prompt.2.content": "9 to 18",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "At nine.",
        "gen_ai.completion.0.finish_reason": "stop",
        "llm.request.functions.0.name": "hours",
        "llm.request.functions.0.description": "Opening hours.",
        "llm.request.functions.0.parameters": json.dumps(TOOL),
        "gen_ai.usage.prompt_tokens": 40,
        "gen_ai.usage.completion_tokens": 3,
        "llm.usage.total_tokens": 43,
        "traceloop.association.properties.session_id": "desk-2",
    }
    (call,), _ = read(lines(tmp_path / "spans.jsonl", span(flat)))
    asked, said = request(call), reply(call)
    assert asked.messages[0].content[1]["image_url"]["url"] == "https://pictures.example/1.png"
    assert asked.messages[1].tool_calls[0].arguments == '{"town":"Thun"}'
    assert (asked.messages[2].tool_call_id, asked.messages[2].text) == ("call_7", "9 to 18")
    assert [(tool.name, tool.parameters) for tool in asked.tools] == [("hours", TOOL)]
    assert asked.params == {"max_completion_tokens": 90}
    assert (said.message.text, said.finish_reason, said.usage.total_tokens, call.thread) == (
        "At nine.",
        "stop",
        43,
        "desk-2",
    )


VERCEL = {
    "ai.operationId": "ai.generateText.doGenerate",
    "ai.model.provider": "openai.chat",
    "ai.model.id": "gpt-4o-mini",
    "ai.settings.maxOutputTokens": 60,
    "ai.settings.maxRetries": 2,
    "ai.prompt.messages": json.dumps(
        [
            {"role": "system", "content": "Look it up."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": ASK},
                    {"type": "file", "mediaType": "image/png", "data": "aGk="},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "reasoning", "text": "A library."},
                    {
                        "type": "tool-call",
                        "toolCallId": "call_7",
                        "toolName": "hours",
                        "input": {"town": "Thun"},
                    },
                ],
            },
            {
                "role": "tool",
                "content": [
                    {
                        "type": "tool-result",
                        "toolCallId": "call_7",
                        "toolName": "hours",
                        "output": {"type": "json", "value": {"from": 9}},
                    }
                ],
            },
        ]
    ),
    "ai.prompt.tools": [json.dumps({"type": "function", "name": "hours", "inputSchema": TOOL})],
    "ai.prompt.toolChoice": '{"type":"tool","toolName":"hours"}',
    "ai.response.finishReason": "tool-calls",
    "ai.response.text": "",
    "ai.response.toolCalls": json.dumps(
        [{"toolCallId": "call_8", "toolName": "hours", "input": '{"town":"Bern"}'}]
    ),
    "ai.response.model": "gpt-4o-mini-2026-01-05",
    "ai.usage.promptTokens": 50,
    "ai.usage.completionTokens": 7,
    "ai.usage.cachedInputTokens": 20,
    "gen_ai.request.temperature": 0,
}


def test_the_ai_sdks_attributes_are_read(tmp_path):
    (call,), _ = read(lines(tmp_path / "spans.jsonl", span(VERCEL)))
    asked, said = request(call), reply(call)
    system, user, assistant, tool = asked.messages
    assert (system.text, user.text) == ("Look it up.", ASK)
    assert user.content[1] == {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    assert (assistant.tool_calls[0].parsed(), assistant.extra["reasoning_content"]) == (
        {"town": "Thun"},
        "A library.",
    )
    assert (tool.text, tool.tool_call_id) == ('{"from": 9}', "call_7")
    assert asked.params == {
        "max_completion_tokens": 60,
        "temperature": 0,
        "tool_choice": {"type": "function", "function": {"name": "hours"}},
    }
    assert (said.finish_reason, said.message.tool_calls[0].arguments) == ("tool_calls", '{"town":"Bern"}')
    assert said.usage.to_json() == {"prompt_tokens": 50, "completion_tokens": 7, "cached_tokens": 20}


def test_what_wraps_the_ai_sdks_calls_is_one_only_where_they_are_not_logged(tmp_path):
    wrapper = {key: value for key, value in VERCEL.items() if not key.startswith("ai.prompt")}
    wrapper |= {
        "ai.operationId": "ai.generateText",
        "ai.prompt": json.dumps({"system": "Look it up.", "prompt": ASK}),
    }
    outer = span(wrapper, name="ai.generateText")
    inner = span(VERCEL, number=1, parent_id=outer["context"]["span_id"])
    for records in ([inner, outer], [outer, inner]):
        calls, refused = read(lines(tmp_path / "spans.jsonl", *records))
        assert [request(call).messages[0].text for call in calls] == ["Look it up."]
        assert [one.refused for one in refused] == ["1 span is no call to a model (1 wrapper)"]
    (call,), refused = read(lines(tmp_path / "spans.jsonl", outer))
    assert not refused
    assert "several calls may stand behind it" in call.notes[0]
    assert [message.text for message in request(call).messages] == ["Look it up.", ASK]


def test_logfires_own_attributes_are_read(tmp_path):
    body = {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": ASK}],
        "temperature": 0.5,
        "tools": [{"type": "function", "function": {"name": "hours", "parameters": TOOL}}],
    }
    said = {
        "message": {"role": "assistant", "content": "At nine.", "tool_calls": None},
        "usage": {"prompt_tokens": 31},
    }
    given = attributes(
        request_data=json.dumps(body),
        response_data=json.dumps(said),
        gen_ai__response__finish_reasons=["stop"],
    )
    (call,), _ = read(lines(tmp_path / "spans.jsonl", span(given)))
    assert (request(call).messages[0].text, request(call).params, len(request(call).tools)) == (
        ASK,
        {"temperature": 0.5},
        1,
    )
    assert (reply(call).message.text, reply(call).finish_reason) == ("At nine.", "stop")


def test_events_in_an_attribute_are_read_as_pydantic_ai_writes_them(tmp_path):
    kept = [
        {"event.name": name, "gen_ai.message.index": number} | body
        for number, (name, body) in enumerate(EVENTS)
    ]
    offered = {"function_tools": [{"name": "hours", "parameters_json_schema": TOOL}], "output_mode": "text"}
    given = attributes(events=json.dumps(kept), model_request_parameters=json.dumps(offered))
    (call,), _ = read(lines(tmp_path / "spans.jsonl", span(given)))
    is_the_visit(call)
    assert [(tool.name, tool.parameters) for tool in request(call).tools] == [("hours", TOOL)]


def test_parts_of_every_kind_become_content(tmp_path):
    parts = [
        {"type": "text", "content": "See."},
        {"type": "uri", "modality": "image", "uri": "https://pictures.example/2.png"},
        {"type": "blob", "modality": "image", "mime_type": "image/jpeg", "content": "aGk="},
        {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "aGk="},
        {"type": "file", "modality": "document", "file_id": "file-3"},
        {"type": "binary", "media_type": "application/pdf", "content": "aGk="},
        {"type": "stamp", "shape": "round"},
    ]
    asked = [{"role": "user", "parts": parts}]
    said = [
        {
            "role": "assistant",
            "parts": [{"type": "reasoning", "content": "Hm."}, {"type": "text", "content": "Yes."}],
        }
    ]
    given = attributes(gen_ai__input__messages=json.dumps(asked), gen_ai__output__messages=json.dumps(said))
    (call,), _ = read(lines(tmp_path / "spans.jsonl", span(given)))
    assert json.loads(call.request)["messages"][0]["content"] == [
        {"type": "text", "text": "See."},
        {"type": "image_url", "image_url": {"url": "https://pictures.example/2.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,aGk="}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-3"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk="}},
        {"type": "native", "openai": {"type": "stamp", "shape": "round"}},
    ]
    assert (reply(call).message.text, reply(call).message.extra["reasoning_content"]) == ("Yes.", "Hm.")
    assert reply(call).finish_reason is None
    assert "does not say why the answer ended" in call.notes[0]


def test_a_call_that_begins_with_a_tools_answer_says_so(tmp_path):
    asked = [
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_7", "response": "9 to 18"}]}
    ]
    given = newest() | {"gen_ai.input.messages": json.dumps(asked)}
    (call,), _ = read(lines(tmp_path / "spans.jsonl", span(given)))
    assert "begins with the answer of a tool" in " ".join(call.notes)


def test_an_apps_own_log_that_names_spans_is_no_trace(tmp_path):
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": ASK}]}
    path = lines(tmp_path / "app.jsonl", {"span_id": SPAN, "trace_id": TRACE, "request": body})
    assert importers.sniffed(path.read_bytes()) == ["jsonl"]


def test_several_choices_and_several_messages_of_one_choice_are_told_apart(tmp_path):
    said = [{"role": "assistant", "parts": [{"type": "text", "content": word}]} for word in ("One.", "Two.")]
    asked = [{"role": "user", "parts": [{"type": "text", "content": ASK}]}]
    both = {"gen_ai__input__messages": json.dumps(asked), "gen_ai__output__messages": json.dumps(said)}
    choices = span(attributes(**both, gen_ai__response__finish_reasons=["stop", "length"]))
    items = span(attributes(**both, gen_ai__response__finish_reasons=["stop"]), number=1)
    (two, one), _ = read(lines(tmp_path / "spans.jsonl", choices, items))
    assert [(c.message.text, c.finish_reason) for c in reply(two).choices()] == [
        ("One.", "stop"),
        ("Two.", "length"),
    ]
    assert [(c.message.text, c.finish_reason) for c in reply(one).choices()] == [("One.Two.", "stop")]


NOT_CAPTURED = {
    "nothing but facts": attributes(),
    "parts without their text": attributes(
        gen_ai__input__messages=json.dumps([{"role": "user", "parts": [{"type": "text"}]}])
    ),
    "the ai sdk told not to": {key: value for key, value in VERCEL.items() if "prompt.messages" not in key},
}


@pytest.mark.parametrize("case", NOT_CAPTURED)
def test_a_call_whose_content_was_not_captured_is_refused_by_that(case, tmp_path):
    calls, (refused,) = read(lines(tmp_path / "spans.jsonl", span(NOT_CAPTURED[case])))
    assert (calls, refused.place, refused.refused) == ([], "line 1", "no content was captured")


def test_events_without_content_are_refused_by_that(tmp_path):
    bare = [
        log(0, name, {"tool_calls": body["tool_calls"]} if "tool_calls" in body else {})
        for name, body in EVENTS
    ]
    calls, (refused,) = read(lines(tmp_path / "all.jsonl", span(attributes()), *bare))
    assert (calls, refused.refused) == ([], "no content was captured")


def test_an_attribute_that_was_cut_is_named(tmp_path):
    given = newest() | {"gen_ai.input.messages": newest()["gen_ai.input.messages"][:100]}
    calls, (refused,) = read(lines(tmp_path / "spans.jsonl", span(given)))
    assert not calls
    assert "gen_ai.input.messages is no whole JSON" in refused.refused


def test_spans_that_are_no_calls_are_counted_in_one_line(tmp_path):
    others = [
        span({"gen_ai.operation.name": "execute_tool"}),
        span({"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "gpt-4o"}),
        span({"gen_ai.operation.name": "embeddings", "gen_ai.request.model": "text-embedding-3-small"}),
        span({"http.request.method": "GET"}),
    ]
    calls, (refused,) = read(lines(tmp_path / "spans.jsonl", *others, span(newest())))
    assert len(calls) == 1
    assert (
        refused.refused
        == "4 spans are no calls to a model (1 embeddings, 1 execute_tool, 1 invoke_agent, 1 other)"
    )


FAILED = {
    "a body as python writes it": (
        {"error.type": "RateLimitError"},
        "Error code: 429 - {'error': {'message': 'Slow down.', 'code': 'rate_limit_exceeded'}}",
        ("rate_limit", 429, "Slow down."),
    ),
    "a message alone": (
        {"error.type": "AuthenticationError"},
        "Error code: 401 - No such key.",
        ("auth", 401, "No such key."),
    ),
    "a class that has a status": (
        {"error.type": "openai.NotFoundError"},
        "no such model",
        ("not_found", 404, "no such model"),
    ),
    "an error of AWS": (
        {},
        "An error occurred (ThrottlingException) when calling Converse: wait",
        ("rate_limit", 429, "An error"),
    ),
    "a status beside it": ({"http.response.status_code": 503}, "gone", ("server", 503, "gone")),
}


@pytest.mark.parametrize("case", FAILED)
def test_a_failed_call_is_the_error_it_had(case, tmp_path):
    more, told, (kind, status, message) = FAILED[case]
    given = {key: value for key, value in newest(**more).items() if "output" not in key} | more
    (call,), _ = read(
        lines(tmp_path / "spans.jsonl", span(given, status={"status_code": "ERROR", "description": told}))
    )
    error = reply(call)
    assert (error.kind, error.status) == (kind, status)
    assert error.message.startswith(message)


def test_a_call_that_was_lost_on_its_way_is_a_transport_error_and_an_unknown_one_a_note(tmp_path):
    given = {key: value for key, value in newest().items() if "output" not in key}

    def failed(name, why):
        event = {"name": "exception", "attributes": {"exception.type": name, "exception.message": why}}
        return span(given, events=[event], status={"status_code": "ERROR"})

    kinds = [
        failed("openai.APITimeoutError", "Request timed out."),
        failed("APIConnectionError", "Connection error."),
    ]
    (late, gone, odd), _ = read(lines(tmp_path / "spans.jsonl", *kinds, failed("KeyError", "'town'")))
    assert (late.error, gone.error, odd.error, odd.response) == ("ReadTimeout", "ConnectError", None, None)
    assert any("KeyError" in note for note in odd.notes)


ASKED = {
    "openai": ({}, ("openai", {})),
    "openai at another host": (
        {"server.address": "llm.example", "server.port": 443},
        ("openai_compatible", {"base_url": "https://llm.example/v1"}),
    ),
    "openai at a port": (
        {"gen_ai.openai.api_base": "http://127.0.0.1:8000/v1/"},
        ("openai_compatible", {"base_url": "http://127.0.0.1:8000/v1"}),
    ),
    "azure": (
        {"gen_ai.provider.name": "azure.ai.openai", "server.address": "ours.openai.azure.com"},
        ("azure", {"endpoint": "https://ours.openai.azure.com", "deployment": "gpt-4o-mini"}),
    ),
    "gemini": ({"gen_ai.provider.name": "gcp.gemini"}, ("gemini", {})),
    "vertex": (
        {"gen_ai.system": "gcp.vertex_ai", "server.address": "europe-west6-aiplatform.googleapis.com"}
        | {"gen_ai.provider.name": None},
        ("gemini", {"platform": "vertex", "region": "europe-west6"}),
    ),
    "claude on vertex": (
        {"gen_ai.provider.name": "gcp.vertex_ai", "gen_ai.request.model": "claude-9"},
        ("anthropic", {"platform": "vertex"}),
    ),
    "bedrock": (
        {
            "gen_ai.provider.name": "aws.bedrock",
            "server.address": "bedrock-runtime.eu-central-2.amazonaws.com",
        },
        ("bedrock", {"region": "eu-central-2"}),
    ),
    "the responses api": ({"gen_ai.provider.name": "openai.responses"}, ("openai_responses", {})),
    "a known server": (
        {"gen_ai.provider.name": "groq"},
        ("openai_compatible", {"base_url": "https://api.groq.com/openai/v1"}),
    ),
    "no known server": (
        {"gen_ai.provider.name": "Own.LLM"},
        ("openai_compatible", {"base_url_env": "OWN_LLM_BASE_URL"}),
    ),
}


@pytest.mark.parametrize("case", ASKED)
def test_who_was_asked_is_told_by_name_and_address(case, tmp_path):
    more, (provider, settings) = ASKED[case]
    (call,), _ = read(lines(tmp_path / "spans.jsonl", span(newest() | more)))
    assert (call.provider, call.settings) == (provider, settings)


def test_calls_to_every_provider_play_in_its_own_words(sandbox):
    names = ("openai", "openai.responses", "anthropic", "gcp.gemini", "gcp.vertex_ai", "aws.bedrock", "groq")
    models = {"anthropic": "claude-9", "gcp.gemini": "gemini-9", "gcp.vertex_ai": "gemini-9"}
    told = [
        (name, {"gen_ai.provider.name": name, "gen_ai.request.model": models.get(name, "m-9")})
        for name in names
    ]
    spans = [span(newest() | more, number=number) for number, (_, more) in enumerate(told)]
    recorded = played(sandbox, lines(sandbox.root / "spans.jsonl", *spans))
    assert (recorded.imported, recorded.refused) == (len(names), 0)
    providers = [Project.find(sandbox.root).target(one.target).provider for one in recorded.outcomes]
    assert providers == [
        "openai",
        "openai_responses",
        "anthropic",
        "gemini",
        "gemini",
        "bedrock",
        "openai_compatible",
    ]


def test_everything_is_imported_and_plays(sandbox):
    flat = {
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": ASK,
        "gen_ai.completion.0.content": "At nine.",
    }
    failed = span(
        {k: v for k, v in newest().items() if "output" not in k},
        number=4,
        status={"status_code": "ERROR", "description": "Error code: 429 - wait"},
    )
    path = lines(
        sandbox.root / "spans.jsonl",
        span(newest()),
        span(attributes(**{key.replace(".", "__"): value for key, value in flat.items()}), number=1),
        span(VERCEL, number=2),
        span(attributes(), number=3),
        *(log(3, *event, at=at) for at, event in enumerate(EVENTS)),
        failed,
    )
    recorded = played(sandbox, path)
    assert (recorded.imported, recorded.refused) == (5, 0)


def test_garbage_is_named_by_its_place_and_never_raises(tmp_path):
    wild = random.Random(11)
    odd = [None, True, 3, -1.5, "", "x", [], [None], {}, {"a": 1}, [[[]]], "{", "[1", 10**40]

    def broken(value, depth=0):
        if wild.random() < 0.08 * (depth > 0):
            return wild.choice(odd)
        if isinstance(value, dict):
            return {key: broken(item, depth + 1) for key, item in value.items() if wild.random() > 0.03}
        return [broken(item, depth + 1) for item in value] if isinstance(value, list) else value

    structured = {
        k: json.loads(v) if str(v)[:1] == "[" and isinstance(v, str) else v for k, v in newest().items()
    }
    vercel = {
        k: json.loads(v) if isinstance(v, str) and v[:1] in ("[", "{") else v for k, v in VERCEL.items()
    }
    whole = [
        span(structured),
        span(vercel),
        otlp(span(newest()), logs=EVENTS),
        log(0, *EVENTS[1]),
        span(attributes(), events=[{"name": "gen_ai.choice", "attributes": {}}]),
    ]
    records = [json.dumps(broken(record)) for _ in range(150) for record in whole]
    path = tmp_path / "wild.jsonl"
    path.write_text("\n".join([*records, '{"cut": ', "\0", "nonsense"]) + "\n")
    found = list(otel_genai.read(path))
    assert all(one.refused for one in found if not one.request)
    assert any(one.request for one in found)
    assert [one.place for one in found if "JSON" in one.refused or "NUL" in one.refused][-3:] == [
        "line 751",
        "line 752",
        "line 753",
    ]


def test_memory_does_not_grow_with_the_file(tmp_path):
    def peak(count):
        path = tmp_path / f"{count}.jsonl"
        with path.open("w") as file:
            for number in range(count):
                file.write(json.dumps(span(attributes(), number=number)) + "\n")
                file.writelines(
                    json.dumps(log(number, *event, at=at)) + "\n" for at, event in enumerate(EVENTS)
                )
        tracemalloc.start()
        assert sum(not one.refused for one in otel_genai.together([path])(path)) == count
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10)  # what is loaded once
    assert peak(300) < 1.2 * peak(30)


LOST = {
    # the instrumentation writes neither tools nor these parameters, and no count but two
    "otel-openai-v2": {
        *("tools", "params.response_format", "params.store", "params.stream", "params.stream_options"),
        *("params.tool_choice", "params.user", "params.n", "params.max_completion_tokens"),
        *("usage.total_tokens", "usage.cached_tokens", "usage.reasoning_tokens"),
    },
    # arguments are parsed, errors are cut down to their message, a model's name to what follows its slash
    "otel-openllmetry": {
        *("arguments as written", "error's code", "the model that answered", "tools' strict"),
        *("params.response_format differs", "params.store", "params.stream_options", "params.tool_choice"),
        *("params.n", "params.seed", "params.max_completion_tokens", "usage.reasoning_tokens"),
    },
}


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
@pytest.mark.parametrize("folder", LOST)
def test_recordings_that_were_logged_come_back_but_for_what_the_format_loses(folder):
    path = next(LOGS.joinpath(folder).glob("spans.jsonl"), LOGS / folder / "otlp.json")
    calls, refused = read(path, "otel_genai")
    pairs = zip(recordings(folder), calls, strict=True)
    found = [lost(recording, (request(call), reply(call))) for recording, call in pairs]
    assert not refused
    assert set().union(*found) == LOST[folder]


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
def test_real_logs_are_imported_and_play(sandbox):
    paths = [LOGS / "otel-openai-v2" / "spans.jsonl", LOGS / "otel-openai-v2" / "events.jsonl"]
    paths += [LOGS / "otel-openllmetry" / "otlp.json", *LOGS.glob("otel-vercel-ai-spans/*.json")]
    recorded = played(sandbox, *paths)
    assert (recorded.imported, recorded.refused) == (24 + 24 + 4, 0)
