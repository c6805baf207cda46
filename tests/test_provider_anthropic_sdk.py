"""Proof by Anthropic's SDK: it sends what we send, and reads what we read, at all three places."""

import builtins
import inspect
import json
import subprocess
import sys

import anthropic as sdk
import httpx2
import pytest
from messages_wire import (
    ASKED,
    COUNTS,
    MODEL,
    TEXT,
    THINKING,
    USE,
    ended,
    hello,
    message,
    send,
    sse,
    started,
    text,
    use,
)
from recorded_corpus import ABSENT, PRESENT, recordings
from scripted import Scripted, reply, stream

from replay.conversation import Message, Tool, ToolCall
from replay.errors import BadInput
from replay.providers import _anthropic_sdk, anthropic
from replay.providers._wire import answer
from replay.turn import Request, Target

KNOWN = inspect.signature(sdk.resources.messages.Messages.create).parameters
VERTEX = {"platform": "vertex", "project": "p-1", "region": "us-east5"}
OURS = f"publishers/anthropic/models/{MODEL}"
BEDROCK = {"platform": "bedrock", "region": "us-east-1"}


class Seam(httpx2.BaseTransport):
    """Answers from memory and keeps what was asked."""

    def __init__(self, body=None):
        self.body, self.asked = json.dumps(message()).encode() if body is None else body, []

    def handle_request(self, request):
        request.read()
        self.asked.append(request)
        return httpx2.Response(200, content=self.body)


@pytest.fixture(autouse=True)
def no_ambient_settings(monkeypatch):
    for name in (
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_CUSTOM_HEADERS",
        "AWS_BEARER_TOKEN_BEDROCK",
    ):
        monkeypatch.delenv(name, raising=False)


def client(settings, seam):
    """The SDK's own client for a target."""
    http = {"http_client": httpx2.Client(transport=seam), "max_retries": 0}
    if settings.get("platform") == "vertex":
        return sdk.AnthropicVertex(
            region=settings["region"], project_id=settings["project"], access_token="t", **http
        )
    if settings.get("platform") == "bedrock":
        return sdk.AnthropicBedrock(aws_region=settings["region"], api_key="t", **http)
    return sdk.Anthropic(api_key="t", **http)


def by_the_sdk(kwargs, settings):
    """What the SDK asks for these arguments; those it has no name for go into its `extra_body`."""
    seam = Seam()
    named = {key: value for key, value in kwargs.items() if key in KNOWN}
    rest = {key: value for key, value in kwargs.items() if key not in KNOWN}
    client(settings, seam).messages.create(**named, extra_body=rest or None, timeout=60)
    return seam.asked[0]


def by_us(request, settings, monkeypatch):
    monkeypatch.setenv("KEY", "t")
    seam = Seam()
    turn = anthropic.send(
        request, Target("t", "anthropic", request.model, settings | {"api_key_env": "KEY"}), seam
    )
    assert turn.error is None
    return seam.asked[0]


def alike(one, other):
    names = ("authorization", "anthropic-version", "content-type", "x-api-key")
    assert (one.method, str(one.url)) == (other.method, str(other.url))
    assert json.loads(one.content) == json.loads(other.content)
    assert {n: one.headers.get(n) for n in names} == {n: other.headers.get(n) for n in names}


def weather(**more):
    return {"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {}}} | more


USER = Message("user", "Hi.")
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}
# a request in our words, and the SDK's arguments for the same call
CALLS = {
    "plain": (
        Request(MODEL, (USER,)),
        {"messages": [{"role": "user", "content": "Hi."}], "max_tokens": 4096},
    ),
    "settings": (
        Request(
            MODEL,
            (Message("system", "Be brief."), USER),
            params={"max_completion_tokens": 9, "temperature": 0, "top_k": 3, "stop": ["END"], "user": "u"},
        ),
        {
            "system": "Be brief.",
            "messages": [{"role": "user", "content": "Hi."}],
            "max_tokens": 9,
            "temperature": 0,
            "top_k": 3,
            "stop_sequences": ["END"],
            "metadata": {"user_id": "u"},
        },
    ),
    "tools": (
        Request(
            MODEL,
            (
                USER,
                Message("assistant", "Let me see.", (ToolCall("toolu_1", "f", '{"a": 1}'),)),
                Message("tool", "3", tool_call_id="toolu_1"),
                Message("user", "And?"),
            ),
            (Tool("f", "d", {"type": "object", "properties": {}}, extra={"strict": True}),),
            {"tool_choice": "required", "parallel_tool_calls": False},
        ),
        {
            "messages": [
                {"role": "user", "content": "Hi."},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "Let me see."},
                        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "3"},
                        {"type": "text", "text": "And?"},
                    ],
                },
            ],
            "tools": [weather(strict=True)],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
            "max_tokens": 4096,
        },
    ),
    "structured": (
        Request(
            MODEL,
            (USER,),
            params={
                "max_completion_tokens": 9,
                "reasoning_effort": "high",
                "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
                "native": {"anthropic": {"thinking": {"type": "adaptive"}}},
            },
        ),
        {
            "messages": [{"role": "user", "content": "Hi."}],
            "max_tokens": 9,
            "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": SCHEMA}},
            "thinking": {"type": "adaptive"},
        },
    ),
    "picture": (
        Request(
            MODEL,
            (
                Message(
                    "user",
                    [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                    ],
                ),
            ),
        ),
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is this?"},
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
                        },
                    ],
                }
            ],
            "max_tokens": 4096,
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("settings", [{}, VERTEX, BEDROCK], ids=["api", "vertex", "bedrock"])
@pytest.mark.parametrize(("request_", "kwargs"), CALLS.values(), ids=CALLS)
def test_we_send_what_the_sdk_sends(request_, kwargs, settings, monkeypatch):
    alike(by_us(request_, settings, monkeypatch), by_the_sdk({"model": MODEL} | kwargs, settings))


@pytest.mark.parametrize("settings", [{}, VERTEX, BEDROCK], ids=["api", "vertex", "bedrock"])
def test_a_stream_is_asked_for_as_the_sdk_asks(settings, monkeypatch):
    request = Request(MODEL, (USER,), params={"stream": True})
    kwargs = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Hi."}],
        "max_tokens": 4096,
        "stream": True,
    }
    alike(by_us(request, settings, monkeypatch), by_the_sdk(kwargs, settings))


@pytest.mark.parametrize(
    ("settings", "stream_", "url"),
    [
        ({}, False, "https://api.anthropic.com/v1/messages"),
        ({"beta": True}, True, "https://api.anthropic.com/v1/messages?beta=true"),
        ({"base_url": "https://gate.example/anthropic"}, False, "https://gate.example/anthropic/v1/messages"),
        (
            VERTEX,
            True,
            f"https://us-east5-aiplatform.googleapis.com/v1/projects/p-1/locations/us-east5/{OURS}:streamRawPredict",
        ),
        (
            VERTEX | {"region": "global"},
            False,
            f"https://aiplatform.googleapis.com/v1/projects/p-1/locations/global/{OURS}:rawPredict",
        ),
        (BEDROCK, False, "https://bedrock-runtime.us-east-1.amazonaws.com/model/claude-sonnet-5/invoke"),
        (
            BEDROCK | {"base_url": "https://vpce.example/aws"},
            True,
            "https://vpce.example/aws/model/claude-sonnet-5/invoke-with-response-stream",
        ),
    ],
)
def test_where_a_target_is_asked_and_what_its_url_says(settings, stream_, url, monkeypatch):
    asked = by_us(Request(MODEL, (USER,), params={"stream": stream_}), settings, monkeypatch)
    assert str(asked.url) == url
    found = anthropic.place("POST", url.replace("claude-sonnet", "anthropic.claude-sonnet"))
    said = {key: value for key, value in settings.items() if key != "region" or "base_url" not in settings}
    assert found.settings == said
    assert found.params == ({"stream": True} if stream_ and "platform" in settings else {})


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", "https://api.anthropic.com/v1/messages"),
        ("POST", "https://api.anthropic.com/v1/messages/count_tokens"),
        ("POST", "https://api.anthropic.com/v1/messages/batches"),
        ("POST", "https://api.openai.com/v1/chat/completions"),
        ("POST", "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-micro-v1%3A0/invoke"),
        ("POST", "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-3/converse"),
        (
            "POST",
            "https://x.googleapis.com/v1/projects/p/locations/l/publishers/google/models/gemini:rawPredict",
        ),
        (
            "POST",
            "https://x.googleapis.com/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict",
        ),
    ],
)
def test_other_urls_are_not_ours(method, url):
    assert anthropic.place(method, url) is None


def test_the_models_name_is_read_from_the_url():
    vertex = (
        "https://h.example/v1/projects/p/locations/l/publishers/anthropic/models/claude-3-7@2025:rawPredict"
    )
    found = anthropic.place("POST", vertex)
    assert (found.model, found.settings["base_url"]) == ("claude-3-7@2025", "https://h.example/v1")
    bedrock = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.anthropic.claude-3/invoke"
    found = anthropic.place("POST", bedrock)
    assert found.model == "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-3"
    assert found.settings == {"platform": "bedrock"}


def test_nothing_comes_from_the_environment_unnamed(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://elsewhere.example")
    monkeypatch.setenv("ANTHROPIC_VERTEX_BASE_URL", "https://elsewhere.example")
    monkeypatch.setenv("ANTHROPIC_BEDROCK_BASE_URL", "https://elsewhere.example")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-team: other")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "other")
    for settings in ({}, VERTEX, BEDROCK):
        asked = by_us(ASKED, settings | {"timeout": 61}, monkeypatch)
        assert asked.url.host != "elsewhere.example"
        assert "x-team" not in asked.headers
        assert asked.headers["authorization"] == "Bearer t"


def test_headers_and_params_of_the_target_are_sent(monkeypatch):
    settings = {"headers": {"anthropic-beta": "a,b"}, "params": {"drop": ["max_tokens"], "add": {"top_p": 1}}}
    asked = by_us(ASKED, settings, monkeypatch)
    assert asked.headers["anthropic-beta"] == "a,b"
    assert json.loads(asked.content).keys() == {"model", "messages", "top_p"}


@pytest.mark.parametrize(
    ("settings", "version", "sent"),
    [
        ({}, "bedrock-2023-05-31", False),
        (VERTEX, "bedrock-2023-05-31", False),
        (BEDROCK, "bedrock-2023-05-31", True),
        (BEDROCK, "2026-10-21", True),
    ],
)
def test_the_version_of_another_platform_is_not_sent(settings, version, sent, monkeypatch):
    params = {"native": {"anthropic": {"anthropic_version": version}}}
    asked = json.loads(by_us(Request(MODEL, (USER,), params=params), settings, monkeypatch).content)
    assert (asked.get("anthropic_version") == version) is sent


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"platform": "azure"}, "platform is 'azure'; use vertex or bedrock"),
        ({"platform": "vertex", "project": "p"}, 'names no region; add region = "..." or region_env'),
        ({"platform": "vertex", "region": "r"}, "names no project"),
        ({"platform": "bedrock"}, "names no region"),
        ({"base_url": "api.example"}, "base_url is 'api.example'; give it as https://"),
        ({"base_url": "http://localhost:eleven"}, "Invalid port"),
        ({"timeout": -1}, "timeout is -1"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_any_call(settings, says):
    seam = Seam()
    with pytest.raises(BadInput) as refused:
        anthropic.send(ASKED, Target("prod", "anthropic", MODEL, settings), seam)
    assert says in str(refused.value)
    assert seam.asked == []


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, ["ANTHROPIC_API_KEY"]),
        ({"api_key_env": "TEAM_KEY"}, ["TEAM_KEY"]),
        (VERTEX, []),
        (BEDROCK | {"api_key_env": "TEAM_KEY"}, ["TEAM_KEY"]),
    ],
)
def test_secrets_are_named_by_their_variable(settings, names, monkeypatch):
    target = Target("t", "anthropic", MODEL, settings)
    assert anthropic.secrets(target) == dict.fromkeys(names)


@pytest.mark.parametrize(
    ("settings", "recorded", "url"),
    [
        ({}, "", "https://api.anthropic.com/v1/messages"),
        (
            {"base_url_env": "NOT_SET"},
            "https://gate.example/x/v1/messages",
            "https://gate.example/x/v1/messages",
        ),
        (
            {"base_url_env": "NOT_SET"},
            "https://api.anthropic.com/v1/messages",
            "https://api.anthropic.com/v1/messages",
        ),
        (
            {"platform": "vertex", "project_env": "NOT_SET", "region_env": "NOT_SET"},
            "https://eu.example/v1/projects/p-2/locations/eu/publishers/anthropic/models/m:rawPredict",
            f"https://eu.example/v1/projects/p-2/locations/eu/{OURS}:rawPredict",
        ),
        (
            {"platform": "bedrock", "region_env": "NOT_SET"},
            "https://bedrock-runtime.eu-west-1.amazonaws.com/model/anthropic.m/invoke",
            "https://bedrock-runtime.eu-west-1.amazonaws.com/model/claude-sonnet-5/invoke",
        ),
    ],
)
def test_a_replay_needs_nothing_of_the_environment(settings, recorded, url, monkeypatch):
    asked_for = []
    real = builtins.__import__

    def importing(name, *rest):
        asked_for.append(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", importing)
    seam = Seam()
    anthropic.send(ASKED, Target("t", "anthropic", MODEL, settings | {"recorded_uri": recorded}), seam)
    assert str(seam.asked[0].url) == url
    assert not [name for name in asked_for if name.startswith(("google.auth", "boto3", "botocore"))]


def test_credentials_that_are_not_there_are_bad_input(monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    seam = Seam()
    with pytest.raises(BadInput, match=r'target "t": .*credentials'):
        anthropic.send(ASKED, Target("t", "anthropic", MODEL, BEDROCK | {"region": "us-west-2"}), seam)
    assert seam.asked == []


@pytest.mark.parametrize(
    ("missing", "settings", "mend"),
    [
        ("anthropic", {}, "pip install 'conversation-replay[anthropic]'"),
        ("boto3", BEDROCK, 'live calls need boto3: pip install "anthropic[bedrock]"'),
    ],
)
def test_what_is_not_installed_is_named_with_how_to_install_it(missing, settings, mend):
    script = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from replay.providers import anthropic\n"
        "from replay.turn import Request, Target\n"
        "anthropic.decode({'content': []})\n"
        f"try: anthropic.send(Request('m', ()), Target('t', 'anthropic', 'm', {settings!r}), None)\n"
        "except Exception as problem: print(type(problem).__name__, problem)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "BadInput" in ran.stdout
    assert mend in ran.stdout


def test_one_client_serves_all_calls_of_a_target_and_a_thread(monkeypatch):
    made = []
    whole = _anthropic_sdk.Line.__init__
    monkeypatch.setattr(_anthropic_sdk.Line, "__init__", lambda *given: made.append(given) or whole(*given))
    for _ in range(3):
        by_us(ASKED, {"timeout": 62}, monkeypatch)
    assert len(made) == 1


def test_half_a_surrogate_pair_can_be_sent():
    with Scripted([reply(message())]) as server, httpx2.HTTPTransport(verify=False) as transport:
        request = Request("m", (Message("user", "\ud83d"),))
        target = Target("t", "anthropic", "m", {"base_url": server.url})
        assert anthropic.send(request, target, transport).error is None
        assert server.requests[0].json["messages"][0]["content"] == "\ud83d"


def failure(kind, text_="no", **more):
    return {"type": "error", "error": {"type": kind, "message": text_} | more, "request_id": "req_1"}


SPENT = {"details": {"error_code": "enforced_spend_limit_reached"}}
LARGE = "<html><head><title>413 Payload Too Large</title></head><body>cloudflare</body></html>"
REFUSED = {
    "400": (400, failure("invalid_request_error"), "invalid_request", "invalid_request_error"),
    "401": (401, failure("authentication_error"), "auth", "authentication_error"),
    "402": (402, failure("billing_error"), "billing", "billing_error"),
    "403": (403, failure("permission_error"), "auth", "permission_error"),
    "404": (404, failure("not_found_error"), "not_found", "not_found_error"),
    "413 of cloudflare": (413, LARGE, "invalid_request", None),
    "413": (413, failure("request_too_large"), "invalid_request", "request_too_large"),
    "429": (429, failure("rate_limit_error"), "rate_limit", "rate_limit_error"),
    "429 spent": (429, failure("rate_limit_error", **SPENT), "billing", "rate_limit_error"),
    "500": (500, failure("api_error"), "server", "api_error"),
    "504": (504, failure("timeout_error"), "server", "timeout_error"),
    "529": (529, failure("overloaded_error", "Overloaded"), "overloaded", "overloaded_error"),
    "bedrock": (400, {"message": "no such model"}, "invalid_request", None),
    "vertex": (429, [{"error": {"code": 429, "message": "quota", "status": "X"}}], "rate_limit", "X"),
}  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind", "code"), REFUSED.values(), ids=REFUSED)
def test_an_error_has_its_kind_and_the_class_that_the_sdk_raises(status, body, kind, code):
    error = send(reply(body, status, {"retry-after": "7"})).error
    assert (error.kind, error.status, error.code, error.retry_after) == (kind, status, code, 7.0)
    assert error.message
    with Scripted([reply(body, status)]) as server:
        direct = sdk.Anthropic(api_key="k", base_url=server.url, max_retries=0)
        with pytest.raises(sdk.APIStatusError) as raised:
            direct.messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "x"}])
    assert error.exception == type(raised.value).__name__


def seen_by_us(read):
    """The common ground of a reply and of the SDK's message, as plain data."""
    counts = read.extra.get("usage") or {}
    return {
        "id": read.extra.get("id"),
        "model": read.model,
        "stop_reason": read.native_finish_reason,
        "stop_sequence": read.extra.get("stop_sequence"),
        "text": read.message.text,
        "calls": [(call.id, call.name, call.parsed()) for call in read.message.tool_calls],
        "thinking": [
            (part["anthropic"]["thinking"], part["anthropic"].get("signature"))
            for part in read.message.content or ()
            if isinstance(part, dict) and part.get("anthropic", {}).get("type") == "thinking"
        ],
        "blocks": [block["type"] for block in anthropic.encode_reply(read)["content"]],
        "input": counts.get("input_tokens"),
        "cached": read.usage and read.usage.cached_tokens,
        "written": counts.get("cache_creation_input_tokens"),
        "output": read.usage and read.usage.completion_tokens,
    }


def seen_by_the_sdk(done):
    kinds = {
        kind: [block for block in done.content if block.type == kind]
        for kind in ("text", "tool_use", "thinking")
    }
    return {
        "id": done.id,
        "model": done.model,
        "stop_reason": done.stop_reason,
        "stop_sequence": done.stop_sequence,
        "text": "".join(block.text for block in kinds["text"]),
        "calls": [(block.id, block.name, block.input) for block in kinds["tool_use"]],
        "thinking": [(block.thinking, block.signature) for block in kinds["thinking"]],
        "blocks": [block.type for block in done.content],
        "input": done.usage.input_tokens,
        "cached": done.usage.cache_read_input_tokens,
        "written": done.usage.cache_creation_input_tokens,
        "output": done.usage.output_tokens,
    }


def sdk_reading(body, settings, *, streamed):
    """What the SDK makes of a body."""
    header = (
        "application/vnd.amazon.eventstream" if settings.get("platform") == "bedrock" else "text/event-stream"
    )
    headers = {"content-type": header if streamed else "application/json"}
    seam = httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, content=body))
    asked = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}
    if not streamed:
        return client(settings, seam).messages.create(**asked)
    with client(settings, seam).messages.stream(**asked) as events:
        return events.get_final_message()


BODIES = {
    "text": message(),
    "all": message(THINKING, TEXT, USE, stop_reason="tool_use"),
    "stop sequence": message(stop_reason="stop_sequence", stop_sequence="END"),
    "refusal": message(stop_reason="refusal", stop_details={"type": "refusal", "category": "bio"}),
    "nothing": message() | {"content": []},
}
STREAMS = {
    "text": hello(),
    "calls": [started(), *text(0, "a"), *use(1, '{"a":', " 1}"), *use(2, id="toolu_02"), *ended("tool_use")],
    "counts": [started(), *text(0, "a"), *ended("max_tokens", usage=COUNTS | {"input_tokens": 30})],
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_reply_is_what_the_sdk_reads(body):
    theirs = sdk_reading(json.dumps(body).encode(), {}, streamed=False)
    assert seen_by_us(send(reply(body)).reply) == seen_by_the_sdk(theirs)


@pytest.mark.parametrize("documents", STREAMS.values(), ids=STREAMS)
def test_a_streamed_reply_is_what_the_sdk_accumulates(documents):
    theirs = sdk_reading("".join(sse(documents)).encode(), {}, streamed=True)
    assert seen_by_us(send(stream(sse(documents))).reply) == seen_by_the_sdk(theirs)


def of_claude():
    """The recordings of Claude, with the settings of where each was asked."""
    for item in recordings("messages", "vertex.rawPredict", "invoke", "invoke-stream"):
        path = item.row["path"] if item.row["path"] != "anthropic" else "/v1/messages"  # kept without its URL
        found = anthropic.place("POST", path)
        if found:
            yield item, found, found.settings | ({"region": "us-east-1"} if found.settings else {})


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Pydantic serializer warnings")
def test_every_recorded_request_is_what_the_sdk_sends(monkeypatch):
    count = 0
    for item, found, settings in of_claude():
        if not item.request:
            continue  # a response that was kept without its request
        body = json.loads(item.request)
        asked = anthropic.decode_request(body)
        model = body.get("model") or found.model
        params = asked.params | found.params
        request = Request(model, asked.messages, asked.tools, params)
        kwargs = body | {"model": model} | found.params
        alike(by_us(request, settings, monkeypatch), by_the_sdk(kwargs, settings))
        count += 1
    assert count >= 165


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_every_recorded_reply_is_what_the_sdk_reads():
    count = 0
    for item, _, settings in of_claude():
        read = answer(anthropic, item.status, item.headers, item.body)
        if read.reply is None or item.row["resp_kind"] == "ndjson":
            continue
        theirs = sdk_reading(item.body, settings, streamed=bool(item.row.get("streamed")))
        assert seen_by_us(read.reply) == seen_by_the_sdk(theirs), item.id
        count += 1
    assert count >= 165
