"""Evals: output items play as they were sampled, graders become assertions where ours mean the same."""

import json

import pytest
from importing import green, imported, lines, logged

from replay import importers
from replay.importers import openai_evals

REPLY = "{{ sample.output_text }}"
GRADERS = [
    {
        "type": "string_check",
        "name": "same",
        "input": REPLY,
        "reference": "{{item.label}}",
        "operation": "eq",
    },
    {
        "type": "string_check",
        "name": "turned",
        "input": "{{item.not}}",
        "reference": REPLY,
        "operation": "ne",
    },
    {
        "type": "string_check",
        "name": "in",
        "input": REPLY,
        "reference": "{{item.label}}",
        "operation": "like",
    },
    {"type": "string_check", "name": "any case", "input": REPLY, "reference": "posi", "operation": "ilike"},
    {
        "type": "string_check",
        "name": "of the item",
        "input": "{{item.label}}",
        "reference": "x",
        "operation": "eq",
    },
    {
        "type": "string_check",
        "name": "no such",
        "input": REPLY,
        "reference": "{{item.none}}",
        "operation": "eq",
    },
    {
        "type": "text_similarity",
        "name": "near",
        "input": REPLY,
        "reference": "x",
        "evaluation_metric": "bleu",
    },
    {"type": "label_model", "name": "label", "model": "m", "input": [], "labels": [], "passing_labels": []},
    {"type": "score_model", "name": "score", "model": "m", "input": []},
    {"type": "python", "name": "code", "source": "def grade(sample, item): return 1.0"},
]
ASSERTED = (
    {"equals": "positive"},
    {"not": {"equals": "negative"}},
    {"contains": "positive"},
    {"contains": {"text": "posi", "ignore_case": True}},
)
EVAL = {
    "object": "eval",
    "id": "eval_1",
    "name": "Mood",
    "data_source_config": {},
    "testing_criteria": GRADERS,
}
ITEM = {
    "text": "What a day!",
    "label": "positive",
    "not": "negative",
    "turns": [{"role": "user", "content": "Hi"}],
}
SOURCE = {
    "type": "completions",
    "model": "gpt-4o-mini",
    "sampling_params": {"temperature": 0.5, "max_completion_tokens": 20, "top_p": None},
    "input_messages": {
        "type": "template",
        "template": [
            {
                "type": "message",
                "role": "developer",
                "content": {"type": "input_text", "text": "Say the mood."},
            },
            {"role": "user", "content": "Mood of: {{item.text}}"},
        ],
    },
    "source": {"type": "file_content", "content": [{"item": ITEM}]},
}
RUN = {
    "object": "eval.run",
    "id": "run_1",
    "eval_id": "eval_1",
    "created_at": 1772619072,
    "data_source": SOURCE,
}


def output(number, status="pass", **sample):
    return {
        "object": "eval.run.output_item",
        "id": f"out_{number}",
        "run_id": "run_1",
        "eval_id": "eval_1",
        "created_at": 1772619072,
        "status": status,
        "datasource_item_id": number,
        "datasource_item": ITEM,
        "results": [{"name": "same", "passed": status == "pass", "score": 1.0}],
        "sample": {
            "input": [
                {"role": "system", "content": "Say the mood."},
                {"role": "user", "content": f"Day {number}"},
            ],
            "output": [{"role": "assistant", "content": "positive"}],
            "finish_reason": "stop",
            "model": "gpt-4o-2024-08-06",
            "usage": {"total_tokens": 12, "completion_tokens": 2, "prompt_tokens": 10, "cached_tokens": 4},
            "error": None,
            "temperature": 1.0,
            "max_completion_tokens": 2048,
            "top_p": 1.0,
            "seed": 42,
            **sample,
        },
    }


FORMS = {
    "pages": {
        "eval.json": json.dumps(EVAL, indent=1),
        "items.json": json.dumps({"data": [output(1), output(2)]}),
    },
    "lines": {"eval.json": json.dumps({"data": [EVAL]}), "items.jsonl": lines(output(1), output(2))},
    "one document": {
        "all.json": json.dumps({"eval": EVAL, "run": RUN, "output_items": [output(1), output(2)]})
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_output_items_play_as_they_were_sampled(form, sandbox):
    outcome = imported(sandbox, FORMS[form])
    assert (outcome.imported, outcome.refused) == (2, 0)
    for conversation, turn in green(sandbox):
        number = conversation.source["id"][-1]
        assert [message.content for message in conversation.messages] == ["Say the mood.", f"Day {number}"]
        assert conversation.params == {
            "temperature": 1,
            "top_p": 1,
            "max_completion_tokens": 2048,
            "seed": 42,
        }
        assert conversation.source["run"] == "run_1"
        assert (turn.reply.message.text, turn.reply.finish_reason) == ("positive", "stop")
        counts = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "cached_tokens": 4}
        assert turn.reply.usage.to_json() == counts


def test_graders_become_assertions_where_they_mean_the_same(tmp_path):
    (tmp_path / "eval.json").write_text(json.dumps(EVAL))
    (one,) = logged(openai_evals, tmp_path, lines(output(1)), "items.jsonl")
    assert one.assertions == ASSERTED
    assert [note.partition(" is not")[0] for note in one.notes] == [
        "the grader of the item (string_check)",
        "the grader no such (string_check)",
        "the grader near (text_similarity)",
        "the grader label (label_model)",
        "the grader score (score_model)",
        "the grader code (python)",
    ]
    assert one.tags == ("eval:pass",)


def test_items_of_a_data_source_wait_for_their_answer(tmp_path):
    (one,) = logged(openai_evals, tmp_path / "run", json.dumps(RUN | {"x": 1}, indent=1), "run.json")
    (tmp_path / "file").mkdir()
    elsewhere = RUN | {"data_source": SOURCE | {"source": {"type": "file_id", "id": "file-1"}}}
    (tmp_path / "file" / "run.json").write_text(json.dumps(elsewhere))
    (other,) = logged(openai_evals, tmp_path / "file", lines({"item": ITEM}), "items.jsonl")
    for found in (one, other):
        assert (found.refused, found.response) == ("", None)
        assert json.loads(found.request) == {
            "model": "gpt-4o-mini",
            "temperature": 0.5,
            "max_completion_tokens": 20,
            "messages": [
                {"role": "developer", "content": "Say the mood."},
                {"role": "user", "content": "Mood of: What a day!"},
            ],
        }


def test_a_prebuilt_trajectory_is_taken_as_it_is(tmp_path):
    asked = {"type": "item_reference", "item_reference": "item.turns"}
    run = RUN | {"data_source": SOURCE | {"input_messages": asked}}
    (one,) = logged(openai_evals, tmp_path, json.dumps(run), "run.json")
    assert json.loads(one.request)["messages"] == ITEM["turns"]


def test_what_is_missing_is_named(tmp_path):
    broken = RUN | {"data_source": SOURCE | {"source": {"content": [{"item": {}}, {"item": 7}, 8]}}}
    found = logged(openai_evals, tmp_path / "run", json.dumps(broken), "run.json")
    assert found[0].refused.startswith("it cannot be read: its template cannot be filled: ")
    assert [one.refused for one in found[1:]] == [
        "no output item and no item of a data source",
        "not a JSON object",
    ]
    (alone,) = logged(openai_evals, tmp_path / "eval", json.dumps(EVAL), "eval.json")
    assert alone.refused == "an eval without items: give its runs' too"
    error = {"code": "server_error", "message": "no capacity"}
    silent = output(1, "error", output=[], error=error)
    wordless = output(2, input=[])
    one, two, three = logged(openai_evals, tmp_path / "out", lines(silent, wordless, {"item": ITEM}))
    assert (one.response, one.refused) == (None, "")
    assert one.notes == (
        "its eval is not here: its graders are not carried over",
        "the run failed here: server_error: no capacity",
    )
    assert two.refused == "its sample has no input messages"
    assert three.refused.startswith("the run that says how it is asked is missing")


def test_evals_are_told_from_other_documents():
    for files in FORMS.values():
        for text in files.values():
            assert importers.sniffed(text.encode()) == ["openai_evals"]
    for text in (json.dumps(RUN), json.dumps(RUN, indent=2), lines({"item": ITEM})):
        assert importers.sniffed(text.encode()) == ["openai_evals"]
