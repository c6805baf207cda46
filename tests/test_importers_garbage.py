"""Whatever a record of a log holds, it is imported or refused by its place; nothing is raised or lost."""

import copy
import json
import random

import pytest
import test_importers_anthropic_batch as anthropic_batch
import test_importers_har as har
import test_importers_helicone as helicone
import test_importers_jsonl as jsonl
import test_importers_litellm as litellm
import test_importers_oaieval as oaieval
import test_importers_openai_batch as openai_batch
import test_importers_openai_evals as openai_evals
import test_importers_openai_finetune as openai_finetune
import test_importers_openai_stored as openai_stored

from replay import importers
from replay.record import record

SAMPLES = {
    "anthropic_batch": [
        anthropic_batch.asked(1) | anthropic_batch.result(1, "succeeded", message=anthropic_batch.message(1)),
        anthropic_batch.asked(1) | anthropic_batch.result(1, "errored", error=anthropic_batch.overloaded()),
    ],
    "helicone": [helicone.record()],
    "jsonl": list(jsonl.FORMS.values()),
    "litellm": [litellm.payload(), litellm.row(), litellm.failure("RateLimitError", "429")],
    "oaieval": oaieval.LOG[1:3],
    "openai_batch": [
        openai_batch.asked(1) | openai_batch.answered(1),
        openai_batch.failed(2) | openai_batch.asked(2),
    ],
    "openai_evals": [openai_evals.output(1), {"item": openai_evals.ITEM}],
    "openai_finetune": [openai_finetune.CALLS, openai_finetune.WEIGHED, openai_finetune.PREFERRED],
    "openai_stored": [openai_stored.completion(1, messages=openai_stored.messages(1))],
}
JUNK = [
    None,
    True,
    0,
    -1,
    1e999,
    7.5,
    "",
    "x",
    "\ud800",
    "[]",
    "{",
    [],
    [[]],
    [7],
    {},
    {"x": 1},
    {"": None},
    10**400,
]


def places(value, path=()):
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield from places(item, (*path, key))


def spoiled(sample, rng):
    """A record in which one or two values are something else, or are not there."""
    sample = copy.deepcopy(sample)
    for _ in range(rng.choice((1, 1, 2))):
        path = rng.choice([path for path in places(sample) if path] or [("x",)])
        holder = sample
        for key in path[:-1]:
            holder = holder[key]
        if isinstance(holder, dict) and rng.random() < 0.2:
            del holder[path[-1]]
        else:
            holder[path[-1]] = copy.deepcopy(rng.choice(JUNK))
    return sample


def spoiled_file(path, name, count=80):
    rng = random.Random(name)
    records = [spoiled(rng.choice(SAMPLES[name]), rng) for _ in range(count)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return records


@pytest.mark.parametrize("name", SAMPLES)
def test_spoiled_records_are_imported_or_named(name, tmp_path):
    path = tmp_path / "logs" / "spoiled.jsonl"
    records = spoiled_file(path, name)
    found = list(importers.registry.get(name).read(path))
    shown = {one.place for one in found}
    assert all(isinstance(one, importers.Logged) for one in found)
    if not importers.is_spread(name) and name != "oaieval":  # there, records belong to others' calls
        assert shown == {f"line {number}" for number in range(1, len(records) + 1)}
    recorded = record([path], tmp_path / "project", "spoiled", format=name, model="m")
    assert len(recorded.outcomes) == len(found)
    assert all(outcome.refused or outcome.skipped or outcome.conversation for outcome in recorded.outcomes)


def test_spoiled_archives_are_imported_or_named(tmp_path):
    rng = random.Random(7)
    whole = har.entry({"text": json.dumps(har.ANSWER)}, _error="")
    entries = [spoiled(whole, rng) for _ in range(100)]
    path = tmp_path / "logs" / "spoiled.har"
    path.parent.mkdir()
    path.write_text(har.archive(*entries))
    recorded = record([path], tmp_path / "project", "spoiled", format="har", model="m")
    assert len(recorded.outcomes) == len(entries)
    assert all(outcome.refused or outcome.skipped or outcome.conversation for outcome in recorded.outcomes)


BAD = {
    "blank": b"\n",
    "cut": b'{"custom_id": "a", "mess\n',
    "no JSON": b"hello\n",
    "a Python repr": b"{'a': 1}\n",
    "an array": b"[1, 2]\n",
    "a scalar": b"7\n",
    "bad UTF-8": b'{"a": "\xff"}\n',
    "a NUL": b'{"a": "\0"}\n',
    "too deep": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
    "a number of 5,000 digits": b'{"a": ' + b"9" * 5000 + b"}\n",
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", SAMPLES)
def test_a_bad_line_is_named_and_the_next_is_read(name, bad, tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(BAD[bad] + json.dumps(SAMPLES[name][0]).encode() + b"\n")
    first, second = importers.registry.get(name).read(path)
    assert (first.place, bool(first.refused)) == ("line 1", True)
    assert (second.place, second.refused) == ("line 2", "")
