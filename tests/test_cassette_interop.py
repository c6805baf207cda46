"""Our cassettes play under plain vcrpy and pytest-recording, and theirs play under ours."""

import json
import os
import subprocess
import sys
import textwrap

import httpx
import httpx2
import pytest
import requests
import vcr
from scripted import Close, Scripted, raw, reply, reset, stream

from replay.cassette import file
from replay.cassette.cassette import Cassette

EVENTS = [f'data: {{"n": {n}, "é": "😀"}}\n\n' for n in range(3)] + ["data: [DONE]\n\n"]
SCRIPT = [
    reply({"answer": "é 😀\r\n"}),
    stream(EVENTS),
    reply({"error": {"message": "slow down"}}, 429, {"retry-after": "1"}),
    reply(bytes(range(256)), content_type="application/octet-stream"),
]
POSTS = [{"q": n} for n in range(len(SCRIPT))]


def post_all(post, url):
    """Status and body of every answer; `post(url, json=...)` is of any library."""
    return [
        (answer.status_code, answer.content)
        for answer in (post(f"{url}/v1/chat", json=body) for body in POSTS)
    ]


@pytest.fixture
def server():
    with Scripted(SCRIPT) as running:
        yield running


def player(path):
    return vcr.use_cassette(str(path), record_mode="none", match_on=("method", "uri", "body"))


@pytest.mark.parametrize("library", [httpx2, httpx], ids=lambda library: library.__name__)
def test_ours_plays_under_vcrpy(library, tmp_path, server):
    path = tmp_path / "ours.yaml"
    with Cassette(path, "once") as cassette:
        live = post_all(cassette.http_client(library=library.__name__).post, server.url)
    for other in (httpx2.post, httpx.post, requests.post):
        with player(path) as theirs:
            assert post_all(other, server.url) == live
            assert theirs.all_played
    assert len(server.requests) == len(POSTS)


def test_a_recorded_failure_loads_under_vcrpy_and_plays_what_had_arrived(tmp_path):
    path = tmp_path / "ours.yaml"
    script = [reset(), raw(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}", Close())]
    with Scripted(script) as server, Cassette(path, "once") as cassette:
        client = cassette.http_client()
        for question in ("first", "second"):
            with pytest.raises(httpx2.TransportError):
                client.post(server.url, json={"q": question})
    assert [one.response.failure.exception for one in file.load(path)] == ["ReadError", "RemoteProtocolError"]
    with player(path):
        assert httpx2.post(server.url, json={"q": "first"}).status_code == 599
        assert httpx2.post(server.url, json={"q": "second"}).content == b"{}"


@pytest.mark.parametrize("post", [httpx2.post, httpx.post, requests.post], ids=lambda post: post.__module__)
@pytest.mark.parametrize("serializer", ["yaml", "json"])
def test_vcrpys_plays_under_ours(post, serializer, tmp_path, server):
    path = tmp_path / f"theirs.{serializer}"
    server.script = SCRIPT[:3] if serializer == "json" else SCRIPT  # vcrpy's JSON form holds no bytes
    with vcr.use_cassette(str(path), serializer=serializer):
        live = post_all(post, server.url)[: len(server.script)]
    before = path.read_bytes()
    for library in ("httpx2", "httpx"):
        with Cassette(path) as cassette:
            played = [
                cassette.http_client(library=library).post("http://other.invalid/v1/chat", json=body)
                for body in POSTS[: len(live)]
            ]
        assert [(answer.status_code, answer.content) for answer in played] == live
    assert path.read_bytes() == before


def test_a_cassette_of_vcrpys_grows_under_ours_and_still_plays_under_vcrpy(tmp_path, server):
    path = tmp_path / "both.yaml"
    with vcr.use_cassette(str(path)):
        first = httpx2.post(server.url, json=POSTS[0]).content
    with Cassette(path, "new_episodes") as cassette:
        client = cassette.http_client()
        assert client.post(server.url, json=POSTS[0]).content == first
        second = client.post(server.url, json=POSTS[1]).content
    with player(path):
        assert httpx2.post(server.url, json=POSTS[0]).content == first
        assert requests.post(server.url, json=POSTS[1]).content == second
    assert len(server.requests) == 2


PROJECT = """
    import os
    import httpx2, pytest

    @pytest.mark.vcr(match_on=["method", "uri", "body"])
    def test_chat():
        seen = []
        for n in range(2):
            answer = httpx2.post(os.environ["URL"] + "/v1/chat", json={"q": n})
            seen.append([answer.status_code, answer.text])
        with open(os.environ["SEEN"], "w") as out:
            out.write(repr(seen))
"""


def pytest_recording(folder, mode, url):
    (folder / "test_chat.py").write_text(textwrap.dedent(PROJECT))
    seen = folder / "seen.txt"
    environment = {**os.environ, "URL": url, "SEEN": str(seen)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--record-mode={mode}",
        "--block-network",
    ]
    if mode == "once":
        command.remove("--block-network")
    command += [str(folder)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return seen.read_text()


def test_pytest_recording_plays_ours_and_we_play_its(tmp_path, server):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    theirs.mkdir()
    live = pytest_recording(theirs, "once", server.url)
    (made,) = theirs.rglob("*.yaml")
    with Cassette(made) as cassette:
        client = cassette.http_client()
        played = [client.post("http://x.invalid/v1/chat", json={"q": n}) for n in range(2)]
    assert repr([[answer.status_code, answer.text] for answer in played]) == live
    server.requests.clear()
    with Cassette(ours / made.relative_to(theirs), "once") as cassette:
        client = cassette.http_client()
        for n in range(2):
            client.post(f"{server.url}/v1/chat", json={"q": n})
    assert pytest_recording(ours, "none", server.url) == live
    assert len(server.requests) == 2


def test_nothing_of_ours_stands_where_vcrpy_would_trip_over_it(tmp_path, server):
    from vcr.serialize import deserialize
    from vcr.serializers import yamlserializer

    path = tmp_path / "ours.yaml"
    with Cassette(path, "once") as cassette:
        cassette.http_client().post(server.url, json={"q": 1})
    stored, responses = deserialize(path.read_text(), yamlserializer)
    assert json.loads(stored[0].body) == {"q": 1}
    assert responses[0].keys() == {"body", "headers", "status", "replay"}
    assert responses[0]["replay"].keys() == {"chunk_bytes", "chunk_ms", "source"}
