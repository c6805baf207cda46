"""Each way in which a provider fails, over real HTTP through the official SDK, and the kind it is given."""

import json
import socket
import time

import httpx2
import openai as sdk
import pytest
from chat_wire import ASKED, completion, send
from scripted import Close, Scripted, Wait, raw, reply, reset

from replay.errors import CassetteMiss
from replay.providers import _errors, openai
from replay.turn import ERROR_KINDS, Target

FILTERED = {
    "error": {
        "message": "The response was filtered",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"hate": {"filtered": True, "severity": "high"}},
        },
    }
}
HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>"


def envelope(message, kind=None, code=None):
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


# status, body, kind, code, what the message says, class of the SDK
REFUSED = {
    "400": (400, envelope("bad stop", "invalid_request_error", "unsupported_parameter"), "invalid_request",
            "unsupported_parameter", "bad stop", "BadRequestError"),
    "400 azure filter": (400, FILTERED, "content_filter", "content_filter", "filtered", "BadRequestError"),
    "400 anthropic": (400, {"type": "error", "error": {"type": "invalid_request_error", "message": "no"},
                            "request_id": "r"}, "invalid_request", "invalid_request_error", "no",
                            "BadRequestError"),
    "400 rate limit of a gateway": (400, {"detail": "Rate limit exceeded, try later"}, "rate_limit", None,
                                    "Rate limit exceeded", "BadRequestError"),
    "401": (401, envelope("bad key", "invalid_request_error", "invalid_api_key"), "auth", "invalid_api_key",
            "bad key", "AuthenticationError"),
    "402 error is text": (402, {"error": "credits depleted"}, "billing", None, "credits depleted",
                          "APIStatusError"),
    "403": (403, envelope("not yours"), "auth", None, "not yours", "PermissionDeniedError"),
    "404 azure": (404, envelope("no such deployment", None, "DeploymentNotFound"), "not_found",
                  "DeploymentNotFound", "deployment", "NotFoundError"),
    "408": (408, "", "timeout", None, "empty body", "APIStatusError"),
    "409": (409, envelope("busy"), "invalid_request", None, "busy", "ConflictError"),
    "413 html": (413, "<html><h1>413 Payload Too Large</h1></html>", "invalid_request", None,
                 "413 Payload Too Large", "APIStatusError"),
    "418": (418, envelope("teapot"), "invalid_request", None, "teapot", "APIStatusError"),
    "422 fastapi": (422, {"detail": [{"loc": ["body", "tools", 0], "msg": "Field required",
                    "type": "missing"}]},
                    "invalid_request", None, "body.tools.0: Field required", "UnprocessableEntityError"),
    "400 key": (400, [{"error": {"code": 400, "message": "no such key", "status": "INVALID_ARGUMENT",
                                 "details": [{"reason": "API_KEY_INVALID"}, {"locale": "en-US"}]}}],
                "auth", "INVALID_ARGUMENT", "no such key", "BadRequestError"),
    "429": (429, envelope("slow down", "tokens", "rate_limit_exceeded"), "rate_limit", "rate_limit_exceeded",
            "slow down", "RateLimitError"),
    "429 array": (429, [{"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED"}}],
                  "rate_limit", "RESOURCE_EXHAUSTED", "quota", "RateLimitError"),
    "429 json in a json string": (429, json.dumps(json.dumps(envelope("slow", None, "rl"))), "rate_limit",
                                  "rl", "slow", "RateLimitError"),
    "429 quota": (429, envelope("pay first", "insufficient_quota", "insufficient_quota"), "billing",
                  "insufficient_quota", "pay first", "RateLimitError"),
    "429 type quota": (429, envelope("pay first", "insufficient_quota"), "billing", "insufficient_quota",
                       "pay first", "RateLimitError"),
    "429 spend limit": (429, envelope("limit", None, "project_spend_limit_exceeded"), "billing",
                        "project_spend_limit_exceeded", "limit", "RateLimitError"),
    "429 anthropic spend limit": (429, {"type": "error", "error": {
        "type": "rate_limit_error", "message": "limit",
        "details": {"error_code": "enforced_spend_limit_reached"}}},
        "billing", "rate_limit_error", "limit", "RateLimitError"),
    "500": (500, envelope("oops", "server_error"), "server", "server_error", "oops", "InternalServerError"),
    "500 text": (500, "Internal Server Error", "server", None, "Internal Server Error",
                 "InternalServerError"),
    "502 html": (502, HTML, "server", None, "502 Bad Gateway", "InternalServerError"),
    "503 empty": (503, "", "server", None, "status 503, empty body", "InternalServerError"),
    "503 overloaded": (503, envelope("busy", None, "server_is_overloaded"), "overloaded",
                       "server_is_overloaded", "busy", "InternalServerError"),
    "529": (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            "overloaded", "overloaded_error", "Overloaded", "InternalServerError"),
    "error as an event": (400, 'data: {"error": {"message": "late", "code": "x"}}\n\n', "invalid_request",
                          "x", "late", "BadRequestError"),
}  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind", "code", "says", "name"), REFUSED.values(), ids=REFUSED)
def test_an_error_status_is_read_whatever_its_body(status, body, kind, code, says, name):
    turn = send(reply(body, status))
    assert (turn.error.kind, turn.error.status, turn.error.code) == (kind, status, code)
    assert says in turn.error.message
    assert turn.error.exception == name
    assert turn.reply is None
    assert turn.raw == (body if isinstance(body, str) else json.dumps(body))


@pytest.mark.parametrize(("status", "body"), [row[:2] for row in REFUSED.values()], ids=REFUSED)
def test_the_exception_named_is_the_one_the_sdk_raises(status, body):
    with Scripted([reply(body, status)]) as server:
        client = sdk.OpenAI(api_key="k", base_url=server.url, max_retries=0)
        with pytest.raises(sdk.APIStatusError) as raised:
            client.chat.completions.create(model="m", messages=[])
    content = body if isinstance(body, str) else json.dumps(body)
    assert type(raised.value).__name__ == _errors.refused(status, {}, content.encode()).exception


# a success status and no reply: body, kind, what the message says
EMPTY_HANDED = {
    "error object": ({"error": {"message": "no luck", "code": "weird"}}, "bad_response", "no luck"),
    "error object with a status": ({"error": {"message": "slow", "code": 429}}, "rate_limit", "slow"),
    "error object of a filter": (FILTERED, "content_filter", "filtered"),
    "error is text": ({"error": "model is loading"}, "bad_response", "model is loading"),
    "vllm": ({"object": "error", "message": "too long", "code": 400}, "invalid_request", "too long"),
    "error of a choice": (completion() | {"choices": [{"error": {"message": "upstream", "code": 502},
                          "message": {"content": ""}, "finish_reason": "error"}]}, "server", "upstream"),
    "choices empty": (completion(choices=[]), "bad_response", "no choices"),
    "choices null": (completion(choices=None), "bad_response", "no choices"),
    "choices text": (completion(choices="x"), "bad_response", "choices is text, not a list"),
    "no choices": ({"id": "x"}, "bad_response", "no choices"),
    "message null": ({"choices": [{"message": None}]}, "bad_response", "choices[0].message is null"),
    "message text": ({"choices": [{"message": "hi"}]}, "bad_response", "choices[0].message is text"),
    "content number": (completion({"content": 5}), "bad_response", "choices[0].message.content is a number"),
    "tool call text": (completion({"tool_calls": ["f"]}), "bad_response", "tool_calls[0] is text"),
    "function text": (completion({"tool_calls": [{"function": "f"}]}), "bad_response", "function is text"),
    "list": ([1, 2], "bad_response", "the body is a list, not an object"),
    "list of an error": ([envelope("quota")], "bad_response", "quota"),
    "null": ("null", "bad_response", "the body is null"),
    "empty object": ({}, "bad_response", "empty object"),
    "html": (HTML, "bad_response", "502 Bad Gateway"),
    "empty": ("", "bad_response", "the body is empty"),
    "cut json": ('{"id": "x", "choices": [{"mess', "bad_response", "not JSON"),
    "bad utf-8": (b'{"choices": "\xff"}', "bad_response", "not JSON"),
    "too deep": ("[" * 100_000, "bad_response", "nested too deeply"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "kind", "says"), EMPTY_HANDED.values(), ids=EMPTY_HANDED)
def test_a_success_status_is_not_yet_success(body, kind, says):
    turn = send(reply(body))
    assert turn.error.kind == kind
    assert says in turn.error.message
    assert turn.error.status == 200
    assert turn.raw is not None


NO_ANSWER = {
    "reset": (reset(), "connection", "APIConnectionError"),
    "closed": (raw(Close()), "connection", "APIConnectionError"),
    "garbage": (raw(b"not http at all\r\n\r\n", Close()), "connection", "APIConnectionError"),
    "short body": (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"id\"", Close()), "cut",
                   "APIConnectionError"),
    "silence": (raw(Wait(3)), "timeout", "APITimeoutError"),
    "stall": (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"id\"", Wait(3)), "timeout",
              "APITimeoutError"),
    "bad gzip": (reply(b"\x1f\x8b garbage", headers={"content-encoding": "gzip"}), "bad_response",
                 "APIConnectionError"),
}  # fmt: skip


@pytest.mark.parametrize(("script", "kind", "name"), NO_ANSWER.values(), ids=NO_ANSWER)
def test_what_the_network_does_is_an_error_of_the_turn(script, kind, name):
    turn = send(script, timeout=0.4)
    assert (turn.error.kind, turn.error.exception) == (kind, name)
    assert turn.error.message
    assert turn.reply is None


def test_what_arrived_before_a_cut_is_kept():
    assert send(NO_ANSWER["short body"][0]).raw == '{"id"'
    assert send(reset()).raw is None


def test_a_refused_connection_is_an_error_of_the_turn():
    with socket.socket() as nobody:  # bound, and not listening
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        turn = openai.send(ASKED, Target("t", "openai", "m", {"base_url": url}), httpx2.HTTPTransport())
    assert turn.error.kind == "connection"
    assert "ConnectError" in turn.error.message


def test_a_redirect_is_not_followed_and_the_key_not_sent(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test")
    with Scripted([reply("never")]) as elsewhere:
        turn = send(reply("", 302, {"location": f"{elsewhere.url}/steal"}))
        assert elsewhere.requests == []
    assert turn.error.kind == "bad_response"
    assert "redirect to" in turn.error.message


@pytest.mark.parametrize(
    "chunks", [["data: ", Wait(0.2)] * 150, [Wait(0.3), "data: ", Wait(0.3), "x", Wait(30)]]
)
def test_a_call_ends_at_its_deadline_however_the_bytes_trickle(chunks):
    started = time.monotonic()
    turn = send([b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n", *_bytes(chunks)], timeout=0.8)
    assert (turn.error.kind, turn.error.exception) == ("timeout", "APITimeoutError")
    assert time.monotonic() - started < 15  # all of it takes 30
    assert turn.raw.startswith("data: ")


def _bytes(pieces):
    return [piece.encode() if isinstance(piece, str) else piece for piece in pieces]


def test_a_gzip_bomb_is_stopped(monkeypatch):
    import gzip

    monkeypatch.setattr("replay.providers._tap._MOST_INFLATED", 100_000)
    turn = send(reply(gzip.compress(b"0" * 10_000_000), headers={"content-encoding": "gzip"}))
    assert turn.error.kind == "bad_response"
    assert "100000 bytes" in turn.error.message


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_answers_are_read_and_so_are_plain_ones_that_claim_it(encoding):
    import gzip
    import zlib

    pack = {"gzip": gzip.compress, "deflate": zlib.compress}[encoding]
    plain = json.dumps(completion()).encode()
    for body in (pack(plain), plain):
        turn = send(reply(body, headers={"content-encoding": encoding}))
        assert turn.reply.message.text == "On its way."
        assert turn.raw == plain.decode()


NOW = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "20"}, 20),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "3600"}, 3600),
        ({"retry-after-ms": "1500", "retry-after": "20"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "20"}, 20),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": NOW}, 30),
        ({"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": NOW}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 99 Oct 2026 99:28:00 GMT"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "NaN"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_or_left(headers, seconds):
    assert send(reply(envelope("slow"), 429, headers)).error.retry_after == seconds


class Refusing(httpx2.BaseTransport):
    """A seam that has no recording, asked directly or from under the HTTP library's own errors."""

    def __init__(self, wrapped):
        self.wrapped = wrapped

    def handle_request(self, request):
        if not self.wrapped:
            raise CassetteMiss("no recorded interaction")
        try:
            raise CassetteMiss("no recorded interaction")
        except CassetteMiss as miss:
            raise httpx2.ConnectError("refused") from miss


@pytest.mark.parametrize("wrapped", [False, True])
def test_what_the_seam_refuses_goes_through(wrapped):
    with pytest.raises(CassetteMiss, match="no recorded interaction"):
        openai.send(ASKED, Target("t", "openai", "m", {}), Refusing(wrapped))


def test_every_kind_is_a_known_one():
    kinds = {row[2] for row in REFUSED.values()} | {
        row[1] for row in (*EMPTY_HANDED.values(), *NO_ANSWER.values())
    }
    assert kinds <= set(ERROR_KINDS)
    assert set(ERROR_KINDS) - kinds == {
        "stream_error",
        "seam",
    }  # streams have a file of their own; the player's
