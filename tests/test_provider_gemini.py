"""The Gemini wire: requests and replies, both ways, on samples of our own."""

import copy
import json

import pytest
from chat_wire import completion
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.conversation import Message, Tool, ToolCall
from replay.jsontext import canonical
from replay.providers import Unreadable, gemini, openai
from replay.providers._wire import answer
from replay.turn import Reply, Request, Usage

PNG = "iVBORw0KGgo="
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def model(*parts, **more):
    return {"role": "model", "parts": list(parts)} | more


def user(*parts, **more):
    return {"role": "user", "parts": list(parts)} | more


def text(said, **more):
    return {"text": said} | more


def call(name="lookup", args=None, **more):
    return {"functionCall": {"name": name, "args": args or {}}} | more


def result(name="lookup", response=None, **more):
    return {"functionResponse": {"name": name, "response": response or {"output": "ok"}} | more}


def asked(*contents, **more):
    return {"contents": list(contents) or [user(text("Hello"))]} | more


def config(**fields):
    return asked(generationConfig=fields)


def declared(**fields):
    return asked(tools=[{"functionDeclarations": [{"name": "f", "description": "d"} | fields]}])


REQUESTS = {
    "text": asked(),
    "system": asked(systemInstruction={"role": "user", "parts": [text("Be brief.")]}),
    "system without role": asked(systemInstruction={"parts": [text("Be"), text("brief.")]}),
    "system in snake case": asked(system_instruction={"parts": {"text": "Be brief."}}),
    "one content": {"contents": user(text("Hello"))},
    "no role": asked({"parts": [text("Hello")]}),
    "foreign role": asked({"role": "narrator", "parts": [text("Hello")]}),
    "no parts": asked(user(text("Hello")), {"role": "model"}, user()),
    "two of one side": asked(user(text("a")), user(text("b")), model(text("c")), model(text("d"))),
    "empty text": asked(user(text("")), model(text(""), call())),
    "image": asked(user(text("See"), {"inlineData": {"mimeType": "image/png", "data": PNG}})),
    "image in snake case": asked(user({"inline_data": {"mime_type": "image/png", "data": PNG}})),
    "image in both cases": asked(user({"inlineData": {"mime_type": "image/png", "data": PNG}})),
    "base64 for URLs": asked(user({"inlineData": {"mimeType": "image/png", "data": "a-_b"}})),
    "audio": asked(user({"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}})),
    "other audio": asked(user({"inlineData": {"mimeType": "audio/aac", "data": "AAAA"}})),
    "pdf": asked(user({"inlineData": {"mimeType": "application/pdf", "data": "AAAA", "displayName": "a"}})),
    "file": asked(user({"fileData": {"mimeType": "video/mp4", "fileUri": "gs://bucket/a.mp4"}})),
    "video": asked(user({"fileData": {"fileUri": "https://x/v"}, "videoMetadata": {"fps": 2}})),
    "image file": asked(user({"fileData": {"mimeType": "image/jpeg", "fileUri": "https://x/a.jpg"}})),
    "image file, no type": asked(user({"fileData": {"fileUri": "https://x/a.jpg"}})),
    "thoughts": asked(model(text("Hm", thought=True, thoughtSignature="c2ln"), text("So.")), user(text("?"))),
    "signed text": asked(model(text("So.", thoughtSignature="c2ln")), user(text("?"))),
    "code": asked(model({"executableCode": {"language": "PYTHON", "code": "1"}}, text("1"))),
    "unknown part": asked(user({"hologram": {"depth": 3}}), model({"toolCall": {"id": "1"}})),
    "calls": asked(model(call(args={"a": 1}), call("other")), user(result(), result("other"))),
    "calls with ids": asked(
        model(
            {"functionCall": {"id": "x", "name": "f", "args": {}}},
            {"functionCall": {"id": "y", "name": "f", "args": {}}},
        ),
        user(result("f", id="y"), result("f", id="x")),
    ),
    "signed call": asked(model(call(thoughtSignature="c2ln"), call()), user(result(), result())),
    "calls in snake case": asked(
        model({"function_call": {"name": "f", "args": {"some_key": 1}}, "thought_signature": "c2ln"}),
        user({"function_response": {"name": "f", "response": {"a_b": 1}}}),
    ),
    "call without args": asked(model({"functionCall": {"name": "f"}}), user(result("f"))),
    "call before text": asked(model(text("a"), call(), text("b"), call(), call()), user(text("?"))),
    "function role": asked(model(call()), {"role": "function", "parts": [result()]}),
    "result and text": asked(model(call()), user(text("Here:"), result(), text("Thanks"))),
    "result of nothing": asked(user(result())),
    "result under another name": asked(model(call()), user(result("call_lookup"))),
    "results of many kinds": asked(
        model(call(), call(), call()),
        user(
            result(response={"a": [1, None]}),
            result(response={"output": '{"a": 1}'}),
            result(response={"error": "no"}),
        ),
    ),
    "result with an image": asked(
        model(call()),
        user(result(response={"a": 1}, parts=[{"inlineData": {"mimeType": "image/png", "data": PNG}}])),
    ),
    "result still to come": asked(model(call()), user(result(willContinue=True, scheduling="SILENT"))),
    "sampling": config(temperature=0.5, topP=1, topK=40, seed=7, candidateCount=2, maxOutputTokens=9),
    "sampling, odd": config(temperature="warm", topP=None, candidateCount=True),
    "penalties": config(presencePenalty=0.1, frequencyPenalty=-0.1, stopSequences=["a", "b"]),
    "logprobs": config(responseLogprobs=True, logprobs=3),
    "snake case": asked(generation_config={"max_output_tokens": 9, "top_p": 0.1}, safety_settings=[]),
    "empty config": config(),
    "no config": asked(generationConfig=None, tools=[], systemInstruction=None),
    "json": config(responseMimeType="application/json"),
    "json schema": config(responseMimeType="application/json", responseJsonSchema={"const": 1}),
    "plain schema": config(responseMimeType="application/json", responseJsonSchema=WEATHER),
    "openapi": config(responseMimeType="application/json", responseSchema={"type": "STRING"}),
    "small openapi": config(responseMimeType="application/json", responseSchema={"type": "string"}),
    "schema without type": config(responseSchema={"type": "STRING"}),
    "enum": config(responseMimeType="text/x.enum", responseSchema={"type": "STRING", "enum": ["a"]}),
    "plain text": config(responseMimeType="text/plain"),
    "modalities": config(responseModalities=["TEXT", "AUDIO"], speechConfig={"a": 1}),
    "images": config(responseModalities=["TEXT", "IMAGE"]),
    "thinking budget": config(thinkingConfig={"includeThoughts": True, "thinkingBudget": 512}),
    "thinking level": config(thinkingConfig={"includeThoughts": True, "thinkingLevel": "low"}),
    "thinking level in capitals": config(thinkingConfig={"thinkingLevel": "HIGH"}),
    "auto": asked(toolConfig={"functionCallingConfig": {"mode": "AUTO"}}),
    "validated": asked(toolConfig={"functionCallingConfig": {"mode": "VALIDATED"}}),
    "one function": asked(
        tool_config={"function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]}}
    ),
    "two functions": asked(
        toolConfig={
            "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f", "g"]},
            "retrievalConfig": {"languageCode": "de"},
        }
    ),
    "auto with names": asked(
        toolConfig={"functionCallingConfig": {"mode": "AUTO", "allowedFunctionNames": ["f"]}}
    ),
    "declaration": declared(parameters={"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}),
    "small declaration": declared(parameters=WEATHER),
    "mixed declaration": declared(parameters={"type": "OBJECT", "properties": {"a": {"type": "string"}}}),
    "a property called type": declared(
        parameters={"type": "OBJECT", "properties": {"type": {"type": "STRING", "enum": ["STRING"]}}}
    ),
    "json schema declaration": declared(parametersJsonSchema=WEATHER | {"additionalProperties": False}),
    "snake json schema": declared(parameters_json_schema={"type": "object", "properties": {}}),
    "object without properties": declared(parameters={"type": "OBJECT", "properties": {}}),
    "response": declared(response={"type": "OBJECT"}, behavior="BLOCKING"),
    "no parameters": declared(parameters=None),
    "nameless": asked(tools=[{"functionDeclarations": [{"description": "d"}]}]),
    "tool objects": asked(
        tools=[
            {"functionDeclarations": [{"name": "f"}, {"name": "g"}]},
            {"function_declarations": [{"name": "h"}]},
            {"googleSearch": {}},
            {"codeExecution": {}},
            {"functionDeclarations": [{"name": "i"}], "urlContext": {}},
            {"functionDeclarations": []},
        ]
    ),
    "beside": asked(
        model="models/gemini-2.5-flash",
        cachedContent="cachedContents/1",
        labels={"my_team": "a"},
        safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        serviceTier="flex",
    ),
}


@pytest.mark.parametrize("body", REQUESTS.values(), ids=REQUESTS)
def test_a_request_goes_back_on_the_wire_as_it_came(body):
    was = copy.deepcopy(body)
    sent = gemini.encode(gemini.decode_request(body))
    assert canonical(sent) == canonical(was)
    assert body == was


def test_what_both_wires_know_is_said_in_common_words():
    request = gemini.decode_request(
        asked(
            user(text("Weather?"), {"inlineData": {"mimeType": "image/png", "data": PNG}}),
            model(call("weather", {"city": "Bonn"}, thoughtSignature="c2ln"), call("weather")),
            user(result("weather", {"sky": "grey"}), result("weather", {"output": "unknown"})),
            systemInstruction=user(text("Be brief.")),
            tools=[
                {"functionDeclarations": [{"name": "weather", "parameters": {"type": "OBJECT"}}]},
                {"googleSearch": {}},
            ],
            toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
            generationConfig={
                "temperature": 0,
                "maxOutputTokens": 9,
                "stopSequences": ["."],
                "responseMimeType": "application/json",
                "responseSchema": {"type": "ARRAY", "items": {"type": "STRING"}},
                "thinkingConfig": {"thinkingLevel": "low"},
            },
        )
    )
    system, asking, calling, first, second = request.messages
    assert (system.role, system.content) == ("system", "Be brief.")
    assert asking.content == [
        {"type": "text", "text": "Weather?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]
    assert [(c.id, c.name, c.arguments) for c in calling.tool_calls] == [
        ("gemini_call_1", "weather", '{"city": "Bonn"}'),
        ("gemini_call_2", "weather", "{}"),
    ]
    assert (first.role, first.tool_call_id, first.content) == ("tool", "gemini_call_1", '{"sky": "grey"}')
    assert (second.role, second.tool_call_id, second.content) == ("tool", "gemini_call_2", "unknown")
    assert request.tools[0].parameters == {"type": "object"}
    assert request.tools[1].type == "native"
    assert {name: value for name, value in request.params.items() if name != "native"} == {
        "temperature": 0,
        "max_completion_tokens": 9,
        "stop": ["."],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "response", "schema": {"type": "array", "items": {"type": "string"}}},
        },
        "reasoning_effort": "low",
    }


CHAT = [
    Message("system", "Be brief."),
    Message("developer", "Be kind."),
    Message("user", "Where is A-1?"),
    Message("user", [{"type": "text", "text": "And A-2?"}, {"type": "refusal", "refusal": "no"}]),
    Message(
        "assistant",
        "Looking.",
        (
            ToolCall("call_a", "lookup", '{"id": "A-1"}'),
            ToolCall("call_b", "lookup", '{"id": '),
            ToolCall("call_c", "sql", "select 1", "custom"),
        ),
    ),
    Message("tool", '{"status": "sent"}', tool_call_id="call_a"),
    Message("tool", "not found", tool_call_id="call_b"),
    Message("tool", "[1]", tool_call_id="call_c"),
    Message("user", "Thanks"),
]


def test_a_chat_conversation_becomes_a_legal_request():
    body = gemini.encode(Request("gemini-2.5-flash", tuple(CHAT)))
    assert body == {
        "systemInstruction": user(text("Be brief."), text("Be kind.")),
        "contents": [
            user(text("Where is A-1?"), text("And A-2?"), text("no")),
            model(
                text("Looking."),
                {"functionCall": {"id": "call_a", "name": "lookup", "args": {"id": "A-1"}}},
                {"functionCall": {"id": "call_b", "name": "lookup", "args": {"arguments": '{"id": '}}},
                {"functionCall": {"id": "call_c", "name": "sql", "args": {"input": "select 1"}}},
            ),
            user(
                result(response={"status": "sent"}, id="call_a"),
                result(response={"output": "not found"}, id="call_b"),
                result("sql", {"output": "[1]"}, id="call_c"),
                text("Thanks"),
            ),
        ],
    }


def test_what_chat_says_of_media_has_a_place():
    parts = [
        {"type": "image_url", "image_url": {"url": "https://x/a.PNG?size=1", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://x/a"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        {"type": "file", "file": {"file_data": "data:text/plain;base64,YQ==", "filename": "a.txt"}},
        {"type": "file", "file": {"file_data": "JVBERi0="}},
        {"type": "file", "file": {"file_id": "https://x/files/1"}},
        {"type": "image_url", "image_url": {"url": "data:nonsense"}},
        {"type": "native", "anthropic": {"type": "thinking"}},
        {"type": "hologram", "hologram": {}},
    ]
    body = gemini.encode(Request("", (Message("user", parts),)))
    assert body["contents"][0]["parts"] == [
        {"fileData": {"fileUri": "https://x/a.PNG?size=1", "mimeType": "image/png"}},
        {"fileData": {"fileUri": "https://x/a"}},
        {"inlineData": {"mimeType": "audio/mp3", "data": "AAAA"}},
        {"inlineData": {"mimeType": "text/plain", "data": "YQ=="}},
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}},
        {"fileData": {"fileUri": "https://x/files/1"}},
    ]


def test_what_only_another_wire_says_is_left_out():
    messages = (
        Message("user", "a"),
        Message("assistant", [{"type": "native", "anthropic": {"type": "thinking"}}]),
        Message("user", [{"type": "text", "text": "b", "native": {"anthropic": {"cache_control": {}}}}]),
    )
    tools = (
        Tool("search", type="native", outer={"anthropic": {"type": "web_search"}}),
        Tool("f", extra={"strict": True}),
    )
    params = {"native": {"anthropic": {"a": 1}}, "user": "u", "stream": True, "logit_bias": {}, "top_p": None}
    assert gemini.encode(Request("m", messages, tools, params)) == {
        "contents": [user(text("a"), text("b"))],
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
    }


def test_and_the_other_way_round():
    body = asked(model(text("So.", thoughtSignature="c2ln"), call(thoughtSignature="c2ln")), user(result()))
    request = gemini.decode_request(body | {"tools": [{"googleSearch": {}}], "cachedContent": "c"})
    sent = openai.encode(Request("gpt", request.messages, request.tools, request.params))
    assert 'gemini": ' not in json.dumps(sent)
    assert sent["messages"][0]["content"] == [{"type": "text", "text": "So."}]
    assert sent["messages"][0]["tool_calls"][0]["id"] == sent["messages"][1]["tool_call_id"]
    assert "tools" not in sent


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        (WEATHER, "parameters"),
        (WEATHER | {"additionalProperties": False}, "parametersJsonSchema"),
        ({"type": "object", "properties": {}}, "parametersJsonSchema"),
        ({"type": ["string", "null"]}, "parametersJsonSchema"),
        ({"type": "array", "items": {"$ref": "#/$defs/a"}, "$defs": {"a": {}}}, "parametersJsonSchema"),
        ({"type": "array", "items": {"type": "object"}}, "parametersJsonSchema"),
        ({"type": "integer", "enum": [1, 2]}, "parametersJsonSchema"),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "parameters"),
        ({"anyOf": [{"type": "string"}, {"const": 1}]}, "parametersJsonSchema"),
        ({}, "parametersJsonSchema"),
    ],
)
def test_a_schema_goes_where_all_of_it_is_understood(schema, field):
    (sent,) = gemini.encode(Request("m", (), (Tool("f", parameters=schema),)))["tools"]
    (declaration,) = sent["functionDeclarations"]
    assert declaration.keys() == {"name", field}
    assert declaration[field] == schema or field == "parameters"
    (tool,) = gemini.decode_request({"contents": [], "tools": [sent]}).tools
    assert tool == Tool("f", parameters=schema)


def test_chat_params_are_said_in_the_words_of_gemini():
    params = {
        "max_tokens": 5,
        "stop": ".",
        "n": 2,
        "logprobs": True,
        "top_logprobs": 3,
        "tool_choice": {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
        },
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"const": 1}}},
        "reasoning_effort": "medium",
        "service_tier": "auto",
    }
    assert gemini.encode(Request("gemini-3-pro", (), (), params)) == {
        "contents": [],
        "generationConfig": {
            "maxOutputTokens": 5,
            "stopSequences": ["."],
            "candidateCount": 2,
            "responseLogprobs": True,
            "logprobs": 3,
            "responseMimeType": "application/json",
            "responseJsonSchema": {"const": 1},
            "thinkingConfig": {"thinkingLevel": "medium"},
        },
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    }


@pytest.mark.parametrize(
    ("name", "thinking"),
    [
        ("gemini-2.5-flash", {"thinkingBudget": 8192}),
        ("gemini-3-flash-preview", {"thinkingLevel": "medium"}),
        ("gemini-flash-latest", {"thinkingLevel": "medium"}),
        ("gemini-2.0-flash", None),
    ],
)
def test_how_hard_to_think_is_said_as_the_model_takes_it(name, thinking):
    body = gemini.encode(Request(name, (), (), {"reasoning_effort": "medium"}))
    assert body.get("generationConfig", {}).get("thinkingConfig") == thinking


SKIP = {"thoughtSignature": "skip_thought_signature_validator"}
LOOKUP = Message("assistant", None, (ToolCall("a", "f", "{}"), ToolCall("b", "f", "{}")))
ANSWERED = (Message("tool", "1", tool_call_id="a"), Message("tool", "2", tool_call_id="b"))


def signatures(name, *messages):
    contents = gemini.encode(Request(name, messages))["contents"]
    parts = [part for content in contents for part in content["parts"] if "functionCall" in part]
    return [part.get("thoughtSignature") for part in parts]


def test_gemini_3_is_told_that_calls_of_this_turn_come_from_elsewhere():
    asking = Message("user", "?")
    skip = SKIP["thoughtSignature"]
    assert signatures("gemini-3-pro-preview", asking, LOOKUP, *ANSWERED) == [skip, None]
    assert signatures("gemini-3-pro-preview", asking, LOOKUP, *ANSWERED, LOOKUP) == [skip, None] * 2
    assert signatures("gemini-3-pro-preview", asking, LOOKUP, *ANSWERED, asking) == [None, None]
    assert signatures("gemini-2.5-pro", asking, LOOKUP, *ANSWERED) == [None, None]


def test_a_call_that_gemini_signed_keeps_its_signature():
    body = asked(user(text("?")), model(call(thoughtSignature="c2ln"), call()), user(result(), result()))
    request = gemini.decode_request(body)
    assert signatures("gemini-3-pro-preview", *request.messages) == ["c2ln", None]


def test_calls_without_ids_stay_without_in_a_growing_conversation():
    reply = gemini.decode({"candidates": [{"content": model(call()), "finishReason": "STOP"}]})
    (made,) = reply.message.tool_calls
    answered = Message("tool", "ok", tool_call_id=made.id)
    twice = (Message("user", "?"), reply.message, answered, reply.message, answered)
    contents = gemini.encode(Request("", twice))["contents"]
    assert contents == [user(text("?")), model(call()), user(result()), model(call()), user(result())]


PLACES = {
    "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent?key=k": (
        "gemini-2.5-flash",
        {},
        {},
    ),
    "https://generativelanguage.googleapis.com/v1/models/m:streamGenerateContent?alt=sse&key=k": (
        "m",
        {"stream": True},
        {"api_version": "v1"},
    ),
    "https://generativelanguage.googleapis.com/v1beta/models/m:streamGenerateContent": (
        "m",
        {"stream": True},
        {"alt": "json"},
    ),
    "https://generativelanguage.googleapis.com/v1beta/tunedModels/mine:generateContent": (
        "tunedModels/mine",
        {},
        {},
    ),
    "/v1beta/models/m:generateContent": ("m", {}, {}),
    "https://proxy.example/google/v1beta/models/m:generateContent": (
        "m",
        {},
        {"base_url": "https://proxy.example/google"},
    ),
    "https://us-east5-aiplatform.googleapis.com/v1beta1/projects/p/locations/us-east5/publishers/google/models/m"
    ":generateContent": ("m", {}, {"platform": "vertex", "project": "p", "region": "us-east5"}),
    "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google/models/m"
    ":streamGenerateContent?alt=sse": (
        "m",
        {"stream": True},
        {"platform": "vertex", "project": "p", "region": "global", "api_version": "v1"},
    ),
    "https://gateway.example/v1beta1/projects/p/locations/eu/endpoints/7:generateContent": (
        "endpoints/7",
        {},
        {"platform": "vertex", "project": "p", "region": "eu", "base_url": "https://gateway.example"},
    ),
    "https://aiplatform.googleapis.com/v1beta1/publishers/google/models/m:generateContent?key=k": (
        "m",
        {},
        {"platform": "vertex", "api_key_env": "GOOGLE_API_KEY"},
    ),
}


@pytest.mark.parametrize(("url", "said"), PLACES.items())
def test_a_url_says_model_stream_and_where(url, said):
    place = gemini.place("POST", url)
    assert (place.model, place.params, place.settings) == said


@pytest.mark.parametrize(
    "url",
    [
        "https://generativelanguage.googleapis.com/v1beta/models/m:countTokens",
        "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
        "https://x/v1/projects/p/locations/l/publishers/anthropic/models/claude:rawPredict",
        "https://api.openai.com/v1/chat/completions",
    ],
)
def test_other_urls_are_not_its_own(url):
    assert gemini.place("POST", url) is None
    assert gemini.place("GET", next(iter(PLACES))) is None


def test_a_request_without_url_is_known_by_its_contents():
    assert gemini.claims(asked(), None)
    assert gemini.claims(asked(), b'{"candidates": []}')
    assert gemini.claims(asked(), b'[{"error": {"code": 429}}]')
    assert not gemini.claims(asked(), b'{"choices": []}')
    assert not gemini.claims({"messages": []}, None)
    assert not gemini.claims(None, None)
    assert not openai.claims(asked(), None)


def candidate(*parts, finish="STOP", **more):
    return {"content": model(*parts), "finishReason": finish, "index": 0} | more


USAGE = {
    "promptTokenCount": 10,
    "toolUsePromptTokenCount": 5,
    "candidatesTokenCount": 7,
    "thoughtsTokenCount": 20,
    "cachedContentTokenCount": 4,
    "totalTokenCount": 42,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10}],
}


def replied(*candidates, **more):
    return {
        "candidates": list(candidates) or [candidate(text("Hello"))],
        "usageMetadata": USAGE,
        "modelVersion": "gemini-2.5-flash-001",
        "responseId": "r1",
    } | more


def test_a_reply_is_read_in_common_words():
    reply = gemini.decode(replied())
    assert reply.message == Message("assistant", "Hello")
    assert (reply.finish_reason, reply.native_finish_reason) == ("stop", "STOP")
    assert reply.usage == Usage(15, 27, 42, 4, 20)
    assert (reply.model, reply.extra["id"]) == ("gemini-2.5-flash-001", "r1")


LOGPROBS = {
    "chosenCandidates": [{"token": "Hel", "tokenId": 1, "logProbability": -0.1}, {"token": "lo"}],
    "topCandidates": [{"candidates": [{"token": "Hel", "logProbability": -0.1}]}, {"candidates": []}],
}
REPLIES = {
    "text": replied(),
    "calls": replied(candidate(text("So:"), call(thoughtSignature="c2ln"), call("g", {"a": [1.5]}))),
    "thoughts": replied(candidate(text("Hm", thought=True), text("So.", thoughtSignature="c2ln"))),
    "empty": replied({"finishReason": "SAFETY", "safetyRatings": [{"blocked": True}]}),
    "no parts": replied({"content": {"role": "model"}, "finishReason": "MALFORMED_FUNCTION_CALL"}),
    "image": replied(candidate({"inlineData": {"mimeType": "image/png", "data": PNG}})),
    "code": replied(candidate({"executableCode": {"code": "1"}}, {"codeExecutionResult": {"output": "1"}})),
    "two": replied(candidate(text("a")), candidate(text("b"), finish="MAX_TOKENS", index=1)),
    "grounded": replied(candidate(text("a"), groundingMetadata={"webSearchQueries": ["q"]}, avgLogprobs=-1)),
    "logprobs": replied(candidate(text("Hello"), logprobsResult=LOGPROBS)),
    "short logprobs": replied(
        candidate(text("Hello"), logprobsResult={"chosenCandidates": [{"token": "a"}]})
    ),
    "no usage": {"candidates": [candidate(text("a"))]},
    "odd usage": replied(usageMetadata={"promptTokenCount": "10", "totalTokenCount": -1}),
    "feedback": replied(promptFeedback={"safetyRatings": []}, createTime="2026-03-02T10:11:12Z"),
    "numbers for words": replied(candidate(text("a"), finish=2)),
}


@pytest.mark.parametrize("body", REPLIES.values(), ids=REPLIES)
def test_a_reply_can_be_written_again(body):
    reply = gemini.decode(body)
    written = json.loads(json.dumps(gemini.encode_reply(reply)))
    assert gemini.decode(written) == reply
    assert Reply.from_json(json.loads(json.dumps(reply.to_json()))) == reply


def test_logprobs_are_read_as_chat_says_them():
    reply = gemini.decode(REPLIES["logprobs"])
    assert reply.logprobs["content"] == [
        {
            "token": "Hel",
            "token_id": 1,
            "logprob": -0.1,
            "top_logprobs": [{"token": "Hel", "logprob": -0.1}],
        },
        {"token": "lo", "top_logprobs": []},
    ]


@pytest.mark.parametrize(
    ("native", "common"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("SPII", "content_filter"),
        ("LANGUAGE", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", None),
        ("UNEXPECTED_TOOL_CALL", None),
        ("OTHER", None),
        ("A_WORD_OF_TOMORROW", None),
    ],
)
def test_a_finish_reason_keeps_its_own_word(native, common):
    reply = gemini.decode(replied(candidate(text("a"), finish=native)))
    assert (reply.finish_reason, reply.native_finish_reason) == (common, native)


def test_a_stop_with_calls_is_for_the_calls():
    assert gemini.decode(replied(candidate(call()))).finish_reason == "tool_calls"
    assert gemini.decode(replied(candidate(call(), finish="MAX_TOKENS"))).finish_reason == "length"
    assert gemini.decode(replied({"content": model(text("a"))})).finish_reason is None


def test_a_reply_of_another_wire_is_written_in_the_words_of_gemini():
    calls = [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 7,
        "total_tokens": 16,
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    chat = openai.decode(completion({"content": "a", "tool_calls": calls}, "tool_calls", usage=usage))
    reply = gemini.decode(gemini.encode_reply(chat))
    assert reply.message == Message("assistant", "a", (ToolCall("call_1", "f", '{"a": 1}'),))
    assert (reply.finish_reason, reply.usage) == ("tool_calls", chat.usage)
    for word in ("stop", "length", "content_filter"):
        sent = gemini.encode_reply(openai.decode(completion(finish_reason=word)))
        assert gemini.decode(sent).finish_reason == word
    foreign = Reply(Message("assistant", "a"), "stop", "COMPLETE")
    assert gemini.decode(gemini.encode_reply(foreign)).native_finish_reason == "STOP"


def read(body, status=200):
    return answer(gemini, status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def test_a_blocked_prompt_is_an_error_of_the_content_filter():
    found = read({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": USAGE})
    assert found.reply is None
    assert (found.error.kind, found.error.status, found.error.code) == ("content_filter", 200, "SAFETY")
    streamed = read(events({"promptFeedback": {"blockReason": "OTHER", "blockReasonMessage": "No."}}))
    assert (streamed.error.kind, streamed.error.message) == ("content_filter", "the prompt was blocked: No.")
    assert streamed.stream["done"]


EXHAUSTED = {"error": {"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED"}}


@pytest.mark.parametrize("body", [EXHAUSTED, [EXHAUSTED]], ids=["object", "array"])
def test_errors_come_as_objects_and_in_arrays(body):
    found = read(body, 429)
    assert (found.error.kind, found.error.message) == ("rate_limit", "Slow down.")
    found = read(body)
    assert (found.reply, found.error.kind, found.error.code) == (None, "rate_limit", "RESOURCE_EXHAUSTED")


@pytest.mark.parametrize(
    "body", [b"", b"<html>Bad gateway</html>", b"{}", b"[]", b"[1]", b'{"candidates": []}']
)
def test_what_is_no_reply_is_a_bad_response(body):
    found = read(body)
    assert (found.reply, found.error.kind) == (None, "bad_response")


def events(*chunks):
    return "".join(f"data: {json.dumps(chunk)}\r\n\r\n" for chunk in chunks).encode()


def array(*chunks):
    return ("[" + "\n,\r\n".join(json.dumps(chunk, indent=2) for chunk in chunks) + "\n]\n").encode()


def chunk(*parts, finish=None, **more):
    said = {"content": model(*parts), "index": 0} | ({"finishReason": finish} if finish else {}) | more
    return {"candidates": [said], "modelVersion": "m", "responseId": "r1"}


STREAM = (
    chunk(text("Let me ", thought=True)) | {"usageMetadata": {"promptTokenCount": 3}},
    chunk(text("think.", thought=True)),
    chunk(text("On ")),
    chunk(text("its way.")),
    chunk(call("f", {"a": 1}, thoughtSignature="c2ln")),
    chunk(call("g")),
    chunk(text("", thoughtSignature="bGFzdA=="), finish="STOP", safetyRatings=[{"category": "a"}])
    | {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}},
)
WHOLE = {
    "candidates": [
        candidate(
            text("Let me think.", thought=True),
            text("On its way."),
            call("f", {"a": 1}, thoughtSignature="c2ln"),
            call("g"),
            text("", thoughtSignature="bGFzdA=="),
            safetyRatings=[{"category": "a"}],
        )
    ],
    "modelVersion": "m",
    "responseId": "r1",
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7},
}


@pytest.mark.parametrize("form", [events, array])
def test_a_stream_is_the_reply_it_would_be_in_one_piece(form):
    found = read(form(*STREAM))
    assert found.error is None
    assert found.reply == gemini.decode(WHOLE)
    assert found.stream == {"events": len(STREAM) - 1, "done": True}


def test_the_last_empty_text_of_a_stream_is_no_part():
    reply = read(events(chunk(text("Hello")), chunk(text(""), finish="STOP"))).reply
    assert reply.message == Message("assistant", "Hello")


def test_candidates_of_a_stream_stay_apart():
    pieces = [chunk(text(said), index=number) for number, said in ((0, "a"), (1, "b"), (0, "c"), (1, "d"))]
    reply = read(events(*pieces)).reply
    assert [choice.message.text for choice in reply.choices()] == ["ac", "bd"]
    assert [choice.finish_reason for choice in reply.choices()] == [None, None]


@pytest.mark.parametrize("size", range(2, len(array(*STREAM)), 37))
def test_an_array_that_is_cut_gives_what_had_arrived(size):
    found = read(array(*STREAM)[:size])
    if found.error:
        assert found.error.kind in ("cut", "bad_response")
        assert not found.stream.get("done")
    text_so_far = found.reply.message.text if found.reply else ""
    assert "On its way.".startswith(text_so_far)


@pytest.mark.parametrize("form", [events, array])
def test_an_error_in_a_stream_leaves_what_came_before_it(form):
    found = read(form(chunk(text("On its")), EXHAUSTED))
    assert (found.error.kind, found.error.message) == ("stream_error", "Slow down.")
    assert found.reply.message.text == "On its"


def test_a_stream_that_just_ends_is_a_reply_without_a_finish_reason():
    found = read(events(chunk(text("On its"))))
    assert (found.reply.finish_reason, found.error, found.stream["done"]) == (None, None, False)


def pieces(*said, more=True):
    return {"functionCall": {"partialArgs": list(said)} | ({"willContinue": True} if more else {})}


def test_arguments_that_come_in_pieces_become_one_object():
    first = {"functionCall": {"name": "order", "willContinue": True}, "thoughtSignature": "c2ln"}
    stream = [
        chunk(first),
        chunk(pieces({"jsonPath": "$.items[0].name", "stringValue": "red ", "willContinue": True})),
        chunk(pieces({"jsonPath": "$.items[0].name", "stringValue": "apple", "willContinue": True})),
        chunk(pieces({"jsonPath": "$.items[0].name", "stringValue": ""})),
        chunk(pieces({"jsonPath": "$.items[1]['the name']", "stringValue": "pear"})),
        chunk(pieces({"jsonPath": "$.price", "numberValue": 0.5}, {"jsonPath": "$.gift", "boolValue": True})),
        chunk(pieces({"jsonPath": "$.note", "nullValue": "NULL_VALUE"}, more=False)),
        chunk(call("order", {"b": 1})),
        chunk({"functionCall": {"name": "cut", "willContinue": True}}, finish="STOP"),
    ]
    one, two, three = read(events(*stream)).reply.message.tool_calls
    assert json.loads(one.arguments) == {
        "items": [{"name": "red apple"}, {"the name": "pear"}],
        "price": 0.5,
        "gift": True,
        "note": None,
    }
    assert one.extra == {"native": {"gemini": {"thoughtSignature": "c2ln"}}}
    assert (two.arguments, three.name, three.arguments) == ('{"b": 1}', "cut", "{}")


@pytest.mark.parametrize("path", [5, "", "$", "$.a..b", "$.a[1", "a.b", "$.a.b", "$.a[0]", "$.a[999999999]"])
def test_a_piece_that_fits_nowhere_is_a_bad_response(path):
    stream = chunk(pieces({"jsonPath": "$.a", "stringValue": "x"}, {"jsonPath": path, "stringValue": "x"}))
    found = read(events(chunk(text("a")), stream))
    assert (found.error.kind, found.reply.message.text) == ("bad_response", "a")


def test_a_stream_is_read_in_linear_time():
    many = events(*(chunk(text("word ")) for _ in range(20_000)))
    assert len(read(many).reply.message.text) == 100_000


ODD = (None, True, 0, -1, 1.5, "", "x", [], {}, [None], {"a": None}, [[]], "\ud83d", 10**30)


def mutated(value, rng, chance=0.15):
    if rng.random() < chance:
        return rng.choice(ODD)
    if isinstance(value, dict):
        return {key: mutated(item, rng, chance) for key, item in value.items() if rng.random() > chance / 3}
    if isinstance(value, list):
        return [mutated(item, rng, chance) for item in value]
    return value


@settings(max_examples=300)
@given(st.sampled_from([*REQUESTS.values()]), st.randoms(use_true_random=False))
def test_requests_of_any_shape_go_back_as_they_came_or_are_refused(body, rng):
    said = mutated(body, rng)
    try:
        request = gemini.decode_request(said)
    except Unreadable:
        return
    assert canonical(gemini.encode(request)) == canonical(said)


@settings(max_examples=300)
@given(st.sampled_from([*REPLIES.values(), WHOLE, *STREAM]), st.randoms(use_true_random=False))
def test_replies_of_any_shape_are_read_or_refused(body, rng):
    for form in (read, lambda said: read(events(said, *STREAM)), lambda said: read(array(said, *STREAM))):
        found = form(mutated(body, rng))
        assert found.reply is not None or found.error is not None
        if found.reply and not found.error:
            gemini.decode(gemini.encode_reply(found.reply))


def test_nesting_without_end_is_refused():
    deep = {}
    for _ in range(50_000):
        deep = {"parts": [deep]}
    with pytest.raises(Unreadable):
        gemini.decode_request(asked(deep, deep))
    with pytest.raises(Unreadable):
        gemini.decode(replied(candidate(deep)))
