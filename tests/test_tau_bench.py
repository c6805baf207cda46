"""Real conversations of an airline's agent (tau-bench), played to completion and under context policies."""

import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import recorded_corpus
from chat_wire import completion
from scripted import Scripted, reply

from replay import fixtures
from replay.config import Project
from replay.contexts import Order, opened
from replay.conversation import Conversation, Message, Tool, ToolResult
from replay.policies import build, legal
from replay.runner import Runner, plan
from replay.suites import load

LOG = recorded_corpus.CORPUS / "logs/tau-bench/gpt-4o-airline.jsonl"
BYE = {"content": "Goodbye."}
WRITES = ("book_", "update_", "cancel_", "send_", "transfer_")

pytestmark = pytest.mark.skipif(not LOG.exists(), reason=recorded_corpus.ABSENT)


@pytest.fixture(scope="module")
def trajectories():
    """The messages of each conversation, as they were logged."""
    return [json.loads(line)["traj"] for line in LOG.read_text().splitlines()]


def conversation(traj, name, *, whole=False):
    """What was logged as a conversation: to be played from its first user's message on, or turn by turn."""
    messages = tuple(map(Message.from_json, traj))
    calls, results = {}, []
    for one in messages:
        calls |= {call.id: call for call in one.tool_calls}  # an id may come again, for another call
        if one.role == "tool":
            call = calls[one.tool_call_id]
            results.append(ToolResult(call.name, call.parsed(), one.content))
    names = sorted({call.name for one in messages for call in one.tool_calls})
    tools = [
        Tool(one, None, {"type": "object"}, "write" if one.startswith(WRITES) else "read") for one in names
    ]
    said = tuple(
        one for one in messages[2:-1] if one.role == "user"
    )  # the log ends with the user's last word
    if whole:
        return Conversation(name, messages, tuple(tools))
    return Conversation(name, messages[:2], tuple(tools), tool_results=tuple(results), user_turns=said)


def told(traj):
    """A model that says what was logged after the last message it is sent."""
    after = {
        json.dumps([one["role"], one["content"], one.get("tool_call_id")]): following
        for one, following in pairwise(traj)
        if following["role"] == "assistant"
    }

    def answer(asked):
        last = asked.json["messages"][-1]
        text = json.dumps(asked.json["messages"])
        if asked.json["messages"][0]["content"].startswith("Summarise"):
            message = {"content": "The user flies with this airline."}
        else:
            logged = after.get(json.dumps([last["role"], last["content"], last.get("tool_call_id")]), BYE)
            message = {name: logged[name] for name in ("content", "tool_calls") if logged.get(name)}
        usage = {"prompt_tokens": len(text) // 4, "completion_tokens": 5, "total_tokens": len(text) // 4 + 5}
        finish = "tool_calls" if message.get("tool_calls") else "stop"
        return reply(completion({"content": None} | message, finish, usage=usage, model="m-1"))

    return answer


def write(folder, url, one, suite=""):
    (folder / "replay.toml").write_text(
        '[targets.t]\nprovider = "openai_compatible"\nmodel = "m-1"\n'
        f'base_url = "{url}/v1"\n[redaction]\nsalt = "s"\npii = "keep"\n'
    )
    project = Project.find(folder)
    fixtures.save(one, project)
    if suite:
        path = folder / "suites/s.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(suite)
    return project


SUITE = """
targets: [t]
cases:
  - conversation: airline
    play: to_completion
    assert: [completed, no_duplicate_effects, tool_rounds: {max: 40}]
"""


def played(folder, traj):
    """Play a conversation to completion, live and then from what was recorded; return both results."""
    with Scripted([told(traj)]) as server:
        project = write(folder, server.url, conversation(traj, "airline"), SUITE)
        results = []
        for mode in ("once", "none"):
            (planned,) = plan(load(folder / "suites/s.yaml", project), project)
            results.append(Runner(project, mode).run(planned))
    return results


def sent_twice(traj):
    """How often a write was executed again, counted as plainly as possible."""
    calls = Counter(
        (call["function"]["name"], json.dumps(json.loads(call["function"]["arguments"]), sort_keys=True))
        for message in traj
        for call in message.get("tool_calls") or ()
        if call["function"]["name"].startswith(WRITES)
    )
    return sum(count - 1 for count in calls.values())


@pytest.mark.parametrize("number", [0, 5, 8, 11, 18, 23])
def test_a_real_conversation_is_played_to_its_end_as_it_went(number, trajectories, tmp_path):
    traj = trajectories[number]
    live, replayed = played(tmp_path, traj)
    assert replayed.verdicts == live.verdicts
    assert [turn.reply for turn in replayed.transcript.turns] == [
        turn.reply for turn in live.transcript.turns
    ]
    sent = [*live.transcript.turns[-1].request.messages, live.transcript.turns[-1].reply.message]
    plain = lambda one: (one.role, one.content or None, [call.arguments for call in one.tool_calls])
    logged = [plain(Message.from_json(one)) for one in traj]
    assert list(map(plain, sent))[: len(logged)] == logged[: len(sent)]
    assert len(sent) - len(logged) == {"user": -1, "assistant": 0, "tool": 1}[traj[-1]["role"]]
    found = {verdict.kind for verdict in live.verdicts if verdict.bad}
    repeated = [one for one in live.verdicts if one.kind == "repeated"]
    assert len(repeated) == sent_twice(traj)
    assert found <= {"repeated"}


def test_a_real_conversation_that_is_resumed_and_books_again_is_found(trajectories, tmp_path):
    traj = trajectories[0][:18]  # up to what the booking returned
    (again,) = traj[16]["tool_calls"]
    script = [
        reply(
            completion(
                {"content": None, "tool_calls": [again | {"id": "call_again"}]}, "tool_calls", model="m-1"
            )
        ),
        reply(completion(BYE, model="m-1")),
    ]
    resumed = replace(
        conversation(traj, "airline"), messages=tuple(map(Message.from_json, traj)), user_turns=()
    )
    with Scripted(script) as server:
        project = write(tmp_path, server.url, resumed, SUITE)
        (planned,) = plan(load(tmp_path / "suites/s.yaml", project), project)
        result = Runner(project, "once").run(planned)
    (found,) = [one for one in result.verdicts if one.bad]
    assert (found.assertion, found.kind, found.turn) == ("no_duplicate_effects", "repeated", 1)
    assert [place.get("message") for place in found.actual] == [17, None]


def test_every_policy_keeps_real_histories_legal(trajectories):
    for number, traj in enumerate(trajectories):
        messages = tuple(map(Message.from_json, traj))
        for spec in ("last:1", "last:3", "summary:2", "drop_tool_output"):
            for length in range(2, len(messages) + 1, 3):
                found = legal(build(spec)(legal(messages[:length]), lambda _: "Short."))
                called = {one.id for message in found[:-1] for one in message.tool_calls}
                answers = {one.tool_call_id for one in found if one.role == "tool"}
                assert answers == called, (number, spec, length)
                assert found[0] == messages[0]


def test_what_policies_save_of_a_real_conversation(trajectories, tmp_path, monkeypatch):
    traj = trajectories[7 + 5]  # the longest
    with Scripted([told(traj)]) as server:
        write(tmp_path, server.url, conversation(traj, "airline", whole=True))
        monkeypatch.chdir(tmp_path)
        order = Order("airline", ("last:3", "summary:3", "drop_tool_output"), mode="once")
        found = opened(order, Path()).play(tmp_path / "reports/r", ())
    assert found.played
    full, last, summary, dropped = found.rows
    turns = sum(one["role"] == "assistant" for one in traj)
    assert [len(row.steps) for row in found.rows] == [turns] * 4
    assert [row.broken for row in found.rows] == [0] * 4  # this model says what was logged, whatever it reads
    assert 0 < last.saved < full.prompt_tokens
    assert 0 < dropped.saved < full.prompt_tokens
    assert summary.saved == full.prompt_tokens - summary.prompt_tokens - summary.summary_tokens
