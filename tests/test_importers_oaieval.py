"""Logs of the open-source evals: what was sampled plays, and whether it was right is a tag."""

from importing import imported, lines, logged, turns

from replay import importers
from replay.importers import oaieval

SPEC = {"spec": {"completion_fns": ["gpt-3.5-turbo"], "eval_name": "mood.dev.v0", "run_id": "run-1"}}
PROMPT = [{"role": "system", "content": "Say the mood."}, {"role": "user", "content": "What a day!"}]


def event(number, kind, sample="mood.0", **data):
    head = {"run_id": "run-1", "event_id": number, "sample_id": sample, "type": kind, "created_by": ""}
    return {**head, "data": data, "created_at": "2026-03-04 10:11:12.5+00:00"}


LOG = [
    SPEC,
    event(0, "sampling", prompt=PROMPT, sampled=["happy"]),
    event(
        1,
        "sampling",
        sample="mood.1",
        prompt="Mood?",
        sampled="sad",
        model="gpt-4o",
        usage={"total_tokens": 9},
    ),
    event(2, "match", sample="mood.1", correct=False, expected="happy", picked=None),
    event(3, "match", correct=True, expected="happy", picked="happy"),
    {"final_report": {"accuracy": 0.5}},
]


def test_what_was_sampled_plays(sandbox):
    outcome = imported(sandbox, {"run.jsonl": lines(*LOG)})
    assert (outcome.imported, outcome.refused) == (2, 2)
    (first, one), (second, two) = turns(sandbox, outcome)
    assert [message.to_json() for message in first.messages] == PROMPT
    assert [message.content for message in second.messages] == ["Mood?"]
    assert (one.reply.message.text, one.reply.usage, one.reply.finish_reason) == ("happy", None, None)
    assert (two.reply.message.text, two.reply.usage.total_tokens) == ("sad", 9)
    assert first.source["recorded_at"] == "2026-03-04T10:11:12Z"


def test_a_match_becomes_a_tag_of_its_sample(tmp_path):
    found = [one for one in logged(oaieval, tmp_path, lines(*LOG)) if not one.refused]
    assert [one.tags for one in found] == [("eval:pass",), ("eval:fail",)]
    assert [one.source["id"] for one in found] == ["mood.0", "mood.1"]
    assert b'"gpt-3.5-turbo"' in found[0].request
    assert b'"gpt-4o"' in found[1].request


def test_what_is_no_call_is_named(tmp_path):
    odd = [
        event(0, "sampling", prompt=7, sampled=[]),
        event(1, "match", sample="mood.9", correct=True),
        {},
        SPEC,
    ]
    assert [one.refused for one in logged(oaieval, tmp_path, lines(*odd))] == [
        "its prompt is neither text nor messages",
        *["an event, or what frames them, that is no call"] * 3,
    ]


def test_a_run_is_told_from_other_lines():
    for record in LOG[:4]:
        assert importers.sniffed(lines(record).encode()) == ["oaieval"]
