"""Redaction of real recordings: few false hits, nothing collapses, the same requests are answered."""

import pytest
import recorded_corpus

from replay.cassette import file
from replay.cassette.cassette import Cassette
from replay.cassette.interaction import Interaction
from replay.cassette.match import key
from replay.cassette.redact import Redactor

pytestmark = pytest.mark.skipif(not recorded_corpus.PRESENT, reason=recorded_corpus.ABSENT)
REAL = b"matz@netlab.jp"  # the author's address in a licence; everything else that is found is found wrongly


@pytest.fixture(scope="module")
def loaded():
    names = sorted({line["file"] for line in recorded_corpus.rows() if line["container"] == "vcrpy"})
    raw = ((name, (recorded_corpus.CORPUS / name).read_bytes()) for name in names)
    return [one for name, data in raw for one in file.read(name, data).interactions]


@pytest.fixture(scope="module")
def redacted(loaded):
    redactor = Redactor("salt")
    return [Interaction(redactor.request(one.request), redactor.response(one.response)) for one in loaded]


def test_at_most_one_recording_in_a_hundred_is_hit_wrongly():
    redactor, endpoints = Redactor("salt"), {line.get("endpoint") for line in recorded_corpus.rows()}
    total = wrong = 0
    for one in recorded_corpus.recordings(*endpoints):
        found = [body[place:] for body in (one.request, one.body) for _, place in redactor.find(body)]
        wrong += any(not text.startswith(REAL) for text in found)
        total += 1
    assert total > 1000
    assert wrong / total <= 0.01


def test_a_body_without_a_hit_is_the_same_object(loaded, redacted):
    same = sum(one.response.body is clean.response.body for one, clean in zip(loaded, redacted, strict=True))
    assert same >= 0.98 * len(loaded)


def test_redacting_a_redacted_recording_changes_nothing(redacted):
    redactor = Redactor("salt")
    for one in redacted:
        assert redactor.request(one.request) == one.request
        assert redactor.response(one.response) == one.response


def test_different_requests_stay_different_and_equal_ones_equal(loaded, redacted):
    before, after = ([key(one.request) for one in pairs] for pairs in (loaded, redacted))
    assert len(set(zip(before, after, strict=True))) == len(set(before)) == len(set(after))


def test_what_was_asked_before_redaction_is_answered_after_it(loaded, redacted, tmp_path):
    file.save(tmp_path / "all.yaml", redacted)
    with Cassette(tmp_path / "all.yaml", redactor=Redactor("salt")) as cassette:
        for one, clean in zip(loaded, redacted, strict=True):
            assert cassette.play(one.request).body == clean.response.body
