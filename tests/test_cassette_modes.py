"""What each record mode plays, sends, keeps and refuses."""

import json
from dataclasses import replace

import httpx2
import pytest
from scripted import Scripted, reply

from replay.cassette import file, mend
from replay.cassette.cassette import Cassette
from replay.cassette.fold import now
from replay.cassette.interaction import Interaction, RecordedRequest, RecordedResponse
from replay.errors import BadInput, CassetteMiss

URL = "http://127.0.0.1:9/v1/chat"


def saved(path, *answers):
    """A cassette of `(question, answer)` pairs."""
    headers = {"content-type": ["application/json"]}
    file.save(
        path,
        [
            Interaction(
                RecordedRequest(
                    "POST", URL, {"content-type": "application/json"}, json.dumps({"q": q}).encode()
                ),
                RecordedResponse(200, "OK", headers, json.dumps(answer).encode()),
            )
            for q, answer in answers
        ],
    )
    return path


def ask(cassette, question, url=URL):
    with cassette.http_client() as client:
        return client.post(url, json={"q": question}).json()


def contents(path):
    return [(json.loads(one.request.body)["q"], json.loads(one.response.body)) for one in file.load(path)]


@pytest.fixture
def server():
    def answer(asked):
        return reply({"live": asked.json["q"], "n": len(running.requests)})

    with Scripted([answer]) as running:
        yield running


def test_none_plays_equal_requests_in_recorded_order_and_then_no_more(tmp_path):
    path = saved(tmp_path / "c.yaml", (1, "first"), (2, "other"), (1, "second"))
    before = path.read_bytes()
    with Cassette(path, label="turn 1 of a/b", record_hint="pytest --record-mode=new_episodes") as cassette:
        assert [ask(cassette, 1), ask(cassette, 1)] == ["first", "second"]
        with pytest.raises(CassetteMiss) as caught:
            ask(cassette, 1)
    assert str(caught.value).splitlines() == [
        f"{path}: turn 1 of a/b was asked too often (asked 3, recorded 2)",
        "record it: pytest --record-mode=new_episodes",
    ]
    assert cassette.misses == [caught.value]
    assert (cassette.played, cassette.unplayed) == ((0, 2), (1,))
    assert path.read_bytes() == before


def test_none_names_the_nearest_and_sends_nothing(tmp_path, server):
    path = saved(tmp_path / "c.yaml", (1, "first"))
    with Cassette(path) as cassette, pytest.raises(CassetteMiss) as caught:
        ask(cassette, 3, server.url + "/v1/chat")
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{path}: no recorded interaction matches POST {server.url}/v1/chat"
    assert lines[1].startswith("closest is #1: q differs (3 was 1)")
    assert server.requests == []


def test_none_without_a_file_misses_and_makes_none(tmp_path):
    path = tmp_path / "new" / "c.yaml"
    with Cassette(path) as cassette, pytest.raises(CassetteMiss, match="does not exist and cannot answer"):
        ask(cassette, 1)
    assert not path.parent.exists()


def test_once_records_a_new_file_and_plays_an_old_one(tmp_path, server):
    path = tmp_path / "a" / "b" / "c.yaml"
    with Cassette(path, "once") as cassette:
        assert [ask(cassette, 1, server.url), ask(cassette, 1, server.url)] == [
            {"live": 1, "n": 1},
            {"live": 1, "n": 2},
        ]
    with Cassette(path, "once") as cassette:
        assert ask(cassette, 1, server.url) == {"live": 1, "n": 1}
        with pytest.raises(CassetteMiss):
            ask(cassette, 2, server.url)
    assert len(server.requests) == 2


def test_once_asks_again_where_nobody_could_be_reached_and_only_there(tmp_path, server):
    path, logged = tmp_path / "c.yaml", tmp_path / "logged.yaml"
    with Cassette(path, "once") as cassette, pytest.raises(httpx2.ConnectError):
        ask(cassette, 1)  # nothing listens there
    (one,) = file.load(path)
    with Cassette(path) as cassette, pytest.raises(httpx2.ConnectError):
        ask(cassette, 1)
    told = replace(one.response, source={"format": "litellm"})
    file.save(logged, [replace(one, response=told)])
    with Cassette(logged, "once") as cassette, pytest.raises(httpx2.ConnectError):
        ask(cassette, 1, f"{server.url}/v1/chat")
    with Cassette(path, "once") as cassette:
        assert ask(cassette, 1, f"{server.url}/v1/chat") == {"live": 1, "n": 1}
    assert contents(path) == [(1, {"live": 1, "n": 1})]


def test_new_episodes_plays_what_is_there_and_adds_the_rest(tmp_path, server):
    path = saved(tmp_path / "c.yaml", (1, "first"))
    with Cassette(path, "new_episodes") as cassette:
        assert ask(cassette, 1, server.url + "/v1/chat") == "first"
        assert ask(cassette, 1, server.url + "/v1/chat") == {"live": 1, "n": 1}
        assert ask(cassette, 2, server.url + "/v1/chat") == {"live": 2, "n": 2}
    assert contents(path) == [(1, "first"), (1, {"live": 1, "n": 1}), (2, {"live": 2, "n": 2})]


def test_an_error_that_is_forgiven_is_asked_anew_and_a_recorded_answer_is_not(tmp_path):
    path = tmp_path / "cassette.yaml"
    with Scripted([reply({"error": "busy"}, 500), reply({"text": "ok"})]) as server:
        asked = server.url + "/v1"
        for _ in range(2):
            with Cassette(path, "new_episodes", forgive=now()) as cassette:
                answer = cassette.http_client().post(asked, json={"q": 1})
        with Cassette(path, "new_episodes", forgive=now()) as cassette:
            again = cassette.http_client().post(asked, json={"q": 1})
    assert (answer.status_code, again.status_code) == (200, 200)
    assert len(server.requests) == 2
    with Cassette(path, forgive="2020-01-01T00:00:00Z") as cassette:  # it stays as evidence
        assert cassette.http_client().post(asked, json={"q": 1}).status_code == 500


def test_new_episodes_that_finds_all_it_needs_writes_nothing(tmp_path):
    path = saved(tmp_path / "c.yaml", (1, "first"))
    before = path.stat()
    with Cassette(path, "new_episodes") as cassette:
        ask(cassette, 1)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert list(tmp_path.iterdir()) == [path]


def test_all_records_anew_what_is_asked_and_keeps_the_rest(tmp_path, server):
    path = saved(tmp_path / "c.yaml", (1, "first"), (2, "other"), (1, "second"))
    with Cassette(path, "all") as cassette:
        assert ask(cassette, 1, server.url + "/v1/chat") == {"live": 1, "n": 1}
    assert contents(path) == [(2, "other"), (1, {"live": 1, "n": 1})]


def test_verify_sends_compares_and_writes_nothing(tmp_path, server):
    path = saved(tmp_path / "c.yaml", (1, {"live": 1, "n": 1}), (2, {"live": "2"}))
    before = path.read_bytes()
    with Cassette(path, "verify") as cassette:
        for question in (1, 2, 3):
            ask(cassette, question, server.url + "/v1/chat")
    assert len(server.requests) == 3
    second, third = cassette.drift
    assert {one.path for one in second.differences} == {"body.live", "body.n"}
    assert {(one.path, one.kind) for one in second.shape} == {("body.live", "changed"), ("body.n", "added")}
    assert third.recorded is None
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_verify_compares_streams_event_by_event_and_spares_mere_words():
    from replay.cassette.drift import compare

    def streamed(text):
        body = f'data: {{"text": "{text}"}}\n\ndata: [DONE]\n\n'.encode()
        return RecordedResponse(200, body=body)

    found = compare(RecordedRequest("POST", URL), streamed("b"), streamed("a"))
    assert [one.path for one in found.differences] == ["body[0].text"]
    assert found.shape == ()


def test_an_unknown_mode_is_named(tmp_path):
    with pytest.raises(BadInput, match='did you mean "new_episodes"'):
        Cassette(tmp_path / "c.yaml", "new_episode")


def test_a_damaged_cassette_is_refused_in_every_mode_and_left_as_it_is(tmp_path):
    path = saved(tmp_path / "c.yaml", (1, "first"))
    damaged = path.read_bytes()[:-20]
    for raw in (damaged, b"", b"null", b"\xff"):
        path.write_bytes(raw)
        for mode in ("none", "once", "new_episodes", "all", "verify"):
            with pytest.raises(BadInput, match=r"c\.yaml"):
                Cassette(path, mode)
        assert path.read_bytes() == raw
    assert list(tmp_path.iterdir()) == [path]


def test_a_redactor_is_applied_before_lookup_and_before_anything_is_written(tmp_path, server):
    class Redactor:
        def request(self, request):
            return replace(request, body=request.body.replace(b"secret", b"hidden"))

        def response(self, response):
            return replace(response, body=response.body.replace(b"secret", b"hidden"))

    path = tmp_path / "c.yaml"
    seen = []
    with Cassette(path, "once", redactor=Redactor()) as cassette:
        assert ask(cassette, "secret", server.url)["live"] == "secret"
        seen += [one.read_bytes() for one in tmp_path.iterdir()]
    seen.append(path.read_bytes())
    assert len(seen) == 3
    assert not any(b"secret" in raw for raw in seen)
    with Cassette(path, redactor=Redactor()) as cassette:
        assert ask(cassette, "secret", server.url)["live"] == "hidden"


def test_a_foreign_cassette_that_was_never_redacted_still_matches_under_a_redactor(tmp_path):
    class Redactor:
        def request(self, request):
            return replace(request, body=request.body.replace(b"secret", b"hidden"))

        def response(self, response):
            return response

    path = saved(tmp_path / "c.yaml", ("secret", "first"), ("secret", "second"))
    with Cassette(path, redactor=Redactor()) as cassette:
        assert ask(cassette, "secret") == "first"
        answer = cassette.http_client().post(URL, content=b'{"q" : "secret"}')
        assert answer.json() == "second"


def test_ignored_paths_do_not_count_in_play(tmp_path):
    path = saved(tmp_path / "c.yaml", (1, "first"))
    with Cassette(path, ignore=["q"]) as cassette:
        assert ask(cassette, "anything") == "first"


def test_check_names_damage_leftovers_and_secrets_but_not_the_secret(tmp_path):
    class Finder:
        def find(self, raw):
            return [("key", raw.index(b"sk-1"))] if b"sk-1" in raw else []

    good = saved(tmp_path / "good.yaml", (1, "first"))
    secret = saved(tmp_path / "secret.yaml", (1, "sk-1"))
    cut = tmp_path / "sub" / "cut.yaml"
    cut.parent.mkdir()
    cut.write_bytes(good.read_bytes()[:-30])
    journal = tmp_path / ".good.yaml.1-abc.journal"
    journal.touch()
    unfinished = f"an unfinished recording is in {journal}"
    found = {str(fault) for fault in mend.check([tmp_path, tmp_path / "missing.yaml"], Finder())}
    assert {one.partition(" (interaction")[0] for one in found} == {
        f"{good}: warning: {unfinished}: replay cassette recover {good}",
        f"{secret}:11: error: a secret (key) is in the file",
        f"{cut}: error: cut at byte {cut.stat().st_size}",
        f"{tmp_path / 'missing.yaml'}: error: cannot be read (No such file or directory)",
    }
    assert mend.check([good.with_name("secret.yaml")]) == []


def test_recover_saves_what_is_whole_of_a_damaged_cassette_beside_it(tmp_path):
    path = saved(tmp_path / "c.yaml", (1, "first"), (2, "second"), (3, "third"))
    damaged = path.read_bytes()[:-60]
    path.write_bytes(damaged)
    done = mend.recover(path)
    assert (done.salvaged, done.written) == (2, tmp_path / "c.recovered.yaml")
    assert contents(done.written) == [(1, "first"), (2, "second")]
    assert path.read_bytes() == damaged
    assert mend.recover(path).written == tmp_path / "c.recovered-2.yaml"
    assert str(mend.recover(done.written)) == "nothing to recover"


def test_recover_skips_a_bad_interaction_between_good_ones(tmp_path):
    path = saved(tmp_path / "c.yaml", (1, "first"), (2, "second"), (3, "third"))
    path.write_text(
        path.read_text().replace("code: 200", "code: abc", 2).replace("code: abc", "code: 200", 1)
    )
    assert contents(mend.recover(path).written) == [(1, "first"), (3, "third")]


def test_clients_take_the_options_of_their_library(tmp_path):
    cassette = Cassette(saved(tmp_path / "c.yaml", (1, "first")))
    with cassette.http_client(base_url="http://127.0.0.1:9/v1", headers={"x": "y"}) as client:
        assert isinstance(client, httpx2.Client)
        assert client.post("/chat", json={"q": 1}).json() == "first"
