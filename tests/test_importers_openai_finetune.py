"""Training files: the request is what precedes the wanted answer, and the answer is what plays."""

import json

import pytest
from importing import imported, lines, logged, turns

from replay import importers
from replay.importers import openai_finetune

TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"what": "keys"}'}}
SYSTEM = {"role": "system", "content": "You find things."}
USER = {"role": "user", "content": "Where are my keys?"}
FOUND = {"role": "assistant", "content": "On the table."}
CALLS = {
    "messages": [SYSTEM, USER, {"role": "assistant", "tool_calls": [CALL]}],
    "tools": [TOOL],
    "parallel_tool_calls": False,
}
WEIGHED = {
    "messages": [
        SYSTEM,
        USER,
        {"role": "assistant", "content": "No idea.", "weight": 0},
        {"role": "user", "content": "Look again."},
        FOUND | {"weight": 1},
    ]
}
PREFERRED = {
    "input": {"messages": [USER], "tools": [], "parallel_tool_calls": True},
    "preferred_output": [FOUND],
    "non_preferred_output": [{"role": "assistant", "content": "Who knows."}],
}


def test_examples_play_as_they_are_wanted(sandbox):
    outcome = imported(sandbox, {"train.jsonl": lines(CALLS, WEIGHED, PREFERRED)}, model="gpt-4o-mini")
    assert (outcome.imported, outcome.refused) == (3, 0)
    (calls, one), (weighed, two), (_, three) = turns(sandbox, outcome)
    assert [message.to_json() for message in calls.messages] == [SYSTEM, USER]
    assert calls.params == {"parallel_tool_calls": False}
    assert [tool.name for tool in calls.tools] == ["find"]
    assert [(call.name, call.arguments) for call in one.reply.message.tool_calls] == [
        ("find", '{"what": "keys"}')
    ]
    assert [message.content for message in weighed.messages][2:] == ["No idea.", "Look again."]
    assert not any("weight" in message.to_json() for message in weighed.messages)
    assert two.reply.message.text == three.reply.message.text == "On the table."
    for turn in (one, two, three):
        assert (turn.reply.finish_reason, turn.reply.usage, turn.reply.model) == (None, None, None)


def test_what_a_line_is_not_is_said(tmp_path):
    logs = logged(openai_finetune, tmp_path, lines(CALLS, PREFERRED))
    assert {log.derived for log in logs} == {
        "a training file holds the answers that are wanted, not what a model said"
    }
    assert logs[1].assertions == ({"not": {"equals": "Who knows."}},)


def test_a_task_of_reinforcement_waits_for_its_answer(tmp_path):
    (task,) = logged(
        openai_finetune, tmp_path, lines({"messages": [USER], "reference_answer": "table", "level": 3})
    )
    assert (task.response, task.refused) == (None, "")
    assert json.loads(task.request) == {"messages": [USER]}
    assert task.notes == ("for the job's grader, and not carried over: level, reference_answer",)


def test_the_old_form_is_one_of_completions(tmp_path):
    (one,) = logged(openai_finetune, tmp_path, lines({"prompt": "Once", "completion": " upon"}))
    assert json.loads(one.request) == {"prompt": "Once"}
    assert json.loads(one.response)["choices"][0]["text"] == " upon"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({"messages": []}, "no messages"),
        ({"messages": [FOUND]}, "no message precedes the answer"),
        ({"messages": 7}, "no messages"),
        ({"input": 7, "preferred_output": "x"}, "its preferred_output holds no message"),
        ({}, "no messages"),
    ],
)
def test_a_line_without_an_example_is_refused(line, why, tmp_path):
    (one,) = logged(openai_finetune, tmp_path, lines(line))
    assert one.refused == why


def test_training_files_are_told_from_request_bodies():
    for line in (CALLS, WEIGHED, PREFERRED, {"prompt": "Once", "completion": " upon"}):
        assert importers.sniffed(lines(line).encode()) == ["openai_finetune"]
    for line in (CALLS | {"model": "m"}, {"messages": [USER]}, WEIGHED | {"response": {}}):
        assert importers.sniffed(lines(line).encode()) == ["jsonl"]
