"""What is exported runs, and sends what Replay sends: to a scripted provider, over real HTTP."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from functools import cache

import pytest
from anthropic._constants import ANTHROPIC_API_VERSION
from chat_wire import completion
from scripted import Scripted, reply
from shop import FILES, record, write

from replay import fixtures
from replay.choice import choose
from replay.cli import main
from replay.config import Project
from replay.export import export
from replay.player import request_for
from replay.providers import registry
from replay.providers._settings import adapt

HOSTILE = (
    """'"$(touch canary)`touch canary`${HOME} $HOME \\ \\n \\u0060 \\" !! %s {x} ${{}} <<END\nEND\n"""
    "\r\n\tEND "
    "é 😀 \u202e \x00 \x1b[31m </script> -- # // */ ''' \"\"\""
)
TOOL = {
    "name": "lookup_order",
    "description": HOSTILE,
    "parameters": {
        "type": "object",
        "properties": {"order_id": {"type": "string"}},
        "required": ["order_id"],
    },
}
CALL = {"name": "lookup_order", "arguments": json.dumps({"order_id": HOSTILE})}
ASKED = {
    "messages": [
        {"role": "system", "content": HOSTILE},
        {"role": "user", "content": [{"type": "text", "text": HOSTILE}]},
        {
            "role": "assistant",
            "content": "One moment.",
            "tool_calls": [{"id": "call_1", "type": "function", "function": CALL}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": HOSTILE},
    ],
    "tools": [TOOL],
    "params": {"temperature": 0.5, "max_completion_tokens": 200},
}
STREAMED = {
    "messages": [{"role": "user", "content": "Hello"}],
    "params": {"stream": True, "max_completion_tokens": 10},
}
TARGETS = {
    "chat": {"provider": "openai", "model": "gpt-4o", "params": {"add": {"x_unknown": [1, None]}}},
    "server": {
        "provider": "openai_compatible",
        "model": "m",
        "base_url": "http://127.0.0.1:9/deep/v1",
        "headers": {"x-team": 'it\'s "$(us)"'},
    },
    "responses": {"provider": "openai_responses", "model": "gpt-4o"},
    "azure": {
        "provider": "azure",
        "model": "gpt-4o",
        "deployment": "ours",
        "endpoint": "https://x.openai.azure.com",
    },
    "claude": {"provider": "anthropic", "model": "claude-x", "headers": {"anthropic-beta": "b-1"}},
    "vertex": {
        "provider": "anthropic",
        "model": "claude-x",
        "platform": "vertex",
        "project": "p",
        "region": "r",
    },
    "gemini": {"provider": "gemini", "model": "gemini-2.5-flash"},
    "cohere": {"provider": "cohere", "model": "command-a"},
    "converse": {"provider": "bedrock", "model": "anthropic.claude-v2:1", "region": "eu-west-1"},
    "gateway": {"provider": "bedrock", "model": "m", "region": "r", "endpoint": "http://127.0.0.1:9/deep"},
    "invoke": {"provider": "anthropic", "model": "claude-x", "platform": "bedrock", "region": "r"},
}
KEYS = {
    "OPENAI_API_KEY": "key-of-openai",
    "AZURE_OPENAI_API_KEY": "key-of-azure",
    "ANTHROPIC_API_KEY": "key-of-anthropic",
    "GEMINI_API_KEY": "key-of-gemini",
    "CO_API_KEY": "key-of-cohere",
    "GOOGLE_ACCESS_TOKEN": "key-of-google",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "key-of-aws",
}
RUN = {
    "curl": ["sh"],
    "python": [sys.executable, "-"],
    "node": ["node", "--input-type=module", "-"],
}
NEITHER = {"node": ("converse", "gateway", "invoke")}  # AWS's signature needs its SDK, or curl


@pytest.fixture(scope="module")
def wires(tmp_path_factory):
    """A project of which nothing is recorded, asked by every wire; no key is in reach."""
    root = tmp_path_factory.mktemp("wires")
    tables = "\n".join(_table(name, settings) for name, settings in TARGETS.items())
    suite = {"targets": list(TARGETS), "conversations": ["*"], "assert": [{"finish_reason": "stop"}]}
    write(root, {"replay.toml": tables, "suites/all.yaml": json.dumps(suite)})
    write(root, {"fixtures/conversations/asked.json": json.dumps(ASKED)})
    bare = json.dumps({"messages": [{"role": "user", "content": "Hello"}]})
    write(root, {"fixtures/conversations/bare.json": bare})
    write(root, {"fixtures/conversations/streamed.json": json.dumps(STREAMED)})
    return root


@pytest.fixture
def project(wires, chosen, monkeypatch):
    monkeypatch.chdir(wires)
    monkeypatch.setattr("replay.export.choose", lambda words: chosen(*words))
    return Project.find(wires)


@pytest.fixture(scope="module")
def chosen():
    """Reads the suites once for each case, and not for each form of it."""
    return cache(lambda word: choose([word]))


def _table(name, settings):
    lines = [f"{key} = {_value(value)}" for key, value in settings.items()]
    return f"[targets.{name}]\n" + "\n".join(lines) + "\n"


def _value(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + "}"
    return json.dumps(value).replace("[1, null]", "[1, 2]")


def run(form, text, server, cwd, **variables):
    """Run what was exported as its reader would, in a process of its own."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), "REPLAY_BASE_URL": server} | variables
    return subprocess.run(
        RUN[form], input=text.encode(), cwd=cwd, env=environment, capture_output=True, check=False
    )


def run_here(text, server, cwd, monkeypatch, **variables):
    """Run a Python script in this process, which has the SDKs loaded; what it makes of `{}` is its affair."""
    monkeypatch.chdir(cwd)
    for name, value in (variables | {"REPLAY_BASE_URL": server}).items():
        monkeypatch.setenv(name, value)
    with contextlib.suppress(Exception):
        exec(compile(text, "exported.py", "exec"), {"__name__": "__main__"})


def as_replay_sends_it(project, case):
    """The body that Replay sends itself."""
    name, target = case.removesuffix("]#1").split("[")
    target, conversation = project.target(target), fixtures.load(fixtures.find(name, project), project)
    request = request_for(conversation, target, conversation.messages)
    return adapt(registry.get(target.provider).encode(request), target.settings)


@pytest.fixture(scope="module")
def server():
    """Answers what is neither a good answer nor a stream: what was sent is the point."""
    with Scripted([reply({})]) as running:
        yield running


def cases(form):
    if form == "node" and shutil.which("node") is None:
        return [pytest.param("chat", marks=pytest.mark.skip(reason="node is missing: nothing was run"))]
    return [name for name in TARGETS if name not in NEITHER.get(form, ())]


@pytest.mark.parametrize(("form", "name"), [(form, name) for form in RUN for name in cases(form)])
def test_what_is_exported_sends_the_body_that_replay_sends(
    project, server, tmp_path, monkeypatch, form, name
):
    case = f"asked[{name}]#1"
    found = export(case, form)
    assert not any(key in found.text for key in KEYS.values())
    body = wired(name, as_replay_sends_it(project, case))
    before = len(server.requests)
    if form == "python":
        run_here(found.text, server.url, tmp_path, monkeypatch, **KEYS)
    else:
        run(form, found.text, server.url, tmp_path, **KEYS)
    assert len(server.requests) == before + 1
    asked = server.requests[-1]
    assert asked.json == body
    assert asked.path == PATHS[name]
    assert asked.headers["content-type"] == "application/json"
    said = " ".join(asked.headers.values())
    assert KEY_OF.get(name, "") in said
    for header, value in TARGETS[name].get("headers", {}).items():
        assert asked.headers[header] == value
    assert list(tmp_path.iterdir()) == []


PATHS = {
    "chat": "/v1/chat/completions",
    "server": "/deep/v1/chat/completions",
    "responses": "/v1/responses",
    "azure": "/openai/deployments/ours/chat/completions?api-version=2024-10-21",
    "claude": "/v1/messages",
    "vertex": "/v1/projects/p/locations/r/publishers/anthropic/models/claude-x:rawPredict",
    "gemini": "/v1beta/models/gemini-2.5-flash:generateContent",
    "cohere": "/v2/chat",
    "converse": "/model/anthropic.claude-v2%3A1/converse",
    "gateway": "/deep/model/m/converse",
    "invoke": "/model/claude-x/invoke",
}
AWS = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"
KEY_OF = {
    "chat": "Bearer key-of-openai",
    "responses": "Bearer key-of-openai",
    "azure": "key-of-azure",
    "claude": "key-of-anthropic",
    "vertex": "Bearer key-of-google",
    "gemini": "key-of-gemini",
    "cohere": "Bearer key-of-cohere",
    "converse": AWS,
    "gateway": AWS,
    "invoke": AWS,
}


def wired(name, body):
    """A body as a platform has it: the model is in the URL."""
    if name in ("vertex", "invoke"):
        body = {key: value for key, value in body.items() if key != "model"}
        return body | {"anthropic_version": ANTHROPIC_API_VERSION}
    return body


@pytest.mark.parametrize("name", ["chat", "responses", "claude", "gemini"])
def test_a_stream_is_asked_as_one_and_read_to_its_end(project, tmp_path, name):
    events = {
        "chat": [
            {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Bonjour"}}]}
        ],
        "responses": [{"type": "response.output_text.delta", "delta": "Bonjour", "item_id": "i"}],
        "claude": [
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": "Bonjour"},
            }
        ],
        "gemini": [{"candidates": [{"content": {"parts": [{"text": "Bonjour"}], "role": "model"}}]}],
    }[name]
    lines = "".join(f"event: {event.get('type', '')}\ndata: {json.dumps(event)}\n\n" for event in events)
    lines = lines.replace("event: \n", "")
    with Scripted([reply(lines, content_type="text/event-stream")]) as server:
        for form in ("python", "curl"):
            found = export(f"streamed[{name}]#1", form)
            done = run(form, found.text, server.url, tmp_path, **KEYS)
            assert b"Bonjour" in done.stdout, done.stderr.decode()
            assert server.requests[-1].json == as_replay_sends_it(project, f"streamed[{name}]#1")


@pytest.mark.parametrize("form", RUN)
def test_a_request_without_parameters_is_sent_without(project, server, tmp_path, monkeypatch, form):
    found = export("bare[gemini]#1", form)
    if form == "python":
        run_here(found.text, server.url, tmp_path, monkeypatch, **KEYS)
    else:
        run(form, found.text, server.url, tmp_path, **KEYS)
    assert server.requests[-1].json == {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
    assert server.requests[-1].path == PATHS["gemini"]


@pytest.mark.parametrize("form", RUN)
def test_without_its_key_nothing_is_sent(project, server, tmp_path, form):
    if shutil.which(RUN[form][0]) is None:
        pytest.skip(f"{RUN[form][0]} is missing: nothing was run")
    before = len(server.requests)
    done = run(form, export("asked[claude]#1", form).text, server.url, tmp_path)
    assert done.returncode != 0
    assert b"ANTHROPIC_API_KEY" in done.stderr
    assert len(server.requests) == before


# -- pytest -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def talking(tmp_path_factory):
    """A project whose case calls a tool and goes on, and one that fails."""
    root = tmp_path_factory.mktemp("shop")
    tool = {"id": "c1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}

    def answer(asked):
        if asked.json.get("tools") and asked.json["messages"][-1]["role"] == "user":
            return reply(completion({"content": None, "tool_calls": [tool]}, "tool_calls", model="small-1"))
        return reply(completion({"content": "From 9 to 17."}, model=asked.json["model"]))

    files = {
        "replay.toml": FILES["replay.toml"],
        "fixtures/conversations/shop/hours.yaml": FILES["fixtures/conversations/shop/hours.yaml"],
        "fixtures/conversations/shop/late.yaml": """
            messages: [{role: user, content: Is it late?}]
            tools: [{name: clock, description: Tells the time., parameters: {type: object, properties: {}}}]
            tool_results: [{name: clock, content: "17:30"}]
        """,
        "suites/shop.yaml": """
            targets: [small]
            conversations: [shop/*]
            assert: [contains: "9"]
            cases:
              - {conversation: shop/hours, assert: [contains: "8", not: {contains: "7"}]}
              - conversation: shop/late
                play: to_completion
                assert: [tool_calls: [clock], finish_reason: [tool_calls, stop], baseline]
        """,
    }
    record(root, files, answer)
    return root


@pytest.fixture
def shop(talking, monkeypatch):
    monkeypatch.chdir(talking)
    return talking


def test_a_case_is_a_test_that_is_played_and_judged_as_the_case_is(shop):
    for case in ("late", "hours"):
        (shop / f"test_{case}.py").write_text(export(f"shop/{case}[small]#1", "pytest").text, "utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "test_late.py",
        "test_hours.py",
    ]
    done = subprocess.run(command, cwd=shop, capture_output=True, text=True, check=False)
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert 'contains: expected "8", the reply says "From 9 to 17."' in done.stdout
    late = (shop / "test_late.py").read_text("utf-8")
    assert "# baseline is judged by the suite alone" in late
    assert late.count('"model": "small-1"') == 2  # both turns: the assertions are about both


AWS_TOML = """
[targets.aws]
provider = "bedrock"
model = "anthropic.claude-x"
region = "us-east-1"
endpoint = "{url}/deep"
"""


def test_the_faults_of_a_case_are_played_in_its_test(shop):
    suite = shop / "suites/faulted.yaml"
    suite.write_text(
        "targets: [small]\nfaults: [html_gateway_page]\ncases: [{conversation: shop/hours, faults: [auth]}]\n"
    )
    text = export("suites/faulted.yaml", "pytest").text
    suite.unlink()
    assert 'faults=["html_gateway_page", "auth"])' in text
    (shop / "test_faulted.py").write_text(text, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_faulted.py"]
    done = subprocess.run(command, cwd=shop, capture_output=True, text=True, check=False)
    assert "contract: error_" in done.stdout, done.stdout
    assert "1 failed" in done.stdout


def test_what_a_suite_excuses_is_excused_in_its_test_too(tmp_path, monkeypatch):
    """A refusal that is expected, at Bedrock without credentials; turns whose history is as recorded."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key-of-aws")
    called = {"id": "c1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}

    def answer(asked):
        if "converse" in asked.path:
            return reply({"message": "No such model."}, 400)
        tool_call = called | {"id": f"of-{len(asked.json['messages'])}"}
        return reply(completion({"content": None, "tool_calls": [tool_call]}, "tool_calls", model="small-1"))

    once = {"role": "assistant", "content": None, "tool_calls": [called]}
    told = {"role": "tool", "tool_call_id": "c1", "content": "17:30"}
    late = [{"role": "user", "content": "Late?"}, once, told, once | {"content": "17:30"}]
    tool = {"name": "clock", "description": "Time.", "parameters": {"type": "object", "properties": {}}}
    files = {
        "replay.toml": FILES["replay.toml"] + AWS_TOML,
        "fixtures/conversations/late.json": json.dumps({"messages": late, "tools": [tool]}),
        "fixtures/conversations/hours.yaml": FILES["fixtures/conversations/shop/hours.yaml"],
        "suites/all.yaml": """
            cases:
              - {conversation: hours, targets: [aws], assert: [error: {kind: invalid_request}]}
              - {conversation: late, targets: [small], play: every_turn, assert: [finish_reason: tool_calls]}
        """,
    }
    record(tmp_path, files, answer)
    monkeypatch.chdir(tmp_path)
    for name in ("hours", "late"):
        (tmp_path / f"test_{name}.py").write_text(export(name, "pytest").text, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "test_hours.py", "test_late.py", "suites"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "4 passed" in done.stdout, done.stdout


def test_a_turn_can_be_named_and_the_last_is_the_default(shop):
    assert export("shop/late", "curl").turns == (2,)
    assert export("shop/late", "pytest").turns == (1, 2)
    first = export("shop/late", "curl", 1)
    assert first.turns == (1,)
    assert "17:30" not in first.text


def test_it_is_printed_written_or_told_as_json(shop, capsys, tmp_path):
    words = ["export", "shop/hours", "--as", "curl"]
    said = []
    for more in ([], ["--out", str(tmp_path / "a.sh")], ["--json"]):
        assert main([*words, *more]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == (tmp_path / "a.sh").read_text("utf-8") == json.loads(said[2])["text"]


def test_secrets_are_replaced_and_said_to_be(shop, capsys, monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", "correct-horse-battery")
    path = shop / "fixtures/conversations/shop/hours.yaml"
    before = path.read_text()
    path.write_text("messages: [{role: user, content: anna.smith@shopkeeper.com correct-horse-battery}]\n")
    assert main(["export", "shop/hours", "--as", "node"]) == 0
    told, said = capsys.readouterr()
    path.write_text(before)
    assert "anna.smith" not in told
    assert "correct-horse" not in told
    assert said == "warning: secrets or personal data in it were replaced\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["shop/late", "--as", "curls"], 'no form is called "curls"; did you mean "curl"?'),
        (["shop/late", "--as", "curl", "--turn", "3"], "there is no turn 3: shop/late[small]#1 has 2"),
        (["suites/shop.yaml", "--as", "curl"], "names 2 cases; name one of them"),
        (["shop/lat", "--as", "curl"], 'did you mean "shop/late"?'),
        (["shop/late", "--as", "curl", "--out", "replay.toml"], "is there already"),
    ],
)
def test_what_cannot_be_exported_is_refused(shop, capsys, words, said):
    assert main(["export", *words]) == 4
    told, error = capsys.readouterr()
    assert said in error
    assert not told


def test_that_no_key_is_sent_is_said_where_none_is_named(project):
    for form in RUN:
        assert "No key is sent: target server has no api_key_env." in export("asked[server]#1", form).text
        assert "No key is sent" not in export("asked[chat]#1", form).text


def test_node_is_refused_where_aws_wants_a_signature(project, capsys):
    assert main(["export", "asked[converse]#1", "--as", "node"]) == 4
    assert "use curl or python" in capsys.readouterr().err
