"""Flow files of mitmproxy, read without mitmproxy."""

import gzip
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from importing import green, imported, logged

from replay import importers
from replay.importers import _lines, mitmproxy

ASKED = json.dumps({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Grüezi?"}]}).encode()
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Hoi ü"}, "finish_reason": "stop"}
ANSWER = json.dumps(
    {"id": "c", "object": "chat.completion", "model": "gpt-4o-mini", "choices": [CHOICE]}
).encode()


def written(value):
    """A value as mitmproxy writes it."""
    if isinstance(value, dict):
        data, kind = b"".join(written(part) for pair in value.items() for part in pair), b"}"
    elif isinstance(value, list):
        data, kind = b"".join(map(written, value)), b"]"
    elif isinstance(value, bool):
        data, kind = str(value).lower().encode(), b"!"
    else:
        kinds = {bytes: b",", str: b";", int: b"#", float: b"^", type(None): b"~"}
        data = value if isinstance(value, bytes) else b"" if value is None else str(value).encode()
        kind = kinds[type(value)]
    return b"%d:%s%s" % (len(data), data, kind)


def flow(content=ANSWER, status=200, headers=(), error=None, response=True, **asked):
    return {
        "error": error and {"msg": error, "timestamp": 1772619073.0},
        "id": "f-1",
        "type": "http",
        "version": 21,
        "request": {
            "host": "api.openai.com",
            "port": 443,
            "method": b"POST",
            "scheme": b"https",
            "authority": b"",
            "path": b"/v1/chat/completions",
            "http_version": b"HTTP/1.1",
            "headers": [[b"Host", b"api.openai.com"], [b"Authorization", b"Bearer k"]],
            "content": ASKED,
            "timestamp_start": 1772619072.5,
            **asked,
        },
        "response": {
            "http_version": b"HTTP/1.1",
            "status_code": status,
            "reason": b"",
            "headers": [[b"Content-Type", b"application/json"], *headers],
            "content": content,
        }
        if response
        else None,
        "client_conn": {"tls": True},
        "server_conn": None,
        "marked": False,
    }


def dump(*flows):
    return b"".join(map(written, flows))


PACKED = flow(gzip.compress(ANSWER), headers=[[b"content-encoding", b"gzip"]])


@pytest.mark.parametrize("one", [flow(), PACKED, flow(host="192.0.2.7", authority=b"api.openai.com")])
def test_flows_play_as_they_went(one, sandbox):
    outcome = imported(sandbox, {"flows": dump(one)})
    assert (outcome.imported, outcome.refused) == (1, 0)
    ((conversation, turn),) = green(sandbox)
    assert conversation.messages[0].content == "Grüezi?"
    assert conversation.source["recorded_at"] == "2026-03-04T10:11:12Z"
    assert (turn.reply.message.text, turn.reply.finish_reason) == ("Hoi ü", "stop")


def test_a_flow_without_a_whole_answer_keeps_what_happened(tmp_path):
    flows = [
        flow(response=False, error="connection timed out"),
        flow(response=False, error="Connection refused"),
        flow(ANSWER[:40], error="peer closed connection"),
        flow(response=False),
        flow(None),
        flow() | {"type": "tcp"},
    ]
    late, away, cut, waits, streamed, tcp = logged(mitmproxy, tmp_path, dump(*flows))
    assert (late.error, late.status) == ("ReadTimeout", None)
    assert away.error == "ConnectError"
    assert (cut.error, cut.status, cut.response) == ("RemoteProtocolError", 200, ANSWER[:40])
    assert waits.refused == "it was not answered"
    assert streamed.refused == "the body of its answer was streamed through and not kept"
    assert tcp.refused == "a flow of tcp, not of HTTP"


def test_the_address_is_the_one_that_was_asked(tmp_path):
    asked = [flow(), flow(scheme=b"http", host="localhost", port=8080), flow(port=8443)]
    urls = [one.url for one in logged(mitmproxy, tmp_path, dump(*asked))]
    assert urls == [
        "https://api.openai.com/v1/chat/completions",
        "http://localhost:8080/v1/chat/completions",
        "https://api.openai.com:8443/v1/chat/completions",
    ]


def test_a_damaged_flow_is_named(tmp_path):
    found = logged(mitmproxy, tmp_path / "odd", dump(flow()) + b"5:7:x,,}" + dump(flow()))
    assert [one.place for one in found] == ["flow 0", "flow 1", "flow 2"]
    assert [bool(one.refused) for one in found] == [False, True, False]
    for end, why in ((b"99:7:version;", "cut: the file ends"), (b"zzzz", "no length")):
        first, last = logged(mitmproxy, tmp_path / "end", dump(flow()) + end)
        assert not first.refused
        assert last.place == "flow 1"
        assert why in last.refused


def test_a_flow_that_is_too_long_is_skipped_without_being_held(tmp_path, monkeypatch):
    monkeypatch.setattr(_lines, "LONGEST", 2**20)
    content = dump(flow(b"x" * 2**24), flow())
    tracemalloc.start()
    long, good = logged(mitmproxy, tmp_path, content)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()
    assert (long.refused, good.refused) == ("it cannot be read: longer than 1 MiB", "")


@given(st.binary(max_size=80), st.integers(0, 900))
def test_no_bytes_stop_the_reading(junk, at):
    import tempfile
    from pathlib import Path

    whole = dump(flow())
    with tempfile.TemporaryDirectory() as folder:
        logged(mitmproxy, Path(folder), whole[:at] + junk + whole[at:])


def test_flows_are_told_by_their_first_bytes():
    assert importers.sniffed(dump(flow())) == ["mitmproxy"]
    assert importers.sniffed(b"12:30:45 started\n") == []
