"""Every log is known by its beginning to one importer, and to no other."""

import gzip
import json
from collections import Counter

import pytest
from recorded_corpus import ABSENT, CORPUS, PRESENT, rows

from replay import importers

FOLDERS = {
    "har": "har",
    "litellm/standard_logging_payload.jsonl": "litellm",
    "batch-results/openai-ruby_llm-3.jsonl": "openai_batch",
    "batch-results/anthropic-ruby_llm-1.jsonl": "anthropic_batch",
}


class General:
    """An importer of anything."""

    def sniff(self, head):
        return 0.1

    def read(self, path):
        return iter(())


def test_a_format_that_is_surer_comes_first(monkeypatch):
    monkeypatch.setattr(importers.registry, "_registered", {"aaa": General()})
    assert importers.sniffed(b'{"model": "m", "messages": []}\n') == ["jsonl"]
    assert importers.sniffed(b"interactions:\n") == ["vcr"]
    assert importers.sniffed(b"whatever") == ["aaa"]


def head(path):
    data = path.read_bytes()
    return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)[: 2**16]


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
def test_every_real_cassette_is_one_of_vcrs():
    # a response that was saved alone, in pieces one a line or as one line, is a line like any other
    alone = {row["file"] for row in rows() if row["container"].startswith("raw")}
    found = Counter()
    for name in {row["file"] for row in rows()} - alone:
        path = CORPUS / name
        expected = "har" if path.suffix == ".har" else "vcr"
        found[tuple(importers.sniffed(head(path))) == (expected,)] += 1
    for name in alone:
        assert len(importers.sniffed(head(CORPUS / name))) == 1, name
    assert not found[False]
    assert found[True] > 1000


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
@pytest.mark.parametrize("place", FOLDERS)
def test_every_real_log_is_known_to_its_importer(place):
    path = CORPUS / "logs" / place
    for file in sorted(path.glob("*.har")) if path.is_dir() else [path]:
        assert importers.sniffed(head(file)) == [FOLDERS[place]]


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
def test_no_real_log_is_claimed_twice():
    for path in sorted((CORPUS / "logs").rglob("*.json*")):
        assert len(importers.sniffed(head(path))) <= 1, path


@pytest.mark.parametrize("name", importers.registry.names())
def test_no_beginning_stops_an_importer(name):
    sniff = importers.registry.get(name).sniff
    odd = [
        b"",
        b"\0",
        b"{",
        b"[",
        b'{"a',
        b"[[[[",
        b"\xff\xfe{",
        b"{}",
        b"[]",
        b"7",
        b'"x"',
        b"null\n{",
        b"[1, 2]\n{}",
    ]
    words = (
        b"custom_id",
        b"messages",
        b"log",
        b"call_type",
        b"request_created_at",
        b"item",
        b"object",
        b"chatcmpl",
    )
    for junk in (
        *odd,
        *(b'{"%s": %s' % (word, value) for word in words for value in (b"7", b"[7]}", b"{}}", b"null}")),
    ):
        assert not sniff(junk) or float(sniff(junk)) > 0
    deep = json.dumps({"log": {"entries": [{"request": 1}]}}).encode() + b"[" * 60_000
    sniff(deep)
    sniff(b"[" * 2**16)
    sniff(b'{"log":' * 9000)
