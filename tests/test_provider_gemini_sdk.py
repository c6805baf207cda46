"""Calls through Google's SDK, and proof by it: we send what it sends, and read what it reads."""

import base64
import importlib
import json
import os
import re
import sys
from dataclasses import replace

import httpx2
import pytest
from chat_wire import send
from google import genai
from google.genai import types
from recorded_corpus import ABSENT, PRESENT, recordings
from scripted import Close, Scripted, Wait, reply, reset, stream

from replay.cassette.cassette import Cassette
from replay.cassette.redact import Redactor
from replay.conversation import Message, Tool, ToolCall
from replay.errors import BadInput, CassetteMiss
from replay.jsontext import canonical
from replay.providers import gemini
from replay.providers._wire import answer
from replay.record import record
from replay.turn import Request, Target

ASKED = Request("gemini-2.5-flash", (Message("user", "Where is my refund?"),), params={"temperature": 0})
SAID = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "On its way."}]}, "finishReason": "STOP", "index": 0}
    ],
    "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 4, "totalTokenCount": 13},
    "modelVersion": "gemini-2.5-flash",
    "responseId": "r1",
}


def piece(said, **more):
    chunk = {"candidates": [{"content": {"role": "model", "parts": [{"text": said}]}} | more]}
    return f"data: {json.dumps(chunk)}\r\n\r\n"


PIECES = [piece("On "), piece("its way.", finishReason="STOP")]
STREAMED = replace(ASKED, params={"stream": True})
VERTEX = {"platform": "vertex", "project": "p", "region": "eu", "recorded_uri": ""}


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch):
    for name in [*os.environ]:
        if name.startswith(("GOOGLE_", "GEMINI_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_GCE_CHECK", "true")


def call(script, request=ASKED, **settings):
    return send(script, request, gemini, **settings)


def asked(request=ASKED, script=None, **settings):
    """What a server is asked."""
    with Scripted([script or reply(SAID)]) as server, httpx2.HTTPTransport(verify=False) as transport:
        target = Target("t", "gemini", request.model, {"base_url": server.url} | settings)
        gemini.send(request, target, transport)
        return server.requests[-1]


def test_a_call_over_real_sockets():
    turn = call(reply(SAID))
    assert (turn.reply.message.text, turn.reply.finish_reason, turn.error) == ("On its way.", "stop", None)
    assert turn.reply.usage.total_tokens == 13
    assert json.loads(turn.raw) == SAID


def test_a_streamed_call_keeps_its_chunks_and_times():
    turn = call(stream(PIECES), STREAMED)
    assert (turn.reply.message.text, turn.stream) == ("On its way.", {"events": 1, "done": True})
    assert turn.timing.first_token_ms is not None
    assert len(turn.timing.chunks) >= 1


def test_the_body_is_sent_as_it_is_encoded():
    odd = Message("user", "half a pair \ud83d")
    request = replace(ASKED, messages=(odd,), params={"native": {"gemini": {"fieldOfTomorrow": {"a": None}}}})
    assert asked(request).json == gemini.encode(request)


def test_the_url_is_that_of_the_gemini_api(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "key-of-mine")
    sent = asked()
    assert sent.path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert sent.headers["x-goog-api-key"] == "key-of-mine"
    streamed = asked(STREAMED, stream(PIECES), api_version="v1")
    assert streamed.path == "/v1/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert asked(STREAMED, alt="json").path == "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
    assert asked(replace(ASKED, model="tunedModels/mine")).path == "/v1beta/tunedModels/mine:generateContent"
    assert asked(replace(ASKED, model="models/m")).path == "/v1beta/models/m:generateContent"


def test_a_place_is_asked_again_at_the_same_path():
    for url in (
        "/v1beta/models/m:generateContent",
        "/v1/models/m:streamGenerateContent?alt=sse",
        "/v1beta/models/m:streamGenerateContent",
        "/v1beta1/projects/p/locations/eu/publishers/google/models/m:generateContent",
        "/v1/projects/p/locations/global/publishers/google/models/m:streamGenerateContent?alt=sse",
        "/v1beta1/projects/p/locations/eu/endpoints/7:generateContent",
        "/v1beta1/publishers/google/models/m:generateContent",
    ):
        place = gemini.place("POST", url)
        request = Request(place.model, ASKED.messages, params=place.params)
        assert asked(request, **place.settings, recorded_uri="").path == url


@pytest.mark.parametrize(
    ("settings", "environment", "key"),
    [
        ({}, {"GEMINI_API_KEY": "one", "GOOGLE_API_KEY": "two"}, "one"),
        ({}, {"GOOGLE_API_KEY": "two"}, "two"),
        ({"api_key_env": "MINE"}, {"GEMINI_API_KEY": "one", "MINE": "three"}, "three"),
        ({}, {}, "not-set"),
        ({"recorded_uri": ""}, {"GEMINI_API_KEY": "one"}, "not-needed"),
        ({}, {"GEMINI_API_KEY": "one", "GOOGLE_GENAI_USE_VERTEXAI": "true"}, "one"),
    ],
)
def test_the_key_comes_from_the_environment_and_a_replay_needs_none(monkeypatch, settings, environment, key):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert asked(**settings).headers["x-goog-api-key"] == key


def test_secrets_are_named_by_their_variables(monkeypatch):
    target = Target("t", "gemini", "m")
    assert gemini.secrets(target) == {"GEMINI_API_KEY": None}
    monkeypatch.setenv("GOOGLE_API_KEY", "two")
    assert gemini.secrets(target) == {"GOOGLE_API_KEY": "two"}
    assert gemini.secrets(replace(target, settings={"platform": "vertex"})) == {}
    monkeypatch.setenv("MINE", "three")
    assert gemini.secrets(replace(target, settings={"api_key_env": "MINE"})) == {"MINE": "three"}


def test_vertex_is_replayed_without_credentials():
    sent = asked(**VERTEX)
    assert (
        sent.path
        == "/v1beta1/projects/p/locations/eu/publishers/google/models/gemini-2.5-flash:generateContent"
    )
    assert sent.headers["authorization"] == "Bearer not-needed"
    assert "x-goog-api-key" not in sent.headers


def test_vertex_takes_a_token_or_without_a_project_a_key(monkeypatch):
    monkeypatch.setenv("TOKEN", "mine")
    given = {"platform": "vertex", "api_key_env": "TOKEN"}
    assert asked(**given, project="p", region="eu").headers["authorization"] == "Bearer mine"
    express = asked(**given)
    assert express.path == "/v1beta1/publishers/google/models/gemini-2.5-flash:generateContent"
    assert express.headers["x-goog-api-key"] == "mine"


def test_a_recording_says_what_a_target_leaves_to_the_environment():
    url = "https://eu-aiplatform.googleapis.com/v1/projects/theirs/locations/eu/publishers/google/models/m:generateContent"
    settings = {"platform": "vertex", "project_env": "NOT_SET", "recorded_uri": url}
    path = asked(**settings).path
    assert path.startswith("/v1beta1/projects/theirs/locations/eu/")
    assert "/projects/mine/" in asked(**settings, project="mine").path


def test_without_credentials_a_live_call_to_vertex_is_bad_input(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    target = Target("prod", "gemini", "m", {"platform": "vertex", "project": "p", "region": "eu"})
    with pytest.raises(BadInput, match='target "prod": Your default credentials were not found'):
        gemini.send(ASKED, target, httpx2.HTTPTransport())


def test_settings_that_cannot_be_used_are_named():
    for settings, message in (
        ({"platform": "bedrock"}, "platform is 'bedrock'; use vertex, or none"),
        ({"base_url": "nowhere"}, "base_url is 'nowhere'"),
        ({"timeout": 0}, "timeout is 0"),
    ):
        with pytest.raises(BadInput, match="target") as refused:
            gemini.send(ASKED, Target("t", "gemini", "m", settings), httpx2.HTTPTransport())
        assert message in str(refused.value)


def test_without_the_sdk_it_is_said_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "replay.providers._gemini_sdk", raising=False)
    monkeypatch.delattr(importlib.import_module("replay.providers"), "_gemini_sdk", raising=False)
    monkeypatch.setitem(sys.modules, "google.genai", None)
    with pytest.raises(BadInput, match=r"pip install 'conversation-replay\[gemini\]'"):
        gemini.send(ASKED, Target("t", "gemini", "m"), httpx2.HTTPTransport())


ERROR = {"error": {"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED"}}


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (reply(ERROR, 429), "rate_limit"),
        (reply([ERROR], 429), "rate_limit"),
        (reply("<h1>Bad gateway</h1>", 502), "server"),
        (reply("", 503), "server"),
        (reply("{}"), "bad_response"),
        (reply(b'{"candidates": [{"content"'), "bad_response"),
        (reset(), "connection"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{", Close()], "cut"),
        ([Wait(2)], "timeout"),
    ],
)
@pytest.mark.parametrize("request_", [ASKED, STREAMED], ids=["whole", "streamed"])
def test_what_a_server_does_is_the_turns_error(script, kind, request_):
    turn = call(script, request_, timeout=0.4)
    assert (turn.reply, turn.error.kind, turn.attempts) == (None, kind, 1)
    assert turn.error.message


@pytest.mark.parametrize(
    ("script", "kind", "done"),
    [
        (stream([PIECES[0], Close()], end=False), "cut", False),
        (stream([PIECES[0], Wait(2), PIECES[1]]), "timeout", False),
        (stream([PIECES[0], f"data: {json.dumps(ERROR)}\r\n\r\n"]), "stream_error", False),
        (stream([PIECES[0], PIECES[1][:30]]), "cut", False),
        (stream([PIECES[0], json.dumps(ERROR, indent=1)]), "stream_error", False),
        (stream([PIECES[0], json.dumps([ERROR], indent=1)]), "stream_error", False),
    ],
)
def test_what_had_arrived_of_a_stream_is_kept(script, kind, done):
    turn = call(script, STREAMED, timeout=0.6)
    assert turn.reply.message.text == "On "
    assert (turn.error and turn.error.kind, turn.stream["done"]) == (kind, done)


def test_a_stream_as_one_array():
    documents = [json.loads(piece.removeprefix("data: ")) for piece in PIECES]
    body = json.dumps(documents, indent=1)
    turn = call(stream([body[:40], body[40:]], content_type="application/json"), STREAMED, alt="json")
    assert (turn.reply.message.text, turn.stream["done"], turn.error) == ("On its way.", True, None)
    cut = call(stream([body[: body.index("its way")], Close()], end=False), STREAMED, alt="json")
    assert (cut.reply.message.text, cut.error.kind) == ("On ", "cut")


def test_record_and_replay_without_a_server(tmp_path):
    path, redactor = tmp_path / "c.yaml", Redactor("salt")
    with Scripted([stream(PIECES)]) as server, Cassette(path, redactor=redactor, mode="all") as cassette:
        target = Target("t", "gemini", "m", {"base_url": server.url})
        live = gemini.send(STREAMED, target, cassette.transport(httpx2.HTTPTransport()))
    with Cassette(path, redactor=redactor) as cassette:
        played = gemini.send(STREAMED, target, cassette.transport())
        assert (played.reply, played.stream, played.error) == (live.reply, live.stream, None)
        with pytest.raises(CassetteMiss):
            gemini.send(replace(STREAMED, messages=(Message("user", "Else?"),)), target, cassette.transport())


class Sdk:
    """The official client, over an answer that is set for each call; making one takes long."""

    def __init__(self):
        http = httpx2.MockTransport(self.answered)
        options = types.HttpOptions(
            httpx_client=httpx2.Client(transport=http), httpx_async_client=httpx2.AsyncClient(transport=http)
        )
        self.models = genai.Client(api_key="k", http_options=options).models
        self.sent, self.body, self.kind = None, json.dumps(SAID).encode(), "application/json"

    def answered(self, request):
        self.sent = json.loads(request.content)
        return httpx2.Response(200, headers={"content-type": self.kind}, content=self.body)

    def sends(self, model="gemini-2.5-flash", **call):
        """The body that the SDK's own method sends; it spells some fields in snake_case."""
        self.models.generate_content(model=model, **call)
        return in_camel(self.sent)

    def reads(self, body, *, streamed):
        """What the SDK makes of a body."""
        self.body, self.kind = body, "text/event-stream" if streamed else "application/json"
        if streamed:
            return seen_by_the_sdk(self.models.generate_content_stream(model="m", contents="a"))
        return seen_by_the_sdk([self.models.generate_content(model="m", contents="a")])


def in_camel(value):
    if isinstance(value, list):
        return list(map(in_camel, value))
    if not isinstance(value, dict):
        return value
    return {_camel(key): in_camel(item) for key, item in value.items()}


def _camel(name):
    return re.sub("_(.)", lambda found: found[1].upper(), name)


@pytest.fixture
def sdk():
    return Sdk()


WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PNG = b"\x89PNG\xfb\xff"


def test_what_we_send_is_what_the_sdk_sends(sdk):
    ours = Request(
        "gemini-2.5-flash",
        (
            Message("system", "Be brief."),
            Message("user", "Where is A-1?"),
            Message("assistant", None, (ToolCall("c1", "lookup", '{"id": "A-1"}'),)),
            Message("tool", '{"status": "sent"}', tool_call_id="c1"),
        ),
        (
            Tool("lookup", "Look up.", WEATHER),
            Tool("strict", parameters=WEATHER | {"additionalProperties": False}),
        ),
        {
            "temperature": 0.5,
            "top_p": 0.9,
            "max_completion_tokens": 100,
            "stop": ["."],
            "seed": 7,
            "n": 2,
            "presence_penalty": 0.1,
            "logprobs": True,
            "top_logprobs": 2,
            "tool_choice": {"type": "function", "function": {"name": "lookup"}},
        },
    )
    sent = sdk.sends(
        contents=[
            "Where is A-1?",
            types.Content(
                role="model",
                parts=[
                    types.Part(function_call=types.FunctionCall(id="c1", name="lookup", args={"id": "A-1"}))
                ],
            ),
            types.Content(
                role="user",
                parts=[
                    types.Part(
                        function_response=types.FunctionResponse(
                            id="c1", name="lookup", response={"status": "sent"}
                        )
                    )
                ],
            ),
        ],
        config=types.GenerateContentConfig(
            system_instruction="Be brief.",
            temperature=0.5,
            top_p=0.9,
            max_output_tokens=100,
            stop_sequences=["."],
            seed=7,
            candidate_count=2,
            presence_penalty=0.1,
            response_logprobs=True,
            logprobs=2,
            tools=[
                types.Tool(
                    function_declarations=[
                        types.FunctionDeclaration(
                            name="lookup", description="Look up.", parameters=types.Schema(**WEATHER)
                        ),
                        types.FunctionDeclaration(
                            name="strict", parameters_json_schema=WEATHER | {"additionalProperties": False}
                        ),
                    ]
                )
            ],
            tool_config=types.ToolConfig(
                function_calling_config=types.FunctionCallingConfig(
                    mode="ANY", allowed_function_names=["lookup"]
                )
            ),
        ),
    )
    assert canonical(gemini.encode(ours)) == canonical(sent)


def test_media_and_schemas_are_sent_as_the_sdk_sends_them(sdk):
    url = f"data:image/png;base64,{base64.urlsafe_b64encode(PNG).decode()}"
    schema = {"type": "json_schema", "json_schema": {"name": "response", "schema": WEATHER}}
    ours = Request(
        "gemini-3-flash-preview",
        (
            Message(
                "user",
                [
                    {"type": "text", "text": "See"},
                    {"type": "image_url", "image_url": {"url": url}},
                    {"type": "image_url", "image_url": {"url": "https://x/a.jpg"}},
                ],
            ),
        ),
        params={"response_format": schema},
    )
    sent = sdk.sends(
        model="gemini-3-flash-preview",
        contents=[
            types.Part(text="See"),
            types.Part.from_bytes(data=PNG, mime_type="image/png"),
            types.Part.from_uri(file_uri="https://x/a.jpg", mime_type="image/jpeg"),
        ],
        config=types.GenerateContentConfig(response_mime_type="application/json", response_schema=WEATHER),
    )
    assert canonical(gemini.encode(ours)) == canonical(sent)
    assert canonical(gemini.encode(gemini.decode_request(sdk.sent))) == canonical(sdk.sent)


def seen_by_us(found):
    usage = found.usage
    return [
        {
            "text": choice.message.text,
            "calls": [(call.name, call.parsed()) for call in choice.message.tool_calls],
            "finish": choice.native_finish_reason,
        }
        for choice in found.choices()
    ], usage and (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens, usage.reasoning_tokens)


def seen_by_the_sdk(responses):
    """The SDK's typed responses, one or the many of a stream, put together by the plainest means."""
    said, usage = {}, None
    for response in responses:
        for place, candidate in enumerate(response.candidates or ()):
            into = said.setdefault(candidate.index or place, {"text": "", "calls": [], "finish": None})
            for part in (candidate.content and candidate.content.parts) or ():
                if part.function_call and part.function_call.name:
                    into["calls"].append((part.function_call.name, part.function_call.args or {}))
                into["text"] += part.text if part.text and not part.thought else ""
            into["finish"] = candidate.finish_reason.value if candidate.finish_reason else into["finish"]
        usage = response.usage_metadata or usage
    return [said[number] for number in sorted(said)], usage and _counts(usage)


def _counts(usage):
    prompt = _sum(usage.prompt_token_count, usage.tool_use_prompt_token_count)
    completion = _sum(usage.candidates_token_count, usage.thoughts_token_count)
    return prompt, completion, usage.total_token_count, usage.thoughts_token_count


def _sum(*counts):
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def test_a_reply_is_what_the_sdk_reads(sdk):
    found = answer(gemini, 200, {}, json.dumps(SAID).encode())
    assert seen_by_us(found.reply) == sdk.reads(json.dumps(SAID).encode(), streamed=False)
    found = answer(gemini, 200, {}, "".join(PIECES).encode())
    assert seen_by_us(found.reply) == sdk.reads("".join(PIECES).encode(), streamed=True)


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_recorded_reply_is_what_the_sdk_reads(sdk):
    read, differ = 0, {}
    for recorded in recordings("generateContent", "streamGenerateContent"):
        if recorded.status >= 400 or recorded.row["container"] == "raw-chunks":
            continue  # chunks without framing are no answer of a server
        body = recorded.body
        if body.lstrip().startswith(b"["):  # the SDK never asks for a stream as one array
            body = b"".join(b"data: %s\n\n" % json.dumps(item).encode() for item in json.loads(body))
        if b'"finishReason": 1' in body:
            continue  # enums as numbers: the SDK cannot read what an older one asked for
        ours = seen_by_us(answer(gemini, 200, {}, recorded.body).reply)
        theirs = sdk.reads(body, streamed=recorded.row.get("streamed") or body.startswith(b"data:"))
        if ours != theirs:
            differ[recorded.id] = (ours, theirs)
        read += 1
    assert differ == {}
    assert read >= 140


def test_a_log_line_with_a_key_in_its_url_plays_at_the_same_place(tmp_path):
    url = (
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent?key=AIza"
        + "x" * 35
    )
    body = gemini.encode(ASKED)
    lines = [
        {"request": {"method": "POST", "url": url, "body": body}, "response": {"status": 200, "body": SAID}},
        {"request": body, "response": SAID},
    ]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    recorded = record([log], tmp_path / "out", "imported")
    assert [(outcome.refused, outcome.notes) for outcome in recorded.outcomes] == [("", ()), ("", ())]
    assert {outcome.target for outcome in recorded.outcomes} == {"gemini-2.5-flash"}
    assert not any("key=" in path.read_text() for path in (tmp_path / "out").rglob("*.yaml"))
