"""HTTP archives: every form a body is saved in, calls that got no answer, and real recordings."""

import base64
import gzip
import json

import pytest
from importing import green, imported, logged, turns
from recorded_corpus import ABSENT, CORPUS, PRESENT

from replay import importers, providers
from replay.importers import har

URL = "https://api.openai.com/v1/chat/completions"
ASKED = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Grüezi?"}]}
USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
ANSWER = {
    "id": "c-1",
    "object": "chat.completion",
    "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hoi ü"}, "finish_reason": "stop"}],
    "usage": USAGE,
}
EVENTS = (
    'data: {"id":"c","choices":[{"index":0,"delta":{"content":"Hoi ü"},"finish_reason":null}]}\n\n'
    'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


def named(**headers):
    return [{"name": name.replace("_", "-"), "value": value} for name, value in headers.items()]


def entry(content, status=200, headers=(), request=ASKED, url=URL, **more):
    posted = {"mimeType": "application/json", "text": json.dumps(request), "params": []}
    return {
        "startedDateTime": "2026-03-04T11:11:12.000+01:00",
        "time": 12,
        "request": {
            "method": "POST",
            "url": url,
            "headers": named(authorization="Bearer k"),
            "postData": posted,
        },
        "response": {"status": status, "headers": [*named(content_type="x"), *headers], "content": content},
        "cache": {},
        "timings": {"send": 0, "wait": 12, "receive": 0},
        **more,
    }


def archive(*entries, indent=1):
    creator = {"name": "Polly.JS", "version": "6.0.6"}
    return json.dumps(
        {"log": {"version": "1.2", "creator": creator, "entries": entries, "pages": []}}, indent=indent
    )


def packed():
    return gzip.compress(json.dumps(ANSWER).encode())


def base64ed(data):
    return base64.b64encode(data).decode()


halves = packed()[:30], packed()[30:]
BODIES = {
    "text": ({"text": json.dumps(ANSWER)}, ()),
    "text that was packed on the wire": ({"text": json.dumps(ANSWER)}, named(content_encoding="gzip")),
    "base64": ({"text": base64ed(json.dumps(ANSWER).encode()), "encoding": "base64"}, ()),
    "base64 of gzip": ({"text": base64ed(packed()), "encoding": "base64"}, named(content_encoding="gzip")),
    "base64 in chunks": (
        {"text": json.dumps([base64ed(half) for half in halves]), "encoding": "base64"},
        named(content_encoding="gzip"),
    ),
    "hexadecimal in chunks": (
        {"text": json.dumps([half.hex() for half in halves]), "_isBinary": True},
        named(content_encoding="gzip"),
    ),
    "events": ({"text": EVENTS, "_transferSize": 7}, named(content_type="text/event-stream")),
}


@pytest.mark.parametrize("form", BODIES)
def test_a_call_plays_whatever_form_its_body_has(form, sandbox):
    content, headers = BODIES[form]
    outcome = imported(sandbox, {"site.har": archive(entry(content, headers=headers))})
    assert (outcome.imported, outcome.refused) == (1, 0)
    ((conversation, turn),) = green(sandbox)
    assert conversation.messages[0].content == "Grüezi?"
    assert conversation.source["recorded_at"] == "2026-03-04T10:11:12Z"
    assert (turn.reply.message.text, turn.reply.finish_reason) == ("Hoi ü", "stop")
    assert turn.reply.usage is None if form == "events" else turn.reply.usage.to_json() == USAGE


def test_calls_without_a_whole_answer_keep_what_happened(tmp_path):
    entries = [
        entry({}, status=0, _error="net::ERR_TIMED_OUT"),
        entry({}, status=0),
        entry({"text": EVENTS[:90]}, _error="net::ERR_INCOMPLETE_CHUNKED_ENCODING"),
        entry({"text": '{"error": {"message": "slow"}}'}, status=429),
        entry({"size": 5, "mimeType": "text/event-stream"}),
    ]
    late, away, cut, slow, unsaved = logged(har, tmp_path, archive(*entries))
    assert (late.error, late.status, late.response) == ("ReadTimeout", None, None)
    assert away.error == "ConnectError"
    assert (cut.error, cut.status, cut.response) == ("RemoteProtocolError", 200, EVENTS[:90].encode())
    assert (slow.status, slow.error, slow.refused) == (429, None, "")
    assert unsaved.refused == "the body of its answer was not saved"


def test_other_calls_of_a_page_are_named(sandbox):
    page = entry({"text": "<html>"}, url="https://example.com/", request={})
    page["request"] = {"method": "GET", "url": "https://example.com/app.js", "headers": []}
    outcome = imported(sandbox, {"site.har": archive(page, entry({"text": json.dumps(ANSWER)}))})
    assert outcome.imported == 1
    assert outcome.outcomes[0].refused == "GET /app.js is no call to a model"


@pytest.mark.parametrize(
    "odd", [7, {}, {"request": 7, "response": {"status": []}}, entry({"text": "%%", "encoding": "base64"})]
)
def test_an_odd_entry_is_named_and_the_next_is_read(odd, tmp_path):
    first, second = logged(har, tmp_path, archive(odd, entry({"text": "{}"})))
    assert first.place == "item 0"
    assert first.refused or first.error == "ConnectError"
    assert (second.place, second.refused) == ("item 1", "")


def test_archives_are_told_from_other_documents():
    for indent in (None, 1, 2):
        assert importers.sniffed(archive(entry({"text": "{}"}), indent=indent).encode()) == ["har"]
        long = archive(entry({"text": "x" * 100_000}), indent=indent).encode()
        assert importers.sniffed(long[: 2**16]) == ["har"]
    assert importers.sniffed(archive().encode()) == ["har"]


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
def test_real_archives_play_where_a_provider_reads_them(sandbox):
    paths = sorted((CORPUS / "logs" / "har").glob("*.har"))
    files = {path.name: path.read_bytes() for path in paths}
    assert all(importers.sniffed(content[: 2**16]) == ["har"] for content in files.values())
    outcome = imported(sandbox, files)
    urls = [
        entry["request"]["url"]
        for content in files.values()
        for entry in json.loads(content)["log"]["entries"]
    ]
    known = [providers.registry.get(name) for name in providers.registry.names()]
    readable = [url for url in urls if any(provider.place("POST", url) for provider in known)]
    assert len(outcome.outcomes) == len(urls)
    assert outcome.imported == len(readable) >= 5
    assert len(turns(sandbox, outcome)) == outcome.imported
