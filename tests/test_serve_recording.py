"""`replay serve --record-to`, and the command line around it, with real processes and real signals."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from chat_wire import HELLO, completion, streamed
from scripted import Scripted, Wait, reply, stream
from serving import CHAT, ask, cassette, post, recorded

from replay.cassette import file
from replay.errors import BadInput
from replay.serve import Served

KEY = "kQ7vHn2ZpX9sLr4TwB6yMd1c"  # of no known form: nothing but having been a header tells that it is one


def answers(*texts):
    return [reply(completion({"content": text})) for text in texts]


def said(response):
    return response.json()["choices"][0]["message"]["content"]


def test_keys_pass_through_and_never_reach_the_disk_even_if_they_are_repeated(tmp_path):
    refused = reply({"error": {"message": f"Incorrect API key provided: {KEY}."}}, 401)
    journal = tmp_path / "asked.jsonl"
    with Scripted([refused]) as provider:
        options = {"record_to": tmp_path / "app.yaml", "upstream": [provider.url], "journal": journal}
        with Served(**options) as server:
            answer = post(server, ask(), f"{CHAT}?key={KEY}", authorization=f"Bearer {KEY}")
            assert KEY in answer.json()["error"]["message"]
        assert provider.requests[0].headers["authorization"] == f"Bearer {KEY}"
        assert provider.requests[0].path == f"{CHAT}?key={KEY}"
    for written in tmp_path.rglob("*"):
        assert KEY not in written.read_text()
    with Served(tmp_path / "app.yaml") as server:
        assert post(server, ask(), authorization="Bearer another").status_code == 401


def test_once_records_what_is_not_there_and_later_is_strict(tmp_path):
    with Scripted(answers("one", "two")) as provider:
        options = {"record_to": tmp_path / "app.yaml", "upstream": [provider.url]}
        with Served(**options) as server:
            assert [said(post(server, ask(text))) for text in ("A?", "B?")] == ["one", "two"]
        with Served(**options) as server:
            assert said(post(server, ask("A?"))) == "one"
            missed = post(server, ask("C?"))
        assert len(provider.requests) == 2
    assert missed.status_code == 400
    assert "--record-mode new_episodes" in missed.json()["error"]["message"]


def test_new_episodes_adds_what_is_missing_and_all_records_anew(tmp_path):
    path = cassette(tmp_path / "app.yaml", recorded(ask("A?"), completion({"content": "old"})))
    with Scripted(answers("new", "newer")) as provider:
        options = {"record_to": path, "upstream": [provider.url]}
        with Served(record_mode="new_episodes", **options) as server:
            assert [said(post(server, ask(text))) for text in ("A?", "B?")] == ["old", "new"]
            assert [call["answer"] for call in server.journal["asked"]] == ["recording", "live"]
        with Served(record_mode="all", **options) as server:
            assert said(post(server, ask("A?"))) == "newer"
    bodies = [json.loads(one.response.body)["choices"][0]["message"]["content"] for one in file.load(path)]
    assert bodies == ["new", "newer"]


def test_in_a_folder_requests_choose_their_cassette(tmp_path):
    folder = tmp_path / "recorded"
    script = Scripted(answers("one", "two"))
    with script as provider, Served(record_to=folder, upstream=[provider.url]) as server:
        post(server, ask("A?"), x_replay_cassette="shop/refund")
        post(server, ask("B?"))
        escaping = post(server, ask("C?"), x_replay_cassette="../out")
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml")) == [
        "app.yaml",
        "shop/refund.yaml",
    ]
    assert escaping.status_code == 400
    with Served(folder) as server:
        assert said(post(server, ask("A?"), x_replay_cassette="shop/refund")) == "one"


def test_what_is_recorded_elsewhere_is_played_and_the_rest_is_asked(tmp_path):
    known = cassette(tmp_path / "known.yaml", recorded(ask("A?"), completion({"content": "known"})))
    with Scripted(answers("live")) as provider:
        options = {"record_to": tmp_path / "app.yaml", "upstream": [provider.url]}
        with Served(known, **options) as server:
            assert [said(post(server, ask(text))) for text in ("A?", "B?")] == ["known", "live"]
    assert len(file.load(tmp_path / "app.yaml")) == 1


def test_a_stream_is_passed_on_as_it_comes_and_recorded_with_its_times(tmp_path):
    path, go = tmp_path / "app.yaml", threading.Event()
    first, *rest = streamed(*HELLO)

    def gated(_):
        head, chunk, *others = stream([first, *rest])
        yield head
        yield chunk
        assert go.wait(10)  # the provider goes on when the client has seen the first chunk
        yield from others

    gate = Scripted([gated])
    with (
        gate as provider,
        Served(record_to=path, upstream=[provider.url]) as server,
        httpx2.Client() as client,
    ):
        asked = client.build_request("POST", f"{server.url}{CHAT}", json=ask())
        pieces = client.send(asked, stream=True).iter_raw()
        assert next(pieces).decode() == first
        go.set()
        assert b"".join(pieces).decode() == "".join(rest)
    (one,) = file.load(path)
    assert len(one.response.chunks) >= 2
    assert sum(size for _, size in one.response.chunks) == len(one.response.body)


def test_what_a_client_stops_reading_is_recorded_whole(tmp_path):
    path, ended = tmp_path / "app.yaml", threading.Event()
    pieces = streamed(*HELLO)
    script = Scripted([stream([pieces[0], Wait(0.3), *pieces[1:]])])
    options = {"record_to": path, "told": lambda _: ended.set()}
    with script as provider, Served(upstream=[provider.url], **options) as server:
        with httpx2.stream("POST", f"{server.url}{CHAT}", json=ask()) as response:
            next(response.iter_raw())
        assert ended.wait(5)
        assert server.journal["asked"][0]["ended"] == "left"
        assert post(server, ask("Then?")).status_code == 200  # by now the first has come to its end
    first = file.load(path)[0].response
    assert (first.body.decode(), first.failure) == ("".join(pieces), None)


def test_each_wire_goes_to_its_own_upstream_and_other_paths_to_the_general_one(tmp_path):
    with Scripted(answers("general")) as general, Scripted([reply({"type": "message"})]) as claude:
        upstream = [general.url, f"anthropic={claude.url}"]
        with Served(record_to=tmp_path / "app.yaml", upstream=upstream) as server:
            post(server, ask())
            post(server, ask(), "/v1/messages")
            post(server, {"input": "Hi", "model": "e"}, "/v1/embeddings")
        assert [asked.path for asked in general.requests] == [CHAT, "/v1/embeddings"]
        assert [asked.path for asked in claude.requests] == ["/v1/messages"]


def test_a_path_nobody_speaks_has_no_provider_to_ask(tmp_path):
    with Served(record_to=tmp_path / "app.yaml") as server:
        refused = post(server, {}, "/v7/whatever")
    assert refused.status_code == 400
    assert "--upstream https://HOST" in refused.json()["error"]["message"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("upstream", "why"),
    [
        ("https://api.groq.com/openai", "give the host alone, https://api.groq.com"),
        ("api.groq.com", "must be an address"),
        ("https://api groq.com", "no host has such a name"),
        ("anthropc=https://a.test", 'did you mean "anthropic"'),
    ],
)
def test_an_upstream_that_is_none_is_bad_input(tmp_path, upstream, why):
    with pytest.raises(BadInput, match=why):
        Served(record_to=tmp_path / "app.yaml", upstream=[upstream])


def test_a_provider_that_cannot_be_reached_is_no_answer_and_is_recorded_so(tmp_path):
    path = tmp_path / "app.yaml"
    with Scripted(answers("never")) as provider:
        gone = provider.url
    with Served(record_to=path, upstream=[gone]) as server:
        with pytest.raises(httpx2.TransportError):
            post(server, ask())
        assert server.journal["asked"][0]["message"].startswith(f"{gone} cannot be reached: ")
    (one,) = file.load(path)
    assert (one.response.status, one.response.failure.exception) == (None, "ConnectError")


def test_what_is_packed_is_sent_and_recorded_unpacked_and_without_secrets(tmp_path):
    mail = "somebody@example-customer.com"
    with Scripted(answers("one")) as provider:
        with Served(record_to=tmp_path / "app.yaml", upstream=[provider.url]) as server:
            packed = {"content": gzip.compress(json.dumps(ask(mail)).encode())}
            httpx2.post(f"{server.url}{CHAT}", **packed, headers={"content-encoding": "gzip"})
        (sent,) = provider.requests
    assert (sent.json, "content-encoding" in sent.headers) == (ask(mail), False)
    (one,) = file.load(tmp_path / "app.yaml")
    assert one.request.body.startswith(b"{")
    assert mail.encode() not in one.request.body


def test_the_models_are_the_providers_while_it_is_asked(tmp_path):
    listed = reply({"object": "list", "data": [{"id": "gpt-x"}]})
    path = tmp_path / "app.yaml"
    with Scripted([listed]) as provider, Served(record_to=path, upstream=[provider.url]) as server:
        assert httpx2.get(f"{server.url}/v1/models").json()["data"] == [{"id": "gpt-x"}]
    with Served(path) as server:
        assert httpx2.get(f"{server.url}/v1/models").json()["data"] == [{"id": "gpt-x"}]


@pytest.mark.parametrize("path", ["/_replay/reset", "/_replay/journals"])
def test_what_is_asked_of_this_server_itself_is_never_sent_on(path, tmp_path):
    with Scripted(answers("never")) as provider:
        with Served(record_to=tmp_path / "app.yaml", upstream=[provider.url]) as server:
            refused = httpx2.get(f"{server.url}{path}")
        assert provider.requests == []
    assert (refused.status_code, "POST /_replay/reset" in refused.text) == (404, True)


def test_the_ready_line_says_when_all_is_recorded_already(tmp_path):
    with Scripted(answers("one")) as provider:
        options = {"record_to": tmp_path / "app.yaml", "upstream": [provider.url]}
        with Served(**options) as server:
            assert server.about.endswith(f"records to {tmp_path}/app.yaml")
            post(server, ask())
    with Served(**options) as server:
        assert server.about.endswith("app.yaml (1 interactions; --record-mode new_episodes adds to them)")


@contextmanager
def running(*arguments, cwd, env=None):
    """`replay serve` as a process of its own; yields it and the address that its ready line gives."""
    command = [sys.executable, "-m", "replay.cli", "serve", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=cwd, env=os.environ | (env or {}), **pipes) as process:
        try:
            yield process, process.stdout.readline().partition(" is ready: ")[0]
        finally:
            if process.poll() is None:
                process.kill()


def test_sigterm_folds_what_was_recorded_and_ends_well(tmp_path):
    with Scripted(answers("one")) as provider:
        options = ("--record-to", "app.yaml", "--upstream", provider.url, "--port-file", "port")
        with running(*options, cwd=tmp_path) as (process, url):
            assert url == f"http://127.0.0.1:{(tmp_path / 'port').read_text().strip()}"
            assert httpx2.post(f"{url}{CHAT}", json=ask(), timeout=20).status_code == 200
            assert list(tmp_path.glob(".app.yaml.*.journal"))
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            assert f"POST {CHAT}: 200 live app.yaml" in process.stderr.read()
    assert len(file.load(tmp_path / "app.yaml")) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["app.yaml"]


def test_a_server_that_was_killed_loses_nothing_that_was_answered(tmp_path):
    with Scripted(answers("one")) as provider:
        options = ("--record-to", "app.yaml", "--upstream", provider.url)
        with running(*options, cwd=tmp_path) as (process, url):
            httpx2.post(f"{url}{CHAT}", json=ask(), timeout=20)
            process.send_signal(signal.SIGKILL)
            process.wait(10)
    with Served(record_to=tmp_path / "app.yaml") as server:
        assert said(post(server, ask())) == "one"


def test_a_silent_answer_does_not_keep_the_server_from_ending(tmp_path):
    path = cassette(tmp_path / "one.yaml", recorded(ask(), [], failure="ReadTimeout"))
    with running(path, cwd=tmp_path) as (process, url):
        with pytest.raises(httpx2.TimeoutException):
            httpx2.post(f"{url}{CHAT}", json=ask(), timeout=0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


@pytest.mark.parametrize(("asked", "code"), [(["Open?"], 0), ([], 1), (["Open?", "Why?"], 1)])
def test_strict_fails_for_a_miss_and_for_what_nothing_asked_for(tmp_path, asked, code):
    path = cassette(tmp_path / "one.yaml", recorded(ask(), completion()))
    with running(path, "--strict", cwd=tmp_path) as (process, url):
        for text in asked:
            httpx2.post(f"{url}{CHAT}", json=ask(text), timeout=20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == code


def test_a_host_beyond_this_machine_is_warned_of(tmp_path):
    path = cassette(tmp_path / "one.yaml", recorded(ask(), completion()))
    with running(path, "--host", "0.0.0.0", cwd=tmp_path) as (process, url):
        port = url.rpartition(":")[2]
        answer = httpx2.get(f"http://127.0.0.1:{port}/_replay/journal", headers={"host": "build-7"})
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        assert "warning: --host 0.0.0.0 listens beyond this machine" in process.stderr.read()
    assert answer.status_code == 200


def test_recording_in_ci_and_a_missing_extra_are_bad_input(sandbox):
    sandbox.write({"starlette.py": "raise ModuleNotFoundError('no starlette', name='starlette')\n"})
    missing = sandbox.replay("serve")
    assert missing.ret == 4
    assert "pip install 'conversation-replay[serve]'" in missing.stderr.str()
    Path(sandbox.root, "starlette.py").unlink()
    sandbox.pytester._monkeypatch.setenv("CI", "true")
    refused = sandbox.replay("serve", "--record-to", "app.yaml")
    assert refused.ret == 4
    assert "CI is set" in refused.stderr.str()
