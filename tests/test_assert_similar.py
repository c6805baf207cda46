"""`similar`: embeddings asked, recorded and played at the seam of the case."""

import base64
import json
import struct
import textwrap

import httpx2
import openai as sdk
import pytest
from chat_wire import completion
from scripted import Scripted, reply
from transcripts import says, transcript

from replay.assertions import bind, build, judge
from replay.assertions.similar import cosine
from replay.config import Project
from replay.errors import BadInput
from replay.providers import azure, openai, openai_compatible
from replay.turn import ApiError, Target, Turn

# Where each text points; the angle between two of them is what the tests are about.
MEANS = {"On its way.": [1.0, 0.0], "It was sent.": [0.8, 0.6], "No.": [0.0, 1.0]}


def vectors(texts, *, floats=False):
    data = [MEANS[text] for text in texts]
    return {
        "object": "list",
        "model": "small-embeddings",
        "data": [
            {
                "object": "embedding",
                "index": n,
                "embedding": v if floats else base64.b64encode(packed(v)).decode(),
            }
            for n, v in enumerate(data)
        ],
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    }


def packed(vector):
    return struct.pack(f"<{len(vector)}f", *vector)


def answered(asked):
    """A server of chat completions and of embeddings."""
    if asked.path.endswith("/embeddings"):
        return reply(vectors(asked.json["input"]))
    return reply(completion())


SUITE = """
    targets: [small]
    conversations: [hours]
    assert:
      - similar: {to: [%s], target: meaning, threshold: %s}
"""


def files(url, to="It was sent.", threshold=0.8):
    return {
        "fixtures/conversations/hours.yaml": "messages: [{role: user, content: Where is it?}]\n",
        "suites/shop.yaml": SUITE % (to, threshold),
        "replay.toml": f"""
            [targets.small]
            provider = "openai_compatible"
            model = "gpt-4o-mini"
            base_url = "{url}/v1"
            [targets.meaning]
            provider = "openai"
            model = "small-embeddings"
            base_url_env = "MEANING_URL"
            api_key_env = "MEANING_KEY"
        """,
    }


@pytest.fixture
def recorded(sandbox, monkeypatch):
    """A project whose one case was recorded, embeddings and all; the server is gone."""
    with Scripted([answered]) as server:
        monkeypatch.setenv("MEANING_URL", f"{server.url}/other/v1")
        monkeypatch.setenv("MEANING_KEY", "sk-meaning-1234567890")
        sandbox.write(files(server.url))
        sandbox.pytest("--record-mode=once").assert_outcomes(passed=1)
        assert [asked.path for asked in server.requests] == ["/v1/chat/completions", "/other/v1/embeddings"]
        assert server.requests[1].headers["authorization"] == "Bearer sk-meaning-1234567890"
    monkeypatch.delenv("MEANING_URL")
    monkeypatch.delenv("MEANING_KEY")
    return sandbox


def test_embeddings_are_recorded_with_the_case_and_played_from_its_cassette(recorded):
    cassette = recorded.root / "fixtures/cassettes/hours/small.yaml"
    assert cassette.read_text().count("- request:") == 2
    assert "sk-meaning" not in cassette.read_text()
    recorded.pytest("--replay-strict").assert_outcomes(passed=1)


def test_a_text_that_was_not_recorded_is_a_miss_like_any_other(recorded):
    recorded.write(files("http://127.0.0.1:9", to="No."))
    recorded.pytest().assert_outcomes(failed=1)
    _, (line,) = recorded.run()
    found = {(verdict["assertion"], verdict["status"], verdict.get("kind")) for verdict in line["verdicts"]}
    assert {("seam", "failed", "no_recording"), ("similar", "error", "not_asked")} <= found
    (miss,) = [verdict["message"] for verdict in line["verdicts"] if verdict["assertion"] == "seam"]
    assert "what an assertion asks meaning about hours" in miss
    assert "input[1]" in miss
    assert "record it: pytest" in miss


def test_a_threshold_that_is_not_reached_fails_with_what_came(recorded):
    recorded.write(files("http://127.0.0.1:9", threshold=0.9))
    recorded.pytest().assert_outcomes(failed=1)
    _, (line,) = recorded.run()
    (verdict,) = [verdict for verdict in line["verdicts"] if verdict["status"] != "passed"]
    assert (verdict["assertion"], verdict["kind"], verdict["actual"]) == ("similar", "different", 0.8)
    assert 'expected a similarity of at least 0.9 to "It was sent.", came 0.8' in verdict["message"]


def test_a_target_without_its_key_is_refused_before_the_first_call(sandbox):
    with Scripted([answered]) as server:
        sandbox.write(files(server.url))
        result = sandbox.pytest("--record-mode=once")
    assert result.ret == 4
    assert "MEANING_KEY" in result.stderr.str()
    assert server.requests == []


def test_an_error_of_the_embeddings_is_an_error_of_the_assertion(sandbox, monkeypatch):
    def failing(asked):
        if asked.path.endswith("/embeddings"):
            return reply({"error": {"message": "no such model", "code": "model_not_found"}}, 404)
        return answered(asked)

    with Scripted([failing]) as server:
        monkeypatch.setenv("MEANING_URL", f"{server.url}/v1")
        monkeypatch.setenv("MEANING_KEY", "sk-1")
        sandbox.write(files(server.url))
        sandbox.pytest("--record-mode=once").assert_outcomes(failed=1)
    _, (line,) = sandbox.run()
    (verdict,) = [verdict for verdict in line["verdicts"] if verdict["assertion"] == "similar"]
    assert (verdict["status"], verdict["kind"]) == ("error", "not_asked")
    assert verdict["message"] == "target meaning gave no embeddings: no such model"


@pytest.mark.parametrize(
    ("suite", "message"),
    [
        ("similar: {to: a}", "similar needs target"),
        ("similar: {to: a, target: meening}", 'did you mean "meaning"'),
        (
            "similar: {to: a, target: writer}",
            'provider openai_completions of target "writer" has no embeddings',
        ),
        ("similar: {to: [], target: meaning}", "to is an empty list"),
        ("similar: {to: a, target: meaning, threshold: 2}", "threshold must be a number from 0 to 1"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_at_their_place(sandbox, suite, message):
    told = files("http://127.0.0.1:9")
    told["replay.toml"] = textwrap.dedent(told["replay.toml"])
    told["replay.toml"] += '[targets.writer]\nprovider = "openai_completions"\nmodel = "m"\n'
    told["suites/shop.yaml"] = f"targets: [small]\nconversations: [hours]\nassert:\n  - {suite}\n"
    sandbox.write(told)
    result = sandbox.pytest()
    assert result.ret == 4
    assert "suites/shop.yaml:4" in result.stderr.str()
    assert message in result.stderr.str()


def judged(argument, *replies, ask=None, project=None):
    assertion = build("similar", argument)
    assertion = bind(assertion, project) if project else assertion
    return judge([assertion], transcript(*replies), ask)


def answering(said=MEANS):
    """What answers an assertion that asks, and the texts that it was asked for."""
    asked = []

    def ask(name, send):
        class Server(httpx2.BaseTransport):
            def handle_request(self, request):
                asked.append(json.loads(request.content)["input"])
                return httpx2.Response(200, json=vectors(asked[-1], floats=True))

        return send(Target(name, "openai", "m"), Server())

    return ask, asked


def test_any_of_the_texts_will_do_and_each_turn_asks_once():
    ask, asked = answering()
    argument = {"to": ["No.", "It was sent."], "target": "meaning", "turn": "all"}
    found = judged(argument, says("On its way."), says("It was sent."), ask=ask)
    assert [verdict.status for verdict in found] == ["passed", "passed"]
    assert asked == [["On its way.", "No.", "It was sent."], ["It was sent.", "No.", "It was sent."]]


def test_an_empty_reply_is_not_asked_about():
    ask, asked = answering()
    (verdict,) = judged({"to": "No.", "target": "meaning"}, says(""), ask=ask)
    assert (verdict.kind, asked) == ("empty", [])


def test_without_a_text_the_accepted_replies_are_meant(tmp_path):
    (tmp_path / "replay.toml").write_text('[targets.meaning]\nprovider = "openai"\nmodel = "m"\n')
    project = Project.find(tmp_path)
    (verdict,) = judged({"target": "meaning"}, says("On its way."), ask=answering()[0], project=project)
    assert verdict.kind == "no_baseline"
    baseline = tmp_path / "fixtures/baselines/support/refund/t.yaml"
    baseline.parent.mkdir(parents=True)
    variants = [{"turns": [{"content": text}]} for text in ("No.", "It was sent.")]
    baseline.write_text(json.dumps({"conversation": "support/refund", "target": "t", "variants": variants}))
    ask, asked = answering()
    (verdict,) = judged({"target": "meaning"}, says("On its way."), ask=ask, project=project)
    assert (verdict.status, asked) == ("passed", [["On its way.", "No.", "It was sent."]])
    baseline.write_text("conversation: [")
    (verdict,) = judged({"target": "meaning"}, says("On its way."), ask=ask, project=project)
    assert (verdict.status, verdict.kind) == ("error", "not_asked")


def test_where_no_case_is_played_nothing_can_be_asked():
    (verdict,) = judged({"to": "No.", "target": "meaning"}, says("On its way."))
    assert (verdict.status, verdict.kind) == ("error", "not_asked")


def test_it_can_be_negated():
    argument = {"similar": {"to": "No.", "target": "meaning"}}
    (verdict,) = judge([build("not", argument)], transcript(says("On its way.")), answering()[0])
    assert (verdict.status, verdict.assertion) == ("passed", "not")


def test_vectors_that_do_not_belong_to_the_texts_are_no_answer():
    def ask(name, send):
        return send(Target(name, "openai", "m"), Seam(vectors(["No."])))

    (verdict,) = judged({"to": "No.", "target": "meaning"}, says("On its way."), ask=ask)
    assert (verdict.status, verdict.kind) == ("error", "not_asked")
    assert "gave vectors of 2 numbers for 2 texts" in verdict.message


def test_the_cosine_is_of_the_angle_and_of_nothing_else():
    assert cosine([1, 0], [5, 0]) == pytest.approx(1)
    assert cosine([1, 1], [1, 0]) == pytest.approx(2**-0.5)
    assert cosine([0, 0], [1, 0]) == 0


class Seam(httpx2.BaseTransport):
    def __init__(self, body, status=200):
        self.body, self.status, self.asked = body, status, []

    def handle_request(self, request):
        self.asked.append(request)
        content = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return httpx2.Response(self.status, content=content)


PLACES = {
    "https://api.openai.com/v1/embeddings": (openai, {}),
    "http://localhost:8000/v1/embeddings": (openai_compatible, {"base_url": "http://localhost:8000/v1"}),
    "https://r.example/openai/deployments/d/embeddings?api-version=2024-10-21": (
        azure,
        {"endpoint": "https://r.example", "deployment": "d"},
    ),
}


@pytest.mark.parametrize("url", PLACES)
def test_embeddings_are_asked_as_the_sdk_asks_and_read_in_both_forms(url):
    provider, settings = PLACES[url]
    for floats in (True, False):
        seam = Seam(vectors(MEANS, floats=floats))
        turn = provider.embed(MEANS, Target("t", "x", "small", settings), seam)
        assert str(seam.asked[0].url) == url
        assert [[round(v, 6) for v in vector] for vector in turn.reply.extra["embeddings"]] == list(
            MEANS.values()
        )
    with Scripted([reply(vectors(MEANS))]) as server:
        client = sdk.OpenAI(api_key="k", base_url=server.url, max_retries=0)
        done = client.embeddings.create(model="small", input=list(MEANS))
    assert json.loads(seam.asked[0].content) == server.requests[0].json
    assert [item.embedding for item in done.data] == turn.reply.extra["embeddings"]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"error": {"message": "no"}}, 401, "auth"),
        ({"error": {"message": "no"}}, 200, "bad_response"),
        ({"data": []}, 200, "bad_response"),
        ({"data": [{"embedding": "%%"}]}, 200, "bad_response"),
        ({"data": [{"embedding": "AAA="}]}, 200, "bad_response"),
        ({"data": [{"embedding": [1, "a"]}]}, 200, "bad_response"),
        ({"data": [{"embedding": [1], "index": "a"}, {"embedding": [1], "index": 0}]}, 200, "bad_response"),
        ({"data": 1}, 200, "bad_response"),
        ([1], 200, "bad_response"),
        (b"data: {}\n\n", 200, "bad_response"),
        (b"<html>", 200, "bad_response"),
    ],
)
def test_what_are_no_embeddings_is_an_error(body, status, kind):
    turn = openai.embed(["a"], Target("t", "openai", "m"), Seam(body, status))
    assert isinstance(turn, Turn)
    assert isinstance(turn.error, ApiError)
    assert (turn.reply, turn.error.kind) == (None, kind)


def test_a_project_without_the_target_says_so(tmp_path):
    with pytest.raises(BadInput):
        bind(build("similar", {"to": "a", "target": "meaning"}), Project.find(tmp_path))
