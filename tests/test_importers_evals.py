"""Logs of evaluations (Inspect, tau-bench, promptfoo): what went in comes out."""

import json
import zipfile

import pytest
import yaml
from read_back import asked, green, read, said
from recorded_corpus import ABSENT, CORPUS, PRESENT

from replay.importers._promptfoo_assertions import carried
from replay.record._choice import TWICE

CALL = {"id": "t1", "type": "function", "function": {"name": "lookup", "arguments": '{"order": "A-1"}'}}
TRAJECTORY = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Where is A-1?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "t1", "name": "lookup", "content": "refunded"},
    {"role": "assistant", "content": "Refunded."},
]


def written(path, value, *, lines=False):
    text = "".join(json.dumps(item) + "\n" for item in value) if lines else json.dumps(value)
    path.write_text(text, "utf-8")
    return path


# tau-bench


def trials():
    task = {"instruction": "Ask for A-1.", "actions": [{"name": "lookup", "kwargs": {}}], "outputs": []}
    return [
        {"task_id": 4, "trial": n, "reward": float(n), "info": {"task": task}, "traj": TRAJECTORY}
        for n in (0, 1)
    ]


@pytest.mark.parametrize("lines", [True, False])
def test_each_assistant_message_of_a_trajectory_is_a_turn(tmp_path, lines):
    name, found = read(written(tmp_path / "runs.json", trials(), lines=lines))
    assert name == "tau_bench"
    assert [asked(logged)["messages"] for logged in found[:2]] == [TRAJECTORY[:2], TRAJECTORY[:4]]
    assert said(found[0])["tool_calls"] == [CALL]
    assert said(found[1])["content"] == "Refunded."
    assert found[0].thread == found[1].thread != found[2].thread
    assert found[3].tags == ("task_id:4", "trial:1", "reward:1.0")
    assert found[0].source["expected"] == {"actions": [{"name": "lookup", "kwargs": {}}]}
    assert "finish_reason" not in json.loads(found[0].response)["choices"][0]


def test_trajectories_play_green(tmp_path, sandbox):
    recorded = green(sandbox, written(tmp_path / "runs.jsonl", trials(), lines=True), model="gpt-4o")
    assert recorded.refused == 0
    case = yaml.safe_load((sandbox.root / "suites/logs.yaml").read_text())["cases"][0]
    assert case["play"] == "every_turn"
    wanted = {"order": "exact", "calls": [{"name": "lookup", "arguments": {"order": "A-1"}}]}
    assert {"tool_calls": wanted} in case["assert"]  # though the log does not keep the tools


def test_a_line_without_a_trajectory_is_named(tmp_path):
    path = written(tmp_path / "runs.jsonl", [*trials(), {"task_id": 5, "traj": 3}], lines=True)
    path.write_text(path.read_text() + '{"task_id": 6, "tra')
    bad = [(logged.place, logged.refused) for logged in read(path)[1] if logged.refused]
    assert bad == [
        ("line 3", "no trajectory: it has no list traj"),
        ("line 4", "cut: the file ends inside this line"),
    ]


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
def test_every_turn_of_the_sample_trajectories_comes_out():
    path = CORPUS / "logs" / "tau-bench" / "gpt-4o-airline.jsonl"
    records = [json.loads(line) for line in path.open()]
    _, found = read(path)
    answers = [message for record in records for message in record["traj"] if message["role"] == "assistant"]
    assert len(found) == len(answers)
    for logged, answer in zip(found, answers, strict=True):
        assert said(logged) == {"content": None} | answer


# Inspect


def event(**fields):
    question = {"role": "user", "content": "attachment://0123456789abcdef"}
    answer = {"role": "assistant", "content": [{"type": "reasoning", "reasoning": "Hm."}]}
    answer["content"].append({"type": "text", "text": "Done."})
    answer["tool_calls"] = [{"id": "t1", "function": "lookup", "arguments": {"order": "A-1"}}]
    output = {
        "model": "claude-4",
        "choices": [{"message": answer, "stop_reason": "tool_calls"}],
        "usage": {"input_tokens": 9, "output_tokens": 4, "total_tokens": 13, "input_tokens_cache_read": 2},
    }
    tool = {"name": "lookup", "description": "Look up.", "parameters": {"type": "object", "properties": {}}}
    return {
        "event": "model",
        "model": "openai/gpt-4o",
        "timestamp": "2026-03-04T10:11:12+00:00",
        "input": [{"role": "system", "content": "Be brief."}, question],
        "tools": [tool],
        "tool_choice": "any",
        "config": {"max_tokens": 50, "max_connections": 10, "temperature": 0.0, "stop_seqs": ["END"]},
        "output": output,
    } | fields


def sample(number, *events, **fields):
    whole = {"id": number, "epoch": 1, "input": "?", "target": "x", "messages": [], "events": list(events)}
    whole["attachments"] = {"0123456789abcdef": "A long question."}
    return whole | {"scores": {"match": {"value": "C"}}} | fields


def inspect_json(path, *samples):
    header = {"run_id": "r", "task_id": "t", "task": "orders", "model": "openai/gpt-4o"}
    return written(path, {"version": 2, "status": "success", "eval": header, "samples": list(samples)})


def inspect_zip(path, *samples):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_journal/start.json", "{}")
        for one in samples:
            archive.writestr(f"samples/{one['id']}_epoch_1.json", json.dumps(one))
        archive.writestr("header.json", "{}")
    return path


@pytest.mark.parametrize("write", [inspect_json, inspect_zip])
def test_a_model_event_is_a_call(tmp_path, write):
    name, (logged,) = read(write(tmp_path / "log.eval", sample(10, event())))
    assert name == "inspect_eval"
    assert asked(logged) == {
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "A long question."},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "lookup",
                    "description": "Look up.",
                    "parameters": {"type": "object", "properties": {}},
                },
            }
        ],
        "tool_choice": "required",
        "max_completion_tokens": 50,
        "temperature": 0.0,
        "stop": ["END"],
    }
    assert said(logged) == {"role": "assistant", "content": "Done.", "reasoning_content": "Hm."} | {
        "tool_calls": [CALL]
    }
    answer = json.loads(logged.response)
    assert answer["usage"] == {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 2},
    }
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    assert (logged.place, logged.tags) == ("sample 10 epoch 1, call 1", ("match:C",))
    assert logged.source["recorded_at"] == "2026-03-04T10:11:12Z"
    assert logged.derived


def test_the_providers_own_bodies_are_read_where_they_are_kept(tmp_path):
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "attachment://0123456789abcdef"}]}
    kept = body | {"tools": None, "extra_headers": {"x": "y"}, "extra_body": {"seed": 1}}
    answer = {"id": "c1", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "Hi"}}]}
    call = {"request": kept, "response": answer}
    _, (logged,) = read(inspect_json(tmp_path / "log.json", sample(1, event(call=call))))
    assert asked(logged) == {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "A long question."}],
        "seed": 1,
    }
    assert json.loads(logged.response) == answer
    assert not logged.derived


def test_a_sample_without_events_is_read_from_its_messages(tmp_path):
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    one = sample(1, messages=messages, output={"model": "llama3.1"})
    _, (logged,) = read(inspect_json(tmp_path / "log.json", one))
    assert asked(logged) == {"model": "llama3.1", "messages": messages[:1]}
    assert said(logged) == messages[1]


def test_samples_come_in_their_order_and_play_green(tmp_path, sandbox):
    path = inspect_zip(tmp_path / "log.eval", *(sample(n, event(), event()) for n in (2, 10, 1)))
    places = [logged.place for logged in read(path)[1]]
    assert places == [f"sample {n} epoch 1, call {call}" for n in (1, 2, 10) for call in (1, 2)]
    assert green(sandbox, path).refused == 0


def test_a_failed_call_a_broken_sample_and_a_broken_zip_are_named(tmp_path):
    failed = event(error="rate limit", output={"choices": []})
    path = inspect_zip(tmp_path / "log.eval", sample(1, failed), sample(2, event(input=3)))
    assert [logged.refused.partition(":")[0] for logged in read(path)[1]] == [
        "the call failed without an HTTP answer",
        "the sample cannot be read",
    ]
    path.write_bytes(path.read_bytes()[:-40])
    assert "cannot be read" in read(path)[1][0].refused


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
def test_every_call_of_the_sample_logs_comes_out(sandbox):
    folder = CORPUS / "logs" / "inspect_ai"
    files = sorted(path for path in folder.iterdir() if path.suffix in (".eval", ".json"))
    found = {path.name: [logged for logged in read(path)[1] if not logged.refused] for path in files}
    assert [len(calls) for calls in found.values()] == [10, 0, 3, 1, 1, 0]
    for logged in found["2025-02-11T15-18-04-05-00_popularity_mj7khqpMM4GBCfVQozKgzB.eval"]:
        assert "attachment://" not in str(logged.request)
        assert said(logged)["content"] in ("Yes", "No")
    recorded = green(sandbox, *files)
    assert recorded.imported == 14
    assert [outcome.skipped for outcome in recorded.outcomes if outcome.skipped] == [TWICE]  # in both forms


# promptfoo


CONFIG = """\
description: Orders
prompts:
  - "Answer in one word: {{question}}"
  - file://chat.json
providers:
  - openai:gpt-4o-mini
  - id: anthropic:messages:claude-4
    config: {temperature: 0.2, apiKey: secret}
defaultTest:
  assert:
    - {type: latency, threshold: 3000}
tests:
  - vars: {question: [Paid?, Sent?]}
    assert:
      - {type: icontains, value: "{{question}}"}
      - {type: llm-rubric, value: is polite}
  - file://more.csv
"""


def test_a_configuration_is_the_requests_it_would_send(tmp_path):
    (tmp_path / "promptfooconfig.yaml").write_text(CONFIG)
    (tmp_path / "chat.json").write_text('[{"role": "user", "content": "{{question}}"}]')
    (tmp_path / "more.csv").write_text("question,__expected\nBack?,contains: yes\n")
    name, found = read(tmp_path / "promptfooconfig.yaml")
    assert name == "promptfoo"
    assert len(found) == 2 * 2 * 2 + 2 * 2
    assert {logged.refused for logged in found} == {""}
    first = found[0]
    assert asked(first) == {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "Answer in one word: Paid?"}],
    }
    assert first.response is None
    assert first.assertions == ({"latency": 3000}, {"contains": {"text": "Paid?", "ignore_case": True}})
    assert first.notes == ("promptfoo's llm-rubric is not carried over",)
    assert {logged.provider for logged in found} == {"", "anthropic"}
    assert "secret" not in str(found)
    assert asked(found[-1]) == {
        "model": "claude-4",
        "messages": [{"role": "user", "content": "Back?"}],
        "temperature": 0.2,
    }
    assert found[-1].assertions[1] == {"contains": "yes"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("file://chat.json", "file://../../etc/passwd"), "leaves the folder"),
        (("file://chat.json", "file://gone.txt"), "there is no file"),
        (("file://chat.json", "file://prompt.py"), "there is no file"),
        (("{{question}}", "{{ question"), "cannot be filled in"),
        (("tests:", "\ttests:"), "line"),
    ],
)
def test_a_configuration_that_cannot_be_read_says_why(tmp_path, change, why):
    (tmp_path / "c.yaml").write_text(CONFIG.replace(*change, 1))
    (tmp_path / "chat.json").write_text("[]")
    (tmp_path / "more.csv").write_text("question\nBack?\n")
    refused = [logged.refused for logged in read(tmp_path / "c.yaml")[1] if logged.refused]
    assert why in refused[0]


def results():
    asserted = [{"type": "equals", "value": "Paid."}, {"type": "javascript", "value": "1"}]
    result = {
        "id": "e1",
        "prompt": {"raw": "Paid?", "label": "p"},
        "vars": {"question": "Paid?"},
        "provider": {"id": "openai:chat:gpt-4o-mini", "label": ""},
        "testCase": {"vars": {"question": "Paid?"}, "assert": asserted},
        "response": {
            "output": "Paid.",
            "finishReason": "stop",
            "tokenUsage": {"total": 12, "prompt": 10, "completion": 2},
        },
    }
    called = result | {"response": {"output": [CALL]}, "testCase": {}}
    failed = {name: value for name, value in result.items() if name != "response"} | {"error": "timed out"}
    return {"evalId": "e", "results": {"version": 3, "results": [result, called, failed]}, "config": {}}


def test_a_result_is_a_call_with_its_assertions(tmp_path, sandbox):
    path = written(tmp_path / "out.json", results())
    name, (first, second, third) = read(path)
    assert name == "promptfoo"
    assert asked(first) == {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Paid?"}]}
    answer = json.loads(first.response)
    assert answer["usage"] == {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert first.assertions == ({"equals": "Paid."},)
    assert said(second)["tool_calls"] == [CALL]
    assert third.refused == "the call failed without an HTTP answer: timed out"
    assert green(sandbox, path).imported == 2


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"type": "equals", "value": {"a": 1}}, {"equals": {"json": {"a": 1}}}),
        ({"type": "contains-all", "value": "a, b"}, {"contains": ["a", "b"]}),
        ({"type": "contains-any", "value": ["a", "b"]}, {"contains": {"text": ["a", "b"], "any": True}}),
        ({"type": "not-contains", "value": "a"}, {"not_contains": "a"}),
        (
            {"type": "not-contains-any", "value": ["a", "b"]},
            {"not": {"contains": {"text": ["a", "b"], "any": True}}},
        ),
        ({"type": "not-contains-all", "value": ["a", "b"]}, {"not": {"contains": ["a", "b"]}}),
        ({"type": "starts-with", "value": "a.b"}, {"matches": r"^a\.b"}),
        ({"type": "regex", "value": "a+"}, {"matches": "a+"}),
        ({"type": "is-json"}, {"json_schema": {"schema": True}}),
        ({"type": "is-json", "value": {"type": "object"}}, {"json_schema": {"schema": {"type": "object"}}}),
        ({"type": "cost", "threshold": 0.01}, {"cost": 0.01}),
        ({"type": "not-is-refusal"}, {"not": "refusal"}),
        ({"type": "finish-reason", "value": "stop"}, {"finish_reason": "stop"}),
    ],
)
def test_an_assertion_that_means_the_same_is_carried_over(theirs, ours):
    from replay import assertions

    assert carried([theirs]) == ([ours], [])
    name, argument = next(iter(ours.items()))
    assertions.build(name, argument)
