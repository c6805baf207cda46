"""Batches of OpenAI: request and answer find each other, whatever file and order they are in."""

import json
import random
import subprocess
import sys

import pytest
from importing import green, imported, lines, logged

from replay import importers
from replay.importers import openai_batch

URL = "/v1/chat/completions"


def asked(number, text="Is it open?"):
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": f"{text} {number}"}]}
    return {"custom_id": f"task-{number}", "method": "POST", "url": URL, "body": body}


def answered(number, text="Yes."):
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": f"{text} {number}"},
        "finish_reason": "stop",
    }
    body = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1772619072,
        "model": "gpt-4o-mini",
    }
    response = {"status_code": 200, "request_id": "r", "body": {**body, "choices": [choice], "usage": usage}}
    return {"id": f"batch_req_{number}", "custom_id": f"task-{number}", "response": response, "error": None}


def failed(number):
    body = {
        "error": {"message": "no such model", "type": "invalid_request_error", "param": "model", "code": None}
    }
    response = {"status_code": 404, "request_id": "r", "body": body}
    return {"id": f"batch_req_{number}", "custom_id": f"task-{number}", "response": response, "error": None}


def expired(number):
    error = {"code": "batch_expired", "message": "This request was not executed in time."}
    return {"id": f"batch_req_{number}", "custom_id": f"task-{number}", "response": None, "error": error}


def test_input_output_and_error_file_are_played_as_they_were(sandbox):
    outcome = imported(
        sandbox,
        {
            "in.jsonl": lines(*map(asked, range(4))),
            "out.jsonl": lines(answered(2), answered(0)),
            "errors.jsonl": lines(failed(1)),
        },
    )
    assert (outcome.imported, outcome.refused) == (4, 0)
    (waits,) = [one for one in outcome.outcomes if one.notes]
    assert (waits.file, waits.place) == ("in.jsonl", "line 4")
    played = {one.source["id"]: (one, turn) for one, turn in green(sandbox, but=[waits.conversation])}
    for number in (0, 2):
        conversation, turn = played[f"task-{number}"]
        assert conversation.messages[0].content == f"Is it open? {number}"
        assert (turn.reply.message.text, turn.reply.finish_reason) == (f"Yes. {number}", "stop")
        assert turn.reply.usage.total_tokens == 11
        assert conversation.source["recorded_at"] == "2026-03-04T10:11:12Z"
    assert played["task-1"][1].error.status == 404


def read(folder, **files):
    for name, content in files.items():
        (folder / f"{name}.jsonl").write_text(content)
    return {name: list(openai_batch.read(folder / f"{name}.jsonl")) for name in files}


def test_an_answer_without_its_request_is_refused_and_shown(tmp_path):
    (one,) = read(tmp_path, out=lines(answered(1)))["out"]
    assert one.refused == "its input file is missing: give it together with this one"
    assert json.loads(one.response) == answered(1)["response"]["body"]


def test_a_line_that_holds_both_needs_no_other_file(tmp_path):
    (one,) = read(tmp_path, both=lines(asked(1) | answered(1)))["both"]
    assert (one.refused, one.url, one.status) == ("", URL, 200)
    assert json.loads(one.request) == asked(1)["body"]


def test_a_request_that_expired_waits_for_its_recording(tmp_path):
    (one,) = read(tmp_path, input=lines(asked(1)), output=lines(expired(1)))["output"]
    assert (one.refused, one.response) == ("", None)
    assert one.notes == ("it was not carried out: batch_expired: This request was not executed in time.",)


def test_two_batches_with_the_same_ids_are_kept_apart(tmp_path):
    for batch in ("one", "two"):
        (tmp_path / batch).mkdir()
        (tmp_path / batch / "in.jsonl").write_text(lines(*(asked(n, batch) for n in range(3))))
        (tmp_path / batch / "out.jsonl").write_text(lines(*(answered(n, batch) for n in range(2))))
    paths = sorted(tmp_path.rglob("*.jsonl"))
    join = openai_batch.together(paths)
    for batch in ("one", "two"):
        for one in join(tmp_path / batch / "out.jsonl"):
            assert batch.encode() in one.request
            assert batch.encode() in one.response
        (left,) = join(tmp_path / batch / "in.jsonl")
        assert (json.loads(left.request), left.response) == (asked(2, batch)["body"], None)


def test_two_batches_that_cannot_be_told_apart_are_refused(tmp_path):
    found = read(tmp_path, a=lines(asked(1)), b=lines(asked(1)), out=lines(answered(1)))
    (one,) = found["out"]
    assert one.refused == "its request stands in a.jsonl and b.jsonl: give each of them a folder of its own"
    assert len(found["a"]) == len(found["b"]) == 1


def test_files_given_together_need_not_share_a_folder(tmp_path):
    from replay.record import record

    for name, content in {"sent/in.jsonl": lines(asked(1)), "got/out.jsonl": lines(answered(1))}.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(content)
    outcome = record([tmp_path / "sent" / "in.jsonl", tmp_path / "got" / "out.jsonl"], tmp_path / "to", "s")
    assert (outcome.imported, outcome.refused) == (1, 0)


def test_other_endpoints_are_counted_by_name(sandbox):
    body = {"model": "text-embedding-3-small", "input": "a"}
    line = {"custom_id": "1", "method": "POST", "url": "/v1/embeddings", "body": body}
    data = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}
    out = {"custom_id": "1", "response": {"status_code": 200, "body": data}, "error": None}
    outcome = imported(sandbox, {"in.jsonl": lines(line), "out.jsonl": lines(out)})
    assert len(outcome.outcomes) == 1


@pytest.mark.parametrize(
    "odd", [b"{}", b"[]", b"7", b'{"custom_id": 7, "body": 1}', b'{"custom_id": "1", "response": "x"}', b"{"]
)
def test_odd_lines_are_named(odd, tmp_path):
    bad, good = logged(openai_batch, tmp_path, odd + b"\n" + lines(asked(1) | answered(1)).encode())
    assert bad.place == "line 1"
    assert bad.refused
    assert not good.refused


def test_a_batch_is_told_from_other_lines():
    for record in (asked(1), answered(1), expired(1)):
        assert importers.sniffed(lines(record).encode()) == ["openai_batch"]


# The peak that getrusage tells is also the parent's; this one begins with the process.
SCRIPT = """
import re, sys
from pathlib import Path
from replay.importers import openai_batch
print(sum(not one.refused for one in openai_batch.read(Path(sys.argv[1]))))
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def test_a_shuffled_batch_is_joined_in_constant_memory(tmp_path):
    def used(count):
        folder = tmp_path / str(count)
        folder.mkdir()
        order = random.Random(7).sample(range(count), count)
        (folder / "in.jsonl").write_text(lines(*map(asked, range(count))))
        (folder / "out.jsonl").write_text(lines(*map(answered, order)))
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(folder / "out.jsonl")],
            capture_output=True,
            text=True,
            check=True,
        )
        joined, memory = map(int, run.stdout.split())
        assert joined == count
        return memory

    assert used(20_000) < 1.2 * used(1_000)
