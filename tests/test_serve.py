"""`replay serve`: recordings behind HTTP. Matching, chunks, faults, fixtures, the journal."""

import gzip
import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx2
import openai
import pytest
from chat_wire import HELLO, completion, streamed
from serving import CHAT, ask, cassette, chunks_on_the_wire, post, recorded

from replay import faults
from replay.config import Project
from replay.errors import BadInput
from replay.serve import Served


@pytest.fixture
def shop(tmp_path):
    """Two conversations, recorded; `hours` is asked twice."""
    folder = tmp_path / "fixtures" / "cassettes"
    hours = [recorded(ask(), completion({"content": text})) for text in ("At 9.", "At ten.")]
    cassette(folder / "shop" / "hours" / "small.yaml", *hours)
    cassette(folder / "shop" / "refund" / "small.yaml", recorded(ask("Refund?"), completion()))
    return tmp_path


def served(root, *paths, **options):
    return Served(paths or (root / "fixtures" / "cassettes",), project=Project.find(root), **options)


def said(response):
    return response.json()["choices"][0]["message"]["content"]


def told(response):
    return response.json()["error"]["message"]


def test_equal_requests_are_answered_in_order_and_once_more_is_refused(shop):
    with served(shop) as server:
        assert [said(post(server, ask())) for _ in range(2)] == ["At 9.", "At ten."]
        missed = post(server, ask())
    assert missed.status_code == 400
    assert "was asked too often (asked 3, recorded 2)" in told(missed)


def test_a_miss_names_the_nearest_interaction_its_path_and_what_to_type(shop):
    with served(shop) as server:
        missed = post(server, ask(temperature=1))
    first, nearest, mend = told(missed).splitlines()
    assert first.endswith(f"fixtures/cassettes: no recorded interaction matches POST {CHAT}")
    assert nearest == "closest is #1 of shop/hours/small: temperature added (1)"
    assert mend == (
        "record it: replay serve --record-to fixtures/cassettes/app.yaml --record-mode new_episodes"
    )
    assert (missed.headers["x-should-retry"], missed.headers["x-replay-answer"]) == ("false", "miss")


def test_a_header_or_a_query_chooses_a_cassette_or_a_folder_of_them(shop):
    with served(shop) as server:
        assert said(post(server, ask(), x_replay_cassette="shop/hours")) == "At 9."
        assert said(post(server, ask(), x_replay_cassette="shop/hours/small")) == "At 9."
        assert said(post(server, ask("Refund?"), f"{CHAT}?x-replay-cassette=shop%2Frefund")) == "On its way."
        assert "#1 of shop/refund/small" in told(post(server, ask(), x_replay_cassette="shop/refund"))
        unknown = post(server, ask(), x_replay_cassette="shop/hour")
    assert 'no cassette is called "shop/hour"; did you mean "shop/hours/small"?' in told(unknown)


def test_one_conversation_is_served_by_its_name(shop):
    with served(shop, "shop/refund") as server:
        assert said(post(server, ask("Refund?"))) == "On its way."
        assert post(server, ask()).status_code == 400


def test_what_names_nothing_is_refused_before_the_server_listens(shop):
    (shop / "fixtures/conversations").mkdir()
    (shop / "fixtures/conversations/hello.yaml").write_text("messages: [{role: user, content: Hi}]\n")
    with pytest.raises(BadInput, match='did you mean "hello"'), served(shop, "helo"):
        pass


def test_all_damaged_files_are_named_at_once(shop):
    for name in ("a", "b"):
        (shop / f"fixtures/cassettes/{name}.yaml").write_text("interactions: 1\n")
    with pytest.raises(BadInput) as refused, served(shop):
        pass
    assert {fault.path.rpartition("/")[2] for fault in refused.value.faults} == {"a.yaml", "b.yaml"}


def test_a_word_that_is_no_control_is_refused(shop):
    with served(shop) as server:
        assert 'did you mean "cassette"?' in told(post(server, ask(), x_replay_casette="shop"))
        assert "use recorded, or none" in told(post(server, ask(), x_replay_pace="slow"))


def test_a_stream_comes_in_its_recorded_chunks(tmp_path):
    pieces = ["".join(streamed(*HELLO))[at : at + 37] for at in range(0, len("".join(streamed(*HELLO))), 37)]
    one = cassette(tmp_path / "one.yaml", recorded(ask(), pieces, kind="text/event-stream"))
    with Served(one) as server:
        assert chunks_on_the_wire(server, ask()) == pieces


def test_recorded_times_are_waited_for_on_request(tmp_path):
    one = recorded(ask(), streamed(*HELLO), kind="text/event-stream", chunks=[0, 100, 200, 300, 400])
    path = cassette(tmp_path / "one.yaml", one, one)
    with Served(path) as server:
        assert post(server, ask(), x_replay_pace="recorded").elapsed.total_seconds() >= 0.35
    with Served(path, pace=True) as server:
        assert post(server, ask()).elapsed.total_seconds() >= 0.35


@pytest.mark.parametrize(
    ("failure", "pieces", "error", "ended"),
    [
        ("ReadError", [], openai.APIConnectionError, "reset"),
        ("RemoteProtocolError", [], openai.APIConnectionError, "cut"),
        ("ReadTimeout", [], openai.APITimeoutError, "silent"),
        ("ReadError", streamed(*HELLO)[:2], openai.APIConnectionError, "reset"),
        ("RemoteProtocolError", streamed(*HELLO)[:2], openai.APIConnectionError, "cut"),
        ("ReadTimeout", streamed(*HELLO)[:2], openai.APITimeoutError, "silent"),
    ],
)
def test_a_recorded_failure_is_the_same_error_to_a_client(tmp_path, failure, pieces, error, ended):
    body = ask(stream=True)
    path = cassette(tmp_path / "one.yaml", recorded(body, pieces, failure=failure, kind="text/event-stream"))
    heard = threading.Event()
    with Served(path, told=lambda _: heard.set()) as server:
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="k", max_retries=0, timeout=0.5)
        seen = []
        with pytest.raises(error):
            seen += (chunk.choices[0].delta.content for chunk in client.chat.completions.create(**body))
        assert heard.wait(5)
        (call,) = server.journal["asked"]
    assert (call["ended"], call["message"]) == (ended, f"{failure}: as it was")


def test_what_had_come_before_a_reset_reaches_the_client(tmp_path):
    pieces = streamed(*HELLO)[:3]
    path = cassette(
        tmp_path / "one.yaml", recorded(ask(), pieces, failure="ReadError", kind="text/event-stream")
    )
    with Served(path) as server, httpx2.stream("POST", f"{server.url}{CHAT}", json=ask()) as response:
        came, problem = until_it_breaks(response.iter_raw())
    assert isinstance(problem, httpx2.NetworkError)
    assert b"".join(came).decode() == "".join(pieces)


def until_it_breaks(pieces):
    came = []
    try:
        came.extend(pieces)
    except httpx2.TransportError as problem:
        return came, problem
    return came, None


@dataclass(frozen=True)
class Busy:
    """The first so many requests are refused."""

    first: int = 1

    def __call__(self, transport):
        return _Busy(self.first, transport)


class _Busy:
    def __init__(self, left, transport):
        self.left, self.transport = left, transport

    def handle_request(self, request):
        self.left -= 1
        if self.left < 0:
            return self.transport.handle_request(request)
        return httpx2.Response(429, headers={"retry-after-ms": "1"}, json={"error": {"message": "busy"}})


@dataclass(frozen=True)
class Unplugged:
    """The network is gone."""

    message: str = "no route to host"

    def __call__(self, transport):
        return _Gone(self.message)


class _Gone:
    def __init__(self, message):
        self.message = message

    def handle_request(self, request):
        raise httpx2.ConnectError(self.message, request=request)


@pytest.fixture
def own_faults(monkeypatch):
    own = {"busy": Busy, "unplugged": Unplugged}
    monkeypatch.setattr(faults.registry, "_registered", faults.registry._registered | own)


def test_a_fault_by_header_stands_around_the_recording_and_counts_over_requests(shop, own_faults):
    with served(shop) as server:
        headers = {"x-replay-fault": "busy; first=2"}
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="k", default_headers=headers)
        reply = client.chat.completions.create(**ask())
        calls = server.journal["asked"]
    assert reply.choices[0].message.content == "At 9."
    assert [(call["status"], call["fault"]) for call in calls] == [
        (429, "busy; first=2"),
        (429, "busy; first=2"),
        (200, "busy; first=2"),
    ]


def test_a_fault_by_query_is_the_same(shop, own_faults):
    with served(shop) as server:
        answers = [post(server, ask(), f"{CHAT}?x-replay-fault=busy%3D1").status_code for _ in range(2)]
        server.reset()
        answers += [post(server, ask(), f"{CHAT}?x-replay-fault=busy%3D1").status_code]
    assert answers == [429, 200, 429]


def test_several_faults_stand_around_each_other_and_their_errors_are_the_clients(shop, own_faults):
    with served(shop) as server:
        both = {"x_replay_fault": 'busy, unplugged; message="gone, all of it; really"'}
        assert post(server, ask(), **both).status_code == 429
        with pytest.raises(httpx2.TransportError):
            post(server, ask(), **both)
        assert server.journal["asked"][-1]["message"] == "ConnectError: gone, all of it; really"
        assert said(post(server, ask())) == "At 9."  # nothing was played by the two before


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("unpluged", 'no fault is called "unpluged"; did you mean "unplugged"?'),
        ("busy; first", "write arguments as name=value"),
        ("busy; firs=1", "firs"),
    ],
)
def test_a_fault_that_cannot_be_made_is_refused(shop, own_faults, text, why):
    with served(shop) as server:
        refused = post(server, ask(), x_replay_fault=text)
    assert (refused.status_code, refused.headers["x-replay-answer"]) == (400, "refused")
    assert why in told(refused)


def test_faults_of_the_room_are_played_and_what_they_wait_is_waited(tmp_path):
    body, pieces = ask(stream=True), streamed(*HELLO)
    path = cassette(tmp_path / "one.yaml", *[recorded(body, pieces, kind="text/event-stream")] * 4)

    def tried(server, fault, **options):
        headers = {"x-replay-fault": fault}
        client = openai.OpenAI(
            base_url=f"{server.url}/v1", api_key="k", timeout=0.5, default_headers=headers, **options
        )
        said = []
        try:
            said += (part.choices[0].delta.content for part in client.chat.completions.create(**body))
        except openai.APIError as problem:
            return said, type(problem)
        return said, None

    with Served(path) as server:
        words = ["", "On ", "its way.", None]
        assert tried(server, "rate_limit=ms; seconds=0.01; first=1") == (words, None)
        assert tried(server, "stall=2", max_retries=0) == (words[:2], openai.APITimeoutError)
        assert tried(server, "cut=2; end=closed", max_retries=0) == (words[:2], openai.APIConnectionError)
        assert tried(server, "slow_first_token=0.3")[1] is None
        statuses = [call["status"] for call in server.journal["asked"]]
        assert statuses == [429, 200, 200, 200, 200]
        assert "must be one of seconds, date" in told(post(server, body, x_replay_fault="rate_limit=soon"))


def test_requests_at_the_same_time_get_each_their_own(tmp_path):
    asked = [ask(f"Question {number}?") for number in range(40)]
    recordings = [recorded(body, completion({"content": f"Answer {n}"})) for n, body in enumerate(asked)]
    with Served(cassette(tmp_path / "many.yaml", *recordings)) as server, ThreadPoolExecutor(20) as crowd:
        answers = list(crowd.map(lambda body: said(post(server, body)), asked))
        assert not server.journal["unplayed"]
    assert answers == [f"Answer {number}" for number in range(40)]


def test_the_journal_says_what_was_asked_what_answered_and_what_nothing_asked_for(shop, tmp_path):
    written = tmp_path / "log" / "asked.jsonl"
    with served(shop, journal=written) as server:
        post(server, ask("Refund?"))
        post(server, ask("Why?"))
        found = httpx2.get(f"{server.url}/_replay/journal").json()
        assert found == server.journal
    first, second = found["asked"]
    assert (first["number"], first["wire"], first["answer"]) == (1, "openai", "recording")
    assert (first["cassette"], first["interaction"], first["status"]) == ("shop/refund/small", 1, 200)
    assert (second["answer"], second["status"]) == ("miss", 400)
    assert "messages[0].content" in second["message"]
    assert found["counts"] == {"asked": 2, "recording": 1, "miss": 1}
    assert found["unplayed"] == [{"cassette": "shop/hours/small", "interaction": n} for n in (1, 2)]
    assert [json.loads(line) for line in written.read_text().splitlines()] == found["asked"]


def test_reset_plays_from_the_beginning_with_the_files_as_they_are(shop):
    with served(shop) as server:
        post(server, ask("Refund?"))
        cassette(
            shop / "fixtures/cassettes/shop/refund/small.yaml",
            recorded(ask("Refund?"), completion({"content": "Paid."})),
        )
        assert httpx2.post(f"{server.url}/_replay/reset").json() == {"reset": True}
        assert said(post(server, ask("Refund?"))) == "Paid."
        assert server.journal["counts"] == {"asked": 1, "recording": 1}
        (shop / "fixtures/cassettes/bad.yaml").write_text("interactions: 1\n")
        refused = httpx2.post(f"{server.url}/_replay/reset")
        assert (refused.status_code, "bad.yaml" in told(refused)) == (400, True)


def test_the_models_are_those_of_the_targets_in_the_form_of_the_wire(shop):
    tables = ("[targets.a]\nprovider = 'openai'\nmodel = 'gpt-x'\n",)
    tables += ("[targets.b]\nprovider = 'anthropic'\nmodel = 'claude-x'\n",)
    (shop / "replay.toml").write_text("".join(tables))
    with served(shop) as server:
        plain = httpx2.get(f"{server.url}/v1/models").json()
        claude = httpx2.get(f"{server.url}/v1/models", headers={"anthropic-version": "2023-06-01"}).json()
        gemini = httpx2.get(f"{server.url}/v1beta/models").json()
        head = httpx2.head(f"{server.url}/v1/models")
    assert [model["id"] for model in plain["data"]] == ["claude-x", "gpt-x"]
    assert [model["type"] for model in claude["data"]] == ["model", "model"]
    assert gemini["models"][0]["name"] == "models/claude-x"
    assert (head.status_code, head.content) == (200, b"")


def test_a_name_that_is_not_this_machines_is_refused(shop):
    with served(shop) as server:
        refused = httpx2.get(f"{server.url}/_replay/journal", headers={"host": "evil.test"})
        allowed = httpx2.get(f"{server.url}/_replay/journal", headers={"host": "localhost:1"})
    assert (refused.status_code, allowed.status_code) == (403, 200)


def test_a_port_that_is_taken_is_bad_input(shop):
    with served(shop) as server:
        second = served(shop, port=server.port)
        with pytest.raises(BadInput, match="--port 0 takes a free one"):
            second.__enter__()


def test_bodies_that_differ_only_in_what_is_ignored_are_the_same(shop):
    with served(shop, ignore=["user"]) as server:
        assert said(post(server, ask(user="somebody"))) == "At 9."


def test_a_key_in_the_query_does_not_count(tmp_path):
    path = "/v1beta/models/g:generateContent"
    body = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
    said = {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP"}]
    }
    one = cassette(tmp_path / "one.yaml", recorded(body, said, f"{path}?key=REDACTED-key-3f9a1c2e"))
    with Served(one) as server:
        assert post(server, body, f"{path}?key=whatever").json() == said


PAGE = {"origin": "http://localhost:3000", "access-control-request-method": "POST"}


def test_a_page_of_this_machine_may_ask_and_one_of_elsewhere_may_not(shop):
    asks = PAGE | {"access-control-request-headers": "authorization, x-replay-cassette, x-stainless-os"}
    with served(shop) as server:
        before = httpx2.options(f"{server.url}{CHAT}", headers=asks)
        answer = post(server, ask(), origin=PAGE["origin"])
        refused = post(server, ask("Why?"), origin=PAGE["origin"])
        elsewhere = httpx2.options(f"{server.url}{CHAT}", headers=asks | {"origin": "https://evil.test"})
        stranger = post(server, ask("Refund?"), origin="https://evil.test")
        assert server.journal["counts"] == {"asked": 3, "recording": 2, "miss": 1}
    assert (before.status_code, "x-stainless-os" in before.headers["access-control-allow-headers"]) == (
        200,
        True,
    )
    for seen in (before, answer, refused):
        assert seen.headers["access-control-allow-origin"] == PAGE["origin"]
    assert (elsewhere.status_code, "access-control-allow-origin" in stranger.headers) == (400, False)


def test_a_path_too_long_for_an_address_is_the_clients_fault(shop):
    with served(shop) as server:
        line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        line.request("POST", f"{CHAT}?a={'b' * 70_000}", json.dumps(ask()))
        assert line.getresponse().status == 400
        line.close()


def test_a_packed_request_is_matched_by_what_is_in_it(shop):
    body = json.dumps(ask()).encode()

    def packed(data, how):
        headers = {"content-encoding": how, "content-type": "application/json"}
        return httpx2.post(f"{server.url}{CHAT}", content=data, headers=headers)

    with served(shop) as server:
        assert said(packed(gzip.compress(body), "gzip")) == "At 9."
        cut, unknown = packed(gzip.compress(body)[:-9], "gzip"), packed(b"\x28\xb5\x2f\xfd\x00", "zstd")
    assert "cannot be unpacked as gzip" in told(cut)
    assert "packed as zstd; send it plain" in told(unknown)
