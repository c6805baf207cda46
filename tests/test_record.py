"""Logs become a project that loads and plays as it was logged, without secrets, the same every time."""

import json
import re
import tempfile
import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from replay import fixtures, providers, suites
from replay.cassette import file as cassettes
from replay.cassette.cassette import Cassette
from replay.cassette.redact import Redactor
from replay.config import Project
from replay.errors import BadInput
from replay.record import Recording, record
from replay.turn import Request

OPENAI = "https://api.openai.com/v1/chat/completions"
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
USAGE = {"prompt_tokens": 21, "completion_tokens": 7, "total_tokens": 28}


def ask(text="Is it open?", model="gpt-4o-mini", **params):
    return {"model": model, "messages": [{"role": "user", "content": text}], **params}


def answer(content="Yes, until six.", finish="stop", model="gpt-4o-mini-2026-01-05", usage=USAGE, **message):
    said = {"role": "assistant", "content": content, **message}
    choice = {"index": 0, "message": said, "finish_reason": finish}
    return {"id": "c-1", "object": "chat.completion", "model": model, "choices": [choice], "usage": usage}


def call(arguments='{"city": "Bern"}'):
    return {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": arguments}}


def events(*deltas, finish="stop"):
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    head = {"id": "c-2", "object": "chat.completion.chunk", "model": "gpt-4o-mini-2026-01-05"}
    return "".join(f"data: {json.dumps(head | chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"


def line(request, response=None, status=200, url=OPENAI, **more):
    body = {} if response is None else {"response": {"status": status, "headers": {}, "body": response}}
    return {"request": {"method": "POST", "url": url, "headers": {}, "body": request}, **body, **more}


def log(folder, *lines, name="app.jsonl"):
    path = folder / "logs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = json.loads(json.dumps(lines))
    for number, item in enumerate(lines):
        body = item.get("response", {}).get("body")
        if isinstance(body, dict) and "id" in body:
            body["id"] += f"-{number}"  # as providers do, no two answers have one id
    path.write_text("".join(json.dumps(item) + "\n" for item in lines))
    return path


def play(project, outcome):
    conversation = fixtures.load(project.conversations / f"{outcome.conversation}.yaml", project)
    target = project.target(outcome.target)
    path = project.cassettes / outcome.conversation / f"{outcome.target}.yaml"
    request = Request(target.model, conversation.messages, conversation.tools, conversation.params)
    with Cassette(path, redactor=Redactor.for_project(project, {})) as cassette:
        return providers.registry.get(target.provider).send(request, target, cassette.transport())


def asserted(project, suite="support"):
    cases = yaml.safe_load((project.suites / f"{suite}.yaml").read_text())["cases"]
    return {case["conversation"]: case.get("assert") for case in cases}


def files(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


WORDS = (
    *("request", "response", "messages", "model", "tools", "body", "url", "method", "headers", "status"),
    *("role", "content", "tool_calls", "function", "name", "arguments", "id", "type", "choices", "error"),
    *("message", "finish_reason", "usage", "params", "stream", "response_format", "parameters", "object"),
)
LIMIT = {"error": {"message": "Slow down.", "type": "requests", "code": "rate_limit_exceeded"}}
SCHEMA = {"type": "object", "properties": {"open": {"type": "boolean"}}, "required": ["open"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "opening", "schema": SCHEMA}}
MIXED = (
    line(ask(), answer()),
    line(ask("Weather in Bern?", tools=[WEATHER]), answer(None, "tool_calls", tool_calls=[call()])),
    line(
        ask("Say it slowly.", stream=True), events({"role": "assistant", "content": "Ye"}, {"content": "s."})
    ),
    line(ask("Again?"), LIMIT, status=429),
    line(ask("Open?", response_format=FORMAT), answer('{"open": true}')),
    line(ask("Tell me all."), answer("Well, ", "length", usage=None)),
    line(ask("Hello?"), error="ReadTimeout"),
    line(ask("Stream and stop.", stream=True), events({"content": "So"}).partition("data: [DONE]")[0][:-40]),
    {"input": "embed me", "model": "text-embedding-3-small"},
    line(
        {"assistant_id": "asst_1"}, {"object": "thread.run"}, url="https://api.openai.com/v1/threads/t_1/runs"
    ),
)


@pytest.fixture
def mixed(tmp_path):
    recorded = record([log(tmp_path, *MIXED)], tmp_path / "project", "support")
    return recorded, Project.find(tmp_path / "project")


def test_every_line_is_imported_or_refused_by_name(mixed):
    recorded, _ = mixed
    assert [(outcome.place, outcome.refused) for outcome in recorded.outcomes if outcome.refused] == [
        ("line 9", "an embeddings request: no provider reads it"),
        ("line 10", "the Assistants endpoint: no provider reads it"),
    ]
    named = [re.sub("-[0-9a-f]{12}$", "", outcome.conversation) for outcome in recorded.outcomes]
    assert named[:2] == ["support/is-it-open", "support/weather-in-bern"]
    assert (recorded.files, recorded.imported, recorded.refused) == (1, 8, 2)
    assert json.loads(json.dumps(recorded.to_json()))["reasons"] == recorded.reasons
    assert "8 imported into suite support, 2 refused" in recorded.text
    assert "refused: app.jsonl:10: the Assistants endpoint: no provider reads it" in recorded.text


def test_what_was_logged_is_what_plays(mixed):
    recorded, project = mixed
    turns = [play(project, outcome) for outcome in recorded.outcomes[:8]]
    plain, called, streamed, limited, _, cut_short, timed_out, cut = turns
    assert (plain.reply.message.text, plain.reply.finish_reason) == ("Yes, until six.", "stop")
    assert plain.reply.usage.total_tokens == 28
    assert [(c.name, c.arguments) for c in called.reply.message.tool_calls] == [
        ("weather", '{"city": "Bern"}')
    ]
    assert (streamed.reply.message.text, streamed.stream) == ("Yes.", {"events": 3, "done": True})
    assert (limited.error.kind, limited.error.status, limited.reply) == ("rate_limit", 429, None)
    assert cut_short.reply.finish_reason == "length"
    assert (timed_out.error.kind, timed_out.error.exception) == ("timeout", "APITimeoutError")
    assert (cut.error.kind, cut.reply.message.text) == ("cut", "So")


def test_the_suite_loads_and_asserts_what_was_recorded(mixed):
    recorded, project = mixed
    suite = suites.load(project.suites / "support.yaml", project)
    named = [outcome.conversation for outcome in recorded.outcomes[:8]]
    assert [entry.conversation for entry in suite.entries] == named
    plain, called, _, limited, shaped, cut_short, timed_out, _ = map(asserted(project).get, named)
    assert {"finish_reason": "stop"} in plain
    assert {"token_budget": {"prompt": 30, "completion": 10}} in plain
    wanted = {"order": "exact", "calls": [{"name": "weather", "arguments": {"city": "Bern"}}]}
    assert {"tool_calls": wanted} in called
    assert {"error": {"kind": "rate_limit", "status": 429}} in limited
    assert "json_schema" in shaped
    assert {"contract": {"allow": ["usage_missing"]}} in cut_short
    assert {"error": {"kind": "timeout"}} in timed_out
    assert recorded.targets == ("gpt-4o-mini",)


def test_the_same_logs_give_the_same_files(tmp_path):
    for name in ("one", "other"):
        log(tmp_path / name, *MIXED)
        record([tmp_path / name / "logs"], tmp_path / name / "project", "support")
    assert files(tmp_path / "one" / "project") == files(tmp_path / "other" / "project")


def test_a_new_project_gets_a_salt_of_its_own_and_keeps_it(tmp_path):
    salts = []
    for name, text in (("one", "Hi"), ("other", "Ho")):
        logged = log(tmp_path / name, line(ask(text), answer("Hello.")))
        for suite in ("first", "second"):
            record([logged], tmp_path / name / "project", suite)
            salts.append(Project.find(tmp_path / name / "project").settings["redaction"]["salt"])
    assert salts[0] == salts[1] != salts[2] == salts[3]


def test_equal_requests_become_conversations_of_their_own_in_order(tmp_path):
    lines = [line(ask(), answer(text)) for text in ("first", "second", "third")]
    recorded = record([log(tmp_path, *lines)], tmp_path / "p", "support")
    project = Project.find(tmp_path / "p")
    said = [play(project, outcome).reply.message.text for outcome in recorded.outcomes]
    assert said == ["first", "second", "third"]


def test_no_secret_reaches_the_disk(tmp_path, monkeypatch):
    planted = "sk-proj-" + "Zq7" * 16
    monkeypatch.setenv("SHOP_API_KEY", "opaque-value-of-the-shop")
    texts = [f"My key is {planted}", "call it with opaque-value-of-the-shop", "mail me: jo.doe@shop.example"]
    lines = [line(ask(text), answer(f"You said: {text}")) for text in texts]
    for item in lines:
        item["request"]["headers"] = {"Authorization": f"Bearer {planted}"}
    recorded = record([log(tmp_path, *lines)], tmp_path / "p", "support")
    written = b"".join(files(tmp_path / "p").values())
    for secret in (planted, "opaque-value-of-the-shop", "jo.doe@shop.example"):
        assert secret.encode() not in written
    project = Project.find(tmp_path / "p")
    assert all(play(project, outcome).reply for outcome in recorded.outcomes)


def test_names_tell_how_a_conversation_begins_and_differ_on_every_disk(tmp_path):
    texts = ("Hello!", "hello", "HELLO  ", "Päivää", "日本語で", "con", "a/../b", "x" * 300)
    recorded = record([log(tmp_path, *(line(ask(text), answer()) for text in texts))], tmp_path / "p", "s")
    named = [outcome.conversation.removeprefix("s/") for outcome in recorded.outcomes]
    assert len({name.lower() for name in named}) == len(named) == 8
    starts = ["hello", "hello", "hello", "paivaa", "conversation", "con", "a-b", "x" * 40]
    assert [name[:-13] for name in named] == starts
    assert all(re.fullmatch("[a-z0-9-]+-[0-9a-f]{12}", name) for name in named)
    suites.load(tmp_path / "p" / "suites" / "s.yaml", Project.find(tmp_path / "p"))


ELSEWHERE = {
    "https://api.groq.com/openai/v1/chat/completions": ("openai_compatible", "groq-gpt-4o-mini", False),
    "http://localhost:8000/v1/chat/completions": ("openai_compatible", "local-gpt-4o-mini", False),
    "https://shop.openai.azure.com/openai/deployments/mini-eu/chat/completions?api-version=2024-10-21": (
        "azure",
        "azure-gpt-4o-mini",
        False,
    ),
    "https://shop.openai.azure.com//openai/deployments/mini-eu/chat/completions?api-version=2024-10-21": (
        "azure",
        "azure-gpt-4o-mini",
        True,
    ),
    "https://x.services.ai.azure.com/models/chat/completions?api-version=2024-05-01": (
        "openai_compatible",
        "azure-gpt-4o-mini",
        True,
    ),
    "<GATEWAY_URL>/chat/completions": ("openai_compatible", "gateway-url-gpt-4o-mini", True),
    "https://api.writer.com/v1/chat": ("openai_compatible", "writer-gpt-4o-mini", True),
}


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_target_leads_to_where_the_call_went(url, tmp_path):
    provider, name, moved = ELSEWHERE[url]
    (outcome,) = record([log(tmp_path, line(ask(), answer(), url=url))], tmp_path / "p", "support").outcomes
    project = Project.find(tmp_path / "p")
    assert (project.targets[name].provider, outcome.target) == (provider, name)
    (interaction,) = cassettes.load(project.cassettes / outcome.conversation / f"{name}.yaml")
    assert interaction.response.source.get("uri") == (url if moved else None)
    assert interaction.request.uri.split("://")[1] in url or moved
    assert bool(outcome.notes) == moved
    assert play(project, outcome).reply.message.text == "Yes, until six."


def test_what_is_sent_otherwise_is_noted(tmp_path):
    bare = {"messages": ask()["messages"] + [{"role": "user", "content": "?", "tool_calls": None}]}
    (outcome,) = record([log(tmp_path, line(bare, answer()))], tmp_path / "p", "support").outcomes
    assert outcome.target == "gpt-4o-mini-2026-01-05"  # nothing was asked for by name; this one answered
    assert outcome.notes == ('is sent otherwise: model added ("gpt-4o-mini-2026-01-05")',)


def test_a_request_without_an_answer_waits_for_its_recording(tmp_path):
    lines = [ask(), {"messages": ask()["messages"]}]
    named, unnamed = record([log(tmp_path, *lines)], tmp_path / "p", "support").outcomes
    assert named.notes == ("no response is recorded: record it with pytest --record-mode=once",)
    assert unnamed.refused == "no model is named in it; give one with --model"
    (_, unnamed) = record([log(tmp_path, *lines)], tmp_path / "q", "support", model="gpt-5").outcomes
    assert unnamed.target == "gpt-5"
    suites.load(tmp_path / "q" / "suites" / "support.yaml", Project.find(tmp_path / "q"))


def test_masked_messages_are_noted(tmp_path):
    (outcome,) = record([log(tmp_path, line(ask("***"), answer()))], tmp_path / "p", "support").outcomes
    assert outcome.notes == ("a message is masked: what a model answers to it live says nothing",)


MINI = 'provider = "openai"\nmodel = "gpt-4o-mini"\n'
CONFIGS = {
    "replay.toml": f'# mine\n[targets.mini]\n{MINI}\n[redaction]\nsalt = "s"\n',
    "pyproject.toml": f'[project]\nname = "x"\n\n[tool.replay.targets.mini]\n{MINI}',
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_is_added_to_and_its_targets_are_used(name, tmp_path):
    (tmp_path / name).write_text(CONFIGS[name])
    lines = [line(ask(), answer()), line(ask(model="o4"), answer())]
    recorded = record([log(tmp_path, *lines)], tmp_path, "support")
    assert [outcome.target for outcome in recorded.outcomes] == ["mini", "o4"]
    text = (tmp_path / name).read_text()
    assert text.startswith(CONFIGS[name])
    assert set(Project.find(tmp_path).targets) == {"mini", "o4"}
    assert tomllib.loads(text)


def test_targets_that_cannot_be_added_to_are_shown_and_left_alone(tmp_path):
    before = 'targets = {mini = {provider = "openai", model = "m"}}\n'
    (tmp_path / "replay.toml").write_text(before)
    with pytest.raises(
        BadInput, match=r"add this by hand:\n\[redaction\]\nsalt = .*\n\n\[targets.gpt-4o-mini\]"
    ):
        record([log(tmp_path, line(ask(), answer()))], tmp_path, "support")
    assert (tmp_path / "replay.toml").read_text() == before


def test_a_project_above_is_not_written_to(tmp_path):
    (tmp_path / "replay.toml").write_text("")
    record([log(tmp_path, line(ask(), answer()))], tmp_path / "p", "support")
    assert (tmp_path / "replay.toml").read_text() == ""
    assert (tmp_path / "p" / "replay.toml").is_file()


@pytest.mark.parametrize(
    ("paths", "out", "suite", "message"),
    [
        (["gone", "empty"], "p", "support", r"empty: error: holds no files\n.*gone: error: is not a file"),
        (["logs"], "logs/p", "support", "lies inside"),
        (["logs"], "p", "a suite", 'use "a-suite"'),
        (["logs"], "p", "../x", "cannot be the name of a suite"),
        (["logs"], "logs/app.jsonl", "support", "is a file"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(tmp_path, paths, out, suite, message):
    log(tmp_path, line(ask(), answer()))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=message):
        record([tmp_path / path for path in paths], tmp_path / out, suite)
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("depth", [90, 200, 900, 5000])
def test_deep_nesting_is_imported_or_refused(depth, tmp_path):
    deep = json.loads("[" * min(depth, 900) + "]" * min(depth, 900))
    text = json.dumps([line(ask(metadata={"x": deep}), answer()), line(ask(), answer(extra=deep))])[1:-1]
    path = tmp_path / "deep.jsonl"
    path.write_text(text.replace('}, {"request"', '}\n{"request"').replace("[" * 900, "[" * depth) + "\n")
    recorded = record([path], tmp_path / "p", "support", format="jsonl")
    assert recorded.imported + recorded.refused == 2
    if recorded.imported:
        suites.load(tmp_path / "p" / "suites" / "support.yaml", Project.find(tmp_path / "p"))


def test_an_unknown_format_names_the_nearest(tmp_path):
    with pytest.raises(BadInput, match='did you mean "jsonl"'):
        record([log(tmp_path, ask())], tmp_path / "p", "support", format="json")


def test_files_in_no_known_format_are_refused_one_by_one(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "notes.md").write_text("# Notes\n")
    (tmp_path / "logs" / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (tmp_path / "logs" / "quiet.yaml").write_text("interactions: []\nversion: 1\n")
    recorded = record([tmp_path / "logs"], tmp_path / "p", "support")
    unknown = dict.fromkeys(("notes.md", "photo.png"), "in no format that is known; name it with --format")
    refused = {outcome.file: outcome.refused for outcome in recorded.outcomes}
    assert refused == unknown | {"quiet.yaml": "holds no exchange"}
    assert not (tmp_path / "p" / "suites").exists()


def test_outcomes_come_while_the_import_goes_on(tmp_path):
    recording = Recording([log(tmp_path, *MIXED)], tmp_path / "p", "support")
    outcomes = iter(recording)
    first = next(outcomes)
    assert (recording.project.conversations / f"{first.conversation}.yaml").is_file()
    assert not (recording.project.suites / "support.yaml").exists()
    assert len(list(outcomes)) == len(MIXED) - 1
    assert (recording.project.suites / "support.yaml").exists()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=12,
)


SOMETHING = st.dictionaries(st.sampled_from(WORDS), JSON, max_size=5)
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "tool", "x"]), "content": JSON})
    | SOMETHING,
    max_size=3,
)
ASKED = st.fixed_dictionaries({"messages": MESSAGES}, optional=dict.fromkeys(("model", "tools", "n"), JSON))
CHOICE = st.fixed_dictionaries({"message": SOMETHING}, optional={"finish_reason": JSON, "index": JSON})
ANSWERED = st.fixed_dictionaries({"choices": st.lists(CHOICE | SOMETHING, max_size=2), "usage": JSON}) | JSON
LINE = st.fixed_dictionaries({"request": ASKED, "response": ANSWERED}) | ASKED | SOMETHING


@settings(max_examples=40)
@given(st.lists(LINE, min_size=1, max_size=6))
def test_whatever_lines_hold_each_has_its_outcome_and_the_suite_loads(tmp_path, lines):
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in lines))
    recorded = record([path], folder / "p", "support", format="jsonl", model="m")
    chunks = sum(outcome.place.startswith("lines") for outcome in recorded.outcomes)
    assert chunks or len(recorded.outcomes) == len(lines)
    project = Project.find(folder / "p")
    if recorded.imported:
        assert len(suites.load(project.suites / "support.yaml", project).entries) == recorded.imported


def test_a_request_that_is_no_chat_request_inside_is_refused(tmp_path):
    bad = [{"role": "user", "content": 3}, "text", {"content": "no role"}]
    lines = [line({"model": "m", "messages": [message]}, answer()) for n, message in enumerate(bad)]
    recorded = record([log(tmp_path, *lines)], tmp_path / "p", "support")
    project = Project.find(tmp_path / "p")
    assert recorded.imported + recorded.refused == 3
    assert recorded.refused >= 2
    if recorded.imported:
        suites.load(project.suites / "support.yaml", project)
    kept = {path.stem for path in Path(project.conversations).rglob("*.yaml")}
    assert len(kept) == recorded.imported


def test_the_command_line_imports_and_pytest_replays(sandbox):
    log(sandbox.root, *MIXED)
    said = json.loads(
        sandbox.replay("record", "logs", "--out", ".", "--suite", "support", "--json").stdout.str()
    )
    assert (said["read"], said["imported"], said["refused"]) == (10, 8, 2)
    sandbox.pytest().assert_outcomes(passed=8)
    _, results = sandbox.run()
    assert {result["outcome"] for result in results} == {"passed"}
    sources = [result["transcript"]["conversation"]["source"] for result in results]
    assert {source["place"] for source in sources} == {f"line {number}" for number in range(1, 9)}


def test_a_reply_that_changes_fails_the_imported_suite(sandbox):
    log(sandbox.root, MIXED[0])
    (outcome,) = record([sandbox.root / "logs"], sandbox.root, "support").outcomes
    path = sandbox.root / f"fixtures/cassettes/{outcome.conversation}/gpt-4o-mini.yaml"
    path.write_text(path.read_text().replace("until six", "until five"))
    sandbox.pytest().assert_outcomes(failed=1)
    _, (result,) = sandbox.run()
    bad = [verdict for verdict in result["verdicts"] if verdict["status"] == "failed"]
    assert [(verdict["assertion"], verdict["kind"]) for verdict in bad] == [("baseline", "changed")]
