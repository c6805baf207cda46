"""What a target's settings do to a call, and what a seam around the network may say about it."""

import json

import httpx2
import pytest
from chat_wire import ASKED, HELLO, completion, send, streamed
from scripted import Scripted, reply

from replay.conversation import Message
from replay.errors import BadInput
from replay.providers import azure, openai, openai_compatible
from replay.turn import Request, Target


class Seam(httpx2.BaseTransport):
    """Answers from memory and keeps what was asked."""

    def __init__(self, chunks=(), **extensions):
        self.chunks = chunks or [json.dumps(completion()).encode()]
        self.extensions, self.asked = extensions, []

    def handle_request(self, request):
        self.asked.append(request)
        return httpx2.Response(200, content=iter(self.chunks), extensions=self.extensions)


def target(**settings):
    return Target("prod-eu", "any", "gpt-4o", settings)


def asked(provider, settings):
    seam = Seam()
    turn = provider.send(ASKED, target(**settings), seam)
    assert turn.error is None
    (request,) = seam.asked
    return request


@pytest.fixture(autouse=True)
def no_ambient_settings(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


def test_openai_is_asked_at_its_own_address(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    request = asked(openai, {})
    assert str(request.url) == "https://api.openai.com/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer sk-1"
    assert json.loads(request.content) == {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "Where is my refund?"}],
        "temperature": 0,
    }


def test_nothing_comes_from_the_environment_unnamed(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://elsewhere.example/v1")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    request = asked(openai, {})
    assert request.url.host == "api.openai.com"
    assert not {"openai-organization", "openai-project"} & set(request.headers)
    named = asked(openai, {"organization": "org-2", "project": "proj-2"})
    assert (named.headers["openai-organization"], named.headers["openai-project"]) == ("org-2", "proj-2")


def test_azure_is_asked_by_deployment(monkeypatch):
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "az-1")
    monkeypatch.setenv("MY_ENDPOINT", "https://eu.openai.azure.com/")
    request = asked(azure, {"deployment": "gpt4o-eu-prod", "endpoint_env": "MY_ENDPOINT"})
    assert request.url.path == "/openai/deployments/gpt4o-eu-prod/chat/completions"
    assert request.url.host == "eu.openai.azure.com"
    assert request.url.params["api-version"] == "2024-10-21"
    assert request.headers["api-key"] == "az-1"
    assert json.loads(request.content)["model"] == "gpt-4o-mini"
    newer = {
        "deployment": "d",
        "endpoint": "https://eu.openai.azure.com",
        "api_version": "2026-01-01-preview",
    }
    assert asked(azure, newer).url.params["api-version"] == "2026-01-01-preview"


def test_what_azures_filter_found_is_kept():
    found = {"hate": {"filtered": False, "severity": "safe"}}
    body = completion(prompt_filter_results=[{"prompt_index": 0, "content_filter_results": found}])
    body["choices"][0]["content_filter_results"] = found
    turn = send(reply(body), provider=azure, base="endpoint", deployment="d")
    assert turn.reply.extra["choice"]["content_filter_results"] == found
    assert turn.reply.extra["prompt_filter_results"][0]["content_filter_results"] == found


def test_a_compatible_server_is_asked_at_its_address_and_needs_no_key(monkeypatch):
    monkeypatch.setenv("LOCAL_URL", "http://localhost:11434/v1")
    request = asked(openai_compatible, {"base_url_env": "LOCAL_URL"})
    assert str(request.url) == "http://localhost:11434/v1/chat/completions"
    assert openai_compatible.secrets(target()) == {}


def test_a_compatible_reply_without_usage_or_finish_reason_keeps_its_own_fields():
    body = {
        "choices": [
            {"message": {"content": "hi", "reasoning": "r"}, "finish_reason": None, "matched_stop": 2}
        ],
        "timings": {"predicted_ms": 4.2},
    }
    reply_ = send(reply(body), provider=openai_compatible).reply
    assert (reply_.usage, reply_.finish_reason, reply_.model) == (None, None, None)
    assert reply_.message == Message("assistant", "hi", extra={"reasoning": "r"})
    assert reply_.extra == {"timings": {"predicted_ms": 4.2}, "choice": {"matched_stop": 2}}


@pytest.mark.parametrize(
    ("provider", "settings", "names"),
    [
        (openai, {}, ["OPENAI_API_KEY"]),
        (openai, {"api_key_env": "TEAM_KEY"}, ["TEAM_KEY"]),
        (azure, {}, ["AZURE_OPENAI_API_KEY"]),
        (openai_compatible, {"api_key_env": "TEAM_KEY"}, ["TEAM_KEY"]),
    ],
)
def test_secrets_are_named_by_their_variable_set_or_not(monkeypatch, provider, settings, names):
    assert provider.secrets(target(**settings)) == dict.fromkeys(names)
    for name in names:
        monkeypatch.setenv(name, "s3cret")
    assert provider.secrets(target(**settings)) == dict.fromkeys(names, "s3cret")


def test_headers_and_params_of_the_target_are_sent():
    params = {"drop": ["temperature"], "add": {"seed": 7}}
    request = asked(openai, {"headers": {"x-team": "support"}, "params": params})
    assert request.headers["x-team"] == "support"
    assert json.loads(request.content).keys() == {"model", "messages", "seed"}


@pytest.mark.parametrize(
    ("provider", "settings", "says"),
    [
        (azure, {"endpoint": "https://x.example"}, 'names no deployment; add deployment = "..."'),
        (azure, {"deployment": "d"}, "endpoint is None; give it as https://..., or endpoint_env"),
        (openai_compatible, {}, "base_url is None"),
        (
            openai_compatible,
            {"base_url": "localhost:11434"},
            "base_url is 'localhost:11434'; give it as https://",
        ),
        (openai_compatible, {"base_url": "http://localhost:eleven"}, "Invalid port"),
        (openai, {"timeout": 0}, "timeout is 0; give seconds, more than 0"),
        (openai, {"timeout": "60"}, "timeout is '60'"),
        (openai, {"timeout": float("nan")}, "timeout is nan"),
        (openai, {"headers": {"x-team": "süß"}}, "header 'x-team' holds more than printable ASCII"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_any_call(provider, settings, says):
    seam = Seam()
    with pytest.raises(BadInput) as refused:
        provider.send(ASKED, target(**settings), seam)
    assert says in str(refused.value)
    assert seam.asked == []


@pytest.mark.parametrize("key", ["sk-1\n", "sk 1", "sk-ü", "sk-\x00"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(monkeypatch, key):
    monkeypatch.setattr("os.environ", {"OPENAI_API_KEY": key})
    with pytest.raises(BadInput, match="OPENAI_API_KEY holds a space") as refused:
        openai.send(ASKED, target(), Seam())
    assert key not in str(refused.value)


@pytest.mark.parametrize(
    ("provider", "settings"),
    [
        (openai, {}),
        (azure, {"deployment": "d", "endpoint_env": "NOT_SET"}),
        (openai_compatible, {"base_url_env": "NOT_SET", "api_key_env": "NOT_SET_EITHER"}),
    ],
)
def test_a_replay_needs_neither_key_nor_address(provider, settings):
    assert asked(provider, settings).url.path.endswith("/chat/completions")


def test_a_live_call_without_its_address_says_which_variable_is_missing():
    request = asked(openai_compatible, {"base_url_env": "TEAM_BASE_URL"})
    assert request.url.host == "team-base-url-is-not-set.invalid"


def test_half_a_surrogate_pair_can_be_sent():
    with Scripted([reply(completion())]) as server, httpx2.HTTPTransport(verify=False) as transport:
        request = Request("m", (Message("user", "\ud83d"),))
        turn = openai.send(request, target(base_url=server.url), transport)
        assert turn.error is None
        assert server.requests[0].json["messages"][0]["content"] == "\ud83d"


PIECES = tuple(piece.encode() for piece in streamed(*HELLO))


def test_a_recordings_own_times_are_the_times():
    timing = openai.send(
        ASKED, target(), Seam(PIECES, replay_played=True, replay_times=(5.0, 9.5, 12.0, 13.0, 13.0))
    ).timing
    assert (timing.first_token_ms, timing.total_ms) == (9.5, 13.0)
    assert timing.chunks == (5.0, 9.5, 12.0, 13.0, 13.0)


def test_a_recording_without_times_has_none():
    timing = openai.send(ASKED, target(), Seam(PIECES, replay_played=True)).timing
    assert (timing.first_token_ms, timing.total_ms, timing.chunks) == (None, None, ())


def test_a_turn_carries_its_request_and_one_attempt():
    turn = openai.send(ASKED, target(params={"drop": ["temperature"]}), Seam())
    assert (turn.request, turn.attempts) == (ASKED, 1)
