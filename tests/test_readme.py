"""Every block of the README is run as it stands there."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from chat_wire import completion
from example_provider import PORT, answer
from sample_runs import showcase, write
from scripted import Scripted

from replay import assertions, faults, importers, providers
from replay.conversation import Conversation, Message
from replay.record import record
from replay.report import sections
from replay.report.render import render
from replay.turn import Reply, Request, Target, Transcript, Turn

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
FILES = {
    text.splitlines()[0].removeprefix("# "): text
    for kind, text in BLOCKS
    if kind in ("yaml", "toml", "python")
}


def commands(word):
    lines = (line for kind, text in BLOCKS if kind == "console" for line in text.splitlines())
    return [shlex.split(line.removeprefix("$ ")) for line in lines if line.startswith(f"$ {word}")]


def test_ci_runs_the_first_two_commands_as_they_stand():
    shell = [text for kind, text in BLOCKS if kind == "sh"]
    assert len(shell) == 2
    script = (ROOT / ".ci" / "run").read_text()
    assert script.index('eval "$(block 1)"') < script.index('eval "$(block 2)"')


def test_every_block_is_covered_here():
    assert {kind for kind, _ in BLOCKS} == {"sh", "", "yaml", "toml", "python", "console"}
    assert all("/" in name or name == "replay.toml" for name in FILES)


@pytest.fixture
def project(sandbox):
    """The README's project, recorded by the README's command against the scripted provider."""
    mine = {name: text for name, text in FILES.items() if not name.startswith("replay/")}
    assert set(mine) == {
        "fixtures/conversations/shop/hours.yaml",
        "replay.toml",
        "suites/shop.yaml",
        "suites/test_shop.py",
    }
    sandbox.write(mine)
    once, *_ = commands("pytest")
    with Scripted([answer], port=PORT):
        sandbox.pytester.runpytest_inprocess(*once[1:]).assert_outcomes(passed=2)
    return sandbox


def test_the_straight_line_is_recorded_once_and_replays_offline(project):
    _, offline, *_ = commands("pytest")
    project.pytester.runpytest_inprocess(*offline[1:]).assert_outcomes(passed=2)
    _, results = project.run()
    assert {line["case"]["id"] for line in results} == {"shop/hours[small]#1", "test_opening_hours[app]#1"}


def test_a_conversation_is_translated_and_searched_for_secrets(project):
    ((_, *translate),) = commands("replay translate")
    translated = project.replay(*translate)
    assert translated.ret == 0
    body = json.loads(translated.stdout.str())
    assert body["messages"] == [{"role": "user", "content": "Hello! Which hours are you open?"}]
    ((_, *redact),) = commands("replay redact")
    assert project.replay(*redact).ret == 0


def test_a_prompt_is_compared(project):
    dry, asked = commands("replay compare")
    project.write({"prompts/polite.md": "Be polite."})
    forecast = project.replay(*dry[1:])
    assert forecast.ret == 0
    assert "3 calls" in forecast.stdout.str()
    with Scripted([answer], port=PORT) as server:
        compared = project.replay(*asked[1:])
    assert compared.ret == 8  # of one conversation nothing is concluded
    assert "small+polite" in compared.stdout.str()
    assert len(server.requests) == 6


def test_the_tables_name_every_provider_importer_and_assertion_there_is():
    for room in (assertions, importers, providers):
        missing = [name for name in room.registry.names() if f"`{name}`" not in README]
        assert not missing


def test_conversations_and_logs_are_looked_over(project):
    mine, logs = commands("replay lint")
    project.write({"logs/one.jsonl": ""})
    assert project.replay(*mine[1:]).ret == 0
    assert project.replay(*logs[1:]).ret == 0
    assert "temperature-and-top-p" in project.replay("lint", "--rules").stdout.str()


def test_logs_become_a_suite(sandbox):
    line = {
        "request": {"model": "m", "messages": [{"role": "user", "content": "Hi"}]},
        "response": completion(model="m"),
    }
    sandbox.write({"logs/one.jsonl": json.dumps(line) + "\n", "cassettes/none.jsonl": ""})
    ((_, *arguments),) = commands("replay record")
    assert sandbox.replay(*arguments).ret == 0
    (run,) = [words for words in commands("pytest") if "suites/from_logs.yaml" in words]
    sandbox.pytester.runpytest_inprocess(*run[1:]).assert_outcomes(passed=1)


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Put a README's file into its room, as its first line says; return what the registry finds."""

    def add(room, name):
        path = f"replay/{room.__name__.removeprefix('replay.').replace('.', '/')}/{name}.py"
        (tmp_path / f"{name}.py").write_text(FILES[path])
        monkeypatch.setattr(room, "__path__", [*room.__path__, str(tmp_path)])
        assert name in room.registry.names()
        found = room.registry.get(name)
        monkeypatch.delitem(sys.modules, f"{room.__name__}.{name}")
        monkeypatch.delitem(room.registry._found, name)
        return found

    return add


def test_the_assertion(plugin):
    polite = plugin(assertions, "polite")(word="please")
    request = Request("m", (Message("user", "Hi"),))
    said = [Turn(request, Reply(Message("assistant", text))) for text in ("Sit down.", "Sit down, please.")]
    played = [
        Transcript(Conversation("c", request.messages), Target("t", "openai", "m"), (turn,)) for turn in said
    ]
    assert [polite(transcript).status for transcript in played] == ["failed", "passed"]


def test_the_provider(plugin):
    import httpx2

    shop = plugin(providers, "corner_shop")
    request = Request("example-model", (Message("user", "Hello! Which hours are you open?"),))
    with Scripted([answer], port=PORT):
        turn = shop.send(request, Target("t", "corner_shop", "example-model"), httpx2.HTTPTransport())
    assert turn.reply.message.text == "We are open from 9 to 17 on weekdays."


def test_the_importer(plugin, tmp_path):
    pairs = plugin(importers, "pairs")
    log = tmp_path / "log.pairs"
    request = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    log.write_text('["pairs", 1]\n' + json.dumps([request, completion(model="m")]) + "\n")
    assert pairs.sniff(log.read_bytes())
    importers.registry.register("pairs", pairs)
    try:
        assert record([log], tmp_path / "out", "s", format="pairs").imported == 1
    finally:
        del importers.registry._registered["pairs"]


def test_the_fault(plugin):
    unplugged = plugin(faults, "unplugged")()
    request = Request("m", (Message("user", "Hi"),))
    target = Target("t", "openai_compatible", "m", {"base_url": "http://127.0.0.1:9/v1"})
    turn = providers.registry.get("openai_compatible").send(request, target, unplugged(None))
    assert (turn.error.kind, turn.error.message) == ("connection", "ConnectError: no route to host")


def test_the_section(plugin, tmp_path, monkeypatch):
    motto = plugin(sections, "motto")
    monkeypatch.setitem(sections.registry._registered, "motto", motto)
    page = tmp_path / "index.html"
    write(tmp_path / "run.jsonl", {}, showcase(3))
    render(tmp_path / "run.jsonl", page)
    assert "<h2>Motto</h2><p>Measure, don&#39;t expect.</p>" in page.read_text("utf-8")
