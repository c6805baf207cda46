"""Redaction of real recordings: few false hits, nothing collapses, the same matches, little time.

Reads the corpus that REPLAY_CORPUS names, or the one beside the repository.
"""

import json
import os
import time
from pathlib import Path

import pytest

from replay.cassette import file
from replay.cassette.match import key
from replay.cassette.redact import Redactor

CORPUS = Path(os.environ.get("REPLAY_CORPUS") or Path(__file__).parents[2] / "shared" / "corpus")
# Real personal data: the author's address in a licence text. Everything else that is hit is hit wrongly.
REAL = (b"matz@netlab.jp",)


@pytest.fixture(scope="module")
def loaded():
    index = CORPUS / "index.jsonl"
    if not index.exists():
        pytest.skip(f"no corpus of real recordings at {CORPUS}: set REPLAY_CORPUS")
    lines = [json.loads(line) for line in index.read_text().splitlines()]
    names = sorted({line["file"] for line in lines if line["container"] == "vcrpy"})
    start, found = time.process_time(), []
    for name in names:
        found += file.read(name, (CORPUS / name).read_bytes()).interactions
    return found, time.process_time() - start


@pytest.fixture(scope="module")
def redacted(loaded):
    redactor, start = Redactor("salt"), time.process_time()
    done = [(redactor.request(one.request), redactor.response(one.response)) for one in loaded[0]]
    return done, time.process_time() - start


def test_at_most_one_recording_in_a_hundred_is_hit_wrongly(loaded, redacted):
    wrong = 0
    for one, (request, response) in zip(loaded[0], redacted[0], strict=True):
        before, after = one.request.body + one.response.body, request.body + response.body
        for real in REAL:
            before = before.replace(real, Redactor("salt").text(real.decode()).encode())
        wrong += before != after
    assert len(loaded[0]) > 500
    assert wrong / len(loaded[0]) <= 0.01


def test_a_body_without_a_hit_is_the_same_object(loaded, redacted):
    same = sum(
        one.response.body is response.body for one, (_, response) in zip(loaded[0], redacted[0], strict=True)
    )
    assert same >= 0.98 * len(loaded[0])


def test_redacting_a_redacted_recording_changes_nothing(redacted):
    redactor = Redactor("salt")
    for request, response in redacted[0]:
        assert redactor.request(request) == request
        assert redactor.response(response) == response


def test_different_requests_stay_different_and_equal_ones_equal(loaded, redacted):
    before = [key(one.request) for one in loaded[0]]
    after = [key(request) for request, _ in redacted[0]]
    assert len(set(zip(before, after, strict=True))) == len(set(before)) == len(set(after))
