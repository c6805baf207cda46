"""Anthropic's Message Batches: each result with its request, whatever became of it."""

import json

import pytest
from importing import green, imported, lines, logged

from replay import importers
from replay.importers import anthropic_batch

USAGE = {"input_tokens": 9, "output_tokens": 2}


def asked(number):
    params = {
        "model": "claude-x",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": f"Count to {number}"}],
    }
    return {"custom_id": f"c-{number}", "params": params}


def message(number):
    said = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": f"{number}!"}]}
    return {
        "id": f"msg_{number}",
        "model": "claude-x",
        **said,
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
    }


def result(number, kind, **more):
    return {"custom_id": f"c-{number}", "result": {"type": kind, **more}}


def overloaded():
    return {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


REQUESTS = {
    "lines": lines(*map(asked, range(5))),
    "the call that made the batch": json.dumps({"requests": [asked(n) for n in range(5)]}, indent=2),
    "a list": json.dumps([asked(n) for n in range(5)]),
}


@pytest.mark.parametrize("form", REQUESTS)
def test_results_find_their_requests(form, tmp_path):
    results = [
        result(3, "expired"),
        result(1, "errored", error=overloaded()),
        result(0, "succeeded", message=message(0)),
        result(2, "canceled"),
    ]
    (tmp_path / "requests.json").write_text(REQUESTS[form])
    (tmp_path / "results.jsonl").write_text(lines(*results))
    expired, errored, succeeded, canceled = anthropic_batch.read(tmp_path / "results.jsonl")
    for number, one in ((3, expired), (1, errored), (0, succeeded), (2, canceled)):
        assert json.loads(one.request) == asked(number)["params"]
        assert (one.refused, one.source) == ("", {"id": f"c-{number}"})
        assert one.url == "https://api.anthropic.com/v1/messages"
    assert (succeeded.status, json.loads(succeeded.response)) == (200, message(0))
    assert (errored.status, json.loads(errored.response)) == (529, overloaded())
    assert (expired.response, canceled.response) == (None, None)
    assert expired.notes == ("it was not carried out: the request is expired",)
    (left,) = anthropic_batch.read(tmp_path / "requests.json")
    assert (json.loads(left.request), left.response) == (asked(4)["params"], None)


def test_a_batch_plays_as_it_was_answered(sandbox):
    results = [result(1, "errored", error=overloaded()), result(0, "succeeded", message=message(0))]
    outcome = imported(sandbox, {"in.jsonl": lines(asked(0), asked(1)), "out.jsonl": lines(*results)})
    assert (outcome.imported, outcome.refused) == (2, 0)
    played = {one.source["id"]: (one, turn) for one, turn in green(sandbox)}
    conversation, turn = played["c-0"]
    assert conversation.messages[0].content == "Count to 0"
    assert (turn.reply.message.text, turn.reply.finish_reason) == ("0!", "stop")
    assert (played["c-1"][1].error.status, played["c-1"][1].error.kind) == (529, "overloaded")


def test_what_cannot_be_used_is_named(tmp_path):
    answers = [
        result(0, "succeeded", message=message(0)),
        result(1, "errored", error={"type": "error", "error": {"type": "odd"}}) | asked(1),
        result(2, "postponed") | asked(2),
        {"custom_id": "c-3", "params": 7},
        {"custom_id": "c-4", "result": [7]} | asked(4),
    ]
    found = logged(anthropic_batch, tmp_path, lines(*answers))
    assert [one.refused for one in found] == [
        "its input file is missing: give it together with this one",
        "an error of a kind that is not known",
        "its result is of a type that is not known",
        "its params are no request body",
        "its result is of a type that is not known",
    ]
    assert json.loads(found[0].response) == message(0)


def test_a_batch_is_told_from_other_lines():
    for text in (*REQUESTS.values(), lines(result(0, "expired"))):
        assert importers.sniffed(text.encode()) == ["anthropic_batch"]
