"""Ratios of single parts, each against a peer or a smaller size in the same run.

python tests/benchmarks/bench_parts.py
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import recorded_corpus
import workload
import yaml

from replay import documents
from replay.cassette import file
from replay.cassette.interaction import RecordedResponse
from replay.cassette.redact import Redactor
from replay.providers import _wire, openai


def best(act, times=5):
    """Return the least cpu seconds of several tries."""
    found = []
    for _ in range(times):
        before = time.process_time()
        act()
        found.append(time.process_time() - before)
    return min(found)


def fixture():
    """Reading a fixture with places and limits, against PyYAML's C loader."""
    (entry,) = workload.entries(1)
    text = documents.dump({"messages": entry["request"]["messages"]}, open_lists=("messages",))
    return best(lambda: documents.parse(text), 50) / best(lambda: yaml.load(text, yaml.CSafeLoader), 50)


def stream():
    """Reading a stream of 100,000 chunks, against one of 10,000."""

    def read(count):
        chunk = {"choices": [{"index": 0, "delta": {"content": "On "}}]}
        body = f"data: {json.dumps(chunk)}\n\n".encode() * count
        return best(lambda: _wire.answer(openai, 200, {}, body), 3)

    return read(100_000) / read(10_000)


def redacted_stream():
    """Redacting a stream of 3,000 e-mail addresses, against one of 300."""

    def redact(count):
        event = b'data: {"choices":[{"index":0,"delta":{"content":"a.b@corp.example.com and words"}}]}\n\n'
        response = RecordedResponse(200, body=event * count)
        return best(lambda: Redactor("salt").response(response), 3)

    return redact(3000) / redact(300)


def redaction():
    """Redacting real recordings, against loading them; None without the corpus."""
    if not recorded_corpus.PRESENT:
        return None
    lines = (json.loads(line) for line in (recorded_corpus.CORPUS / "index.jsonl").open())
    names = sorted({line["file"] for line in lines if line["container"] == "vcrpy"})
    raw = {name: (recorded_corpus.CORPUS / name).read_bytes() for name in names}
    found = [one for name in names for one in file.read(name, raw[name]).interactions]
    redactor = Redactor("salt")
    loading = best(lambda: [file.read(name, raw[name]) for name in names], 2)
    return (
        best(lambda: [(redactor.request(o.request), redactor.response(o.response)) for o in found], 2)
        / loading
    )


def main():
    asked = {fixture: "<= 1.0", stream: "<= 11", redacted_stream: "<= 11", redaction: "<= 2.0"}
    for part, limit in asked.items():
        ratio = part()
        shown = "no corpus" if ratio is None else f"{ratio:.2f}"
        print(f"{part.__doc__.splitlines()[0]:75} {shown:>9}  {limit}")


if __name__ == "__main__":
    main()
