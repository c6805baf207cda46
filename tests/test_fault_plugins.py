"""Every fault, on real recordings of three wires: the bytes, and what is told of time."""

import asyncio
import itertools
import json

import httpx
import httpx2
import pytest
from fault_bodies import ARGUMENTS, ASKED, CHAT, SAID, STREAMED, STREAMS, WHOLE, cassette

from replay import faults
from replay.errors import CassetteMiss, FaultNotPlayed
from replay.providers import _wire, placed, registry

LIBRARIES = {"httpx2": httpx2, "httpx": httpx}


class Seen:
    """What a plain client sees of an answer: what came, and the error that ended it."""

    def __init__(self):
        self.status, self.headers, self.body, self.pieces, self.times, self.error = (
            None,
            {},
            b"",
            [],
            (),
            None,
        )

    def head(self, response):
        self.status, self.headers = response.status_code, response.headers
        self.times = response.extensions.get("replay_times", ())

    def read(self):
        """As the provider of the wire reads it: reply, error, stream."""
        wire = registry.get(placed("POST", self.url)[0])
        headers = dict(self.headers)
        failure = (
            _wire._errors.failed(type(self.error).__name__, begun=bool(self.status)) if self.error else None
        )
        return _wire.answer(wire, self.status, headers, self.body, failure)


def ask(transport, url, body, library=httpx2, timeout=600):
    """One POST over a transport, its stream read to the end."""
    seen = Seen()
    seen.url = url
    with library.Client(transport=transport, timeout=timeout) as client:
        try:
            with client.stream("POST", url, json=body) as response:
                seen.head(response)
                seen.pieces = list(_collected(seen, response.iter_raw()))
        except library.TransportError as problem:
            seen.error = problem
    return seen


def _collected(seen, pieces):
    for piece in pieces:
        seen.body += piece
        yield piece


def ask_async(transport, url, body, library=httpx2, timeout=600):
    """As `ask`, from a coroutine."""
    seen = Seen()
    seen.url = url

    async def post():
        client = library.AsyncClient(transport=transport, timeout=timeout)
        async with client, client.stream("POST", url, json=body) as response:
            seen.head(response)
            async for piece in response.aiter_raw():
                seen.body += piece
                seen.pieces.append(piece)

    try:
        asyncio.run(post())
    except library.TransportError as problem:
        seen.error = problem
    return seen


@pytest.fixture
def played(tmp_path):
    """Play a fault, as YAML names it, on one recorded exchange."""
    numbers = itertools.count()

    def play(fault, exchange, ask=ask, **options):
        url, body, pieces = exchange
        tape = cassette(tmp_path / f"{next(numbers)}.yaml", (url, body, pieces))
        (built,) = faults.built([fault])
        return ask(built(tape.transport()), url, body, **options)

    return play


REFUSALS = {
    "rate_limit": {"chat": "RateLimitError", "messages": "rate_limit_error", "gemini": "RESOURCE_EXHAUSTED"},
    "server_error": {"chat": "server_error", "messages": "api_error", "gemini": "INTERNAL"},
    "overloaded": {"chat": "server_is_overloaded", "messages": "overloaded_error", "gemini": "UNAVAILABLE"},
    "auth": {"chat": "invalid_api_key", "messages": "authentication_error", "gemini": "API_KEY_INVALID"},
}
KINDS = {"rate_limit": "rate_limit", "server_error": "server", "overloaded": "overloaded", "auth": "auth"}


@pytest.mark.parametrize("wire", ["chat", "messages", "gemini"])
@pytest.mark.parametrize("fault", KINDS)
def test_a_refusal_is_in_the_words_of_the_wire_that_is_asked(played, fault, wire):
    seen = played(fault, WHOLE[wire])
    error = seen.read().error
    assert error.kind == KINDS[fault]
    assert error.status == seen.status
    body = json.loads(seen.body)
    assert {
        "messages": body.get("type"),
        "gemini": body["error"].get("status"),
        "chat": body["error"].get("type"),
    }[wire]
    if fault != "rate_limit" or wire != "chat":
        assert REFUSALS[fault][wire] in seen.body.decode()


def test_each_provider_refuses_as_its_own_errors_are_read():
    from replay.providers import _refusals

    wanted = {
        "rate_limit": "rate_limit",
        "server": "server",
        "overloaded": "overloaded",
        "auth": "auth",
        "forbidden": "auth",
    }
    for name in registry.names():
        for kind, read in wanted.items():
            refusal = _refusals.of(registry.get(name)).of(kind)
            found = _wire._errors.refused(
                refusal.status, dict(refusal.headers), json.dumps(refusal.body).encode()
            )
            same = {read} | ({"server"} if kind == "overloaded" and name.startswith("cohere") else set())
            assert found.kind in same, (name, kind, found)


@pytest.mark.parametrize(
    ("variant", "header", "value"),
    [("seconds", "retry-after", "2"), ("ms", "retry-after-ms", "2000"), ("none", None, None)],
)
def test_a_rate_limit_says_when_to_come_back(played, variant, header, value):
    seen = played({"rate_limit": {"retry_after": variant, "seconds": 2}}, WHOLE["chat"])
    assert seen.status == 429
    assert {name for name in seen.headers if name.startswith("retry-after")} == (
        {header} if header else set()
    )
    assert not header or seen.headers[header] == value


def test_a_rate_limit_may_name_a_date(played):
    seen = played({"rate_limit": {"retry_after": "date", "seconds": 30}}, WHOLE["chat"])
    assert seen.headers["retry-after"].endswith("GMT")
    assert seen.read().error.retry_after == 30


def test_googles_compatible_endpoint_refuses_in_an_array(tmp_path):
    url = "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions"
    seen = ask(faults.build("rate_limit")(None), url, ASKED)
    assert isinstance(json.loads(seen.body), list)
    assert seen.read().error.kind == "rate_limit"


def test_a_gateway_answers_with_a_page(played):
    seen = played("html_gateway_page", WHOLE["chat"])
    assert (seen.status, seen.headers["content-type"]) == (502, "text/html")
    assert seen.read().error.message == "502 Bad Gateway"
    seen = played({"html_gateway_page": 200}, STREAMS["chat"])
    assert seen.read().error.kind == "bad_response"


@pytest.mark.parametrize("kind", ["read", "connect", "write", "pool"])
@pytest.mark.parametrize("asks", [ask, ask_async])
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_timeout_is_the_librarys_own_and_takes_no_time(played, library, asks, kind):
    seen = played({"timeout": kind}, WHOLE["chat"], asks, library=LIBRARIES[library])
    assert seen.error.__class__ is getattr(LIBRARIES[library], f"{kind.title()}Timeout")
    assert seen.status is None


@pytest.mark.parametrize("asks", [ask, ask_async])
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_connection_is_reset_before_or_within_the_answer(played, library, asks):
    module = LIBRARIES[library]
    seen = played("connection_reset", STREAMS["chat"], asks, library=module)
    assert (seen.status, type(seen.error)) == (None, module.ReadError)
    seen = played({"connection_reset": 2}, STREAMS["chat"], asks, library=module)
    assert (seen.status, type(seen.error)) == (200, module.ReadError)
    assert seen.body == "".join(STREAMS["chat"][2][:2]).encode()


@pytest.mark.parametrize("wire", STREAMS)
def test_a_cut_keeps_what_came_before_it(played, wire):
    pieces = [piece.encode() for piece in STREAMS[wire][2]]
    for after in range(len(pieces) + 1):
        assert played({"cut": after}, STREAMS[wire]).body == b"".join(pieces[:after])
    seen = played({"cut": {"after": 1, "bytes": 7}}, STREAMS[wire])
    assert seen.body == pieces[0] + pieces[1][:7]
    assert played({"cut": {"after": len(pieces), "end": "clean"}}, STREAMS[wire]).error is None


@pytest.mark.parametrize(
    ("end", "error"), [("clean", None), ("closed", "RemoteProtocolError"), ("reset", "ReadError")]
)
@pytest.mark.parametrize("exchanges", [STREAMS, WHOLE])
def test_a_cut_ends_as_it_is_told_to(played, exchanges, end, error):
    seen = played({"cut": {"inside": "chunk", "end": end}}, exchanges["chat"])
    assert (type(seen.error).__name__ if seen.error else None) == error
    assert 0 < len(seen.body) < len("".join(exchanges["chat"][2]).encode())


def test_a_cut_finds_a_character_and_a_token(played):
    with pytest.raises(UnicodeDecodeError):
        played({"cut": {"inside": "character"}}, STREAMS["chat"]).body.decode()
    body = played({"cut": {"inside": "token"}}, STREAMS["chat"]).body.decode()
    last = body.rpartition("data: ")[2]
    assert last.count('"') % 2 == 1 or last[-1].isalnum()


def test_a_cut_that_has_no_place_is_told(played):
    with pytest.raises(FaultNotPlayed, match="no character to cut in"):
        played({"cut": {"inside": "character"}}, (CHAT, STREAMED, ["data: {}\n\n", "data: [DONE]\n\n"]))
    with pytest.raises(FaultNotPlayed, match="it has 7 chunks, not 90"):
        played({"cut": 90}, STREAMS["chat"])


@pytest.mark.parametrize("wire", ["chat", "messages"])
def test_a_stream_without_its_last_event(played, wire):
    read = played("missing_done", STREAMS[wire]).read()
    assert read.stream["done"] is False
    assert read.reply.message.text == SAID


def test_what_is_no_stream_has_no_last_event(played):
    with pytest.raises(FaultNotPlayed, match="no event that says it is the last"):
        played("missing_done", WHOLE["chat"])
    assert played("missing_done", STREAMS["gemini"]).read().reply.finish_reason is None


@pytest.mark.parametrize(
    ("exchanges", "wire"), [(a, w) for a in (WHOLE, STREAMS) for w in ("chat", "messages", "gemini")]
)
def test_usage_is_missing_and_nothing_else(played, exchanges, wire):
    read = played("missing_usage", exchanges[wire]).read()
    assert read.error is None
    assert read.reply.message.text == SAID
    usage = read.reply.usage
    assert usage is None or usage.to_json() == {}


def test_a_chunk_that_held_usage_alone_does_not_come(played):
    seen = played("missing_usage", STREAMS["chat"])
    assert seen.body.count(b"data: ") == len(STREAMS["chat"][2]) - 1


@pytest.mark.parametrize("wire", ["chat", "messages", "gemini"])
def test_a_malformed_chunk_is_not_the_last(played, wire):
    seen = played({"malformed_chunk": 3}, STREAMS[wire])
    assert seen.read().error.kind in ("bad_response", "cut")
    assert seen.body.count(b"data: ") == len(STREAMS[wire][2])


@pytest.mark.parametrize("wire", ["chat", "messages", "gemini"])
def test_a_stream_says_that_there_was_an_error(played, wire):
    read = played({"error_event": 2}, STREAMS[wire]).read()
    assert read.error.kind == "stream_error"
    assert read.stream["events"] == 3
    read = played("error_event", WHOLE[wire]).read()
    assert read.error.kind in ("bad_response", "server")


def test_choices_are_empty(played):
    seen = played("empty_choices", STREAMS["chat"])
    first = json.loads(seen.body.split(b"\n")[0].removeprefix(b"data: "))
    assert first["choices"] == []
    assert seen.read().reply.message.text == SAID
    assert json.loads(played("empty_choices", WHOLE["chat"]).body)["choices"] == []
    assert json.loads(played("empty_choices", WHOLE["gemini"]).body)["candidates"] == []
    assert json.loads(played("empty_choices", WHOLE["messages"]).body)["content"] == []


def test_a_chunk_comes_twice(played):
    assert (
        played({"duplicate_chunk": 3}, STREAMS["chat"]).read().reply.message.text
        == "On its way — way — 3 days."
    )


@pytest.mark.parametrize("exchange", [WHOLE["call"], STREAMS["call"], STREAMS["use"]])
def test_arguments_stop_half_way(played, exchange):
    reply = played("truncated_arguments", exchange).read().reply
    (called,) = reply.message.tool_calls
    assert called.arguments == ARGUMENTS[: len(ARGUMENTS) // 2]
    assert reply.finish_reason == "tool_calls"


def test_a_wire_whose_arguments_are_objects_cannot_truncate_them(played):
    with pytest.raises(FaultNotPlayed, match="no tool is called with arguments that are text"):
        played("truncated_arguments", WHOLE["chat"])


def test_a_filter_refuses_the_prompt(played):
    for wire in ("chat", "gemini"):
        for exchanges in (WHOLE, STREAMS):
            assert played("content_filter", exchanges[wire]).read().error.kind == "content_filter"
    assert played("content_filter", WHOLE["messages"]).read().error.status == 400


@pytest.mark.parametrize(
    ("exchanges", "wire"), [(a, w) for a in (WHOLE, STREAMS) for w in ("chat", "messages", "gemini")]
)
def test_a_filter_stops_the_reply_half_way(played, exchanges, wire):
    reply = played({"content_filter": "reply"}, exchanges[wire]).read().reply
    assert reply.finish_reason == "content_filter"
    assert reply.message.text
    assert SAID.startswith(reply.message.text)


# -- time ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asks", [ask, ask_async])
def test_a_stall_is_the_clients_timeout_and_takes_no_time(played, asks):
    seen = played({"stall": 2}, STREAMS["chat"], asks)
    assert type(seen.error) is httpx2.ReadTimeout
    assert seen.body == "".join(STREAMS["chat"][2][:2]).encode()
    assert max(seen.times) == pytest.approx(30 + 600_000)


def test_a_stall_that_is_shorter_than_the_timeout_is_only_told(played):
    seen = played({"stall": {"after": 2, "seconds": 20}}, STREAMS["chat"])
    assert seen.error is None
    assert seen.times[:4] == (10, 20, 20_030, 20_040)
    assert type(played({"stall": {"seconds": 20}}, STREAMS["chat"], timeout=5).error) is httpx2.ReadTimeout


def test_the_first_token_is_late_and_what_is_no_stream_is_late_as_a_whole(played):
    seen = played({"slow_first_token": 3}, STREAMS["chat"])
    assert seen.times[:3] == (10, 3020, 3030)  # the first chunk says only who speaks
    assert played({"slow_first_token": 3}, WHOLE["chat"]).times == (3010,)
    late = played({"slow_first_token": 3}, WHOLE["chat"], timeout=2)
    assert (late.status, type(late.error)) == (None, httpx2.ReadTimeout)


def test_a_trickle_comes_byte_by_byte(played):
    seen = played("trickle", STREAMS["chat"])
    assert {len(piece) for piece in seen.pieces} == {1}
    assert seen.body == "".join(STREAMS["chat"][2]).encode()
    assert seen.times[-1] > 500 * len(seen.pieces)
    assert seen.error is None  # no read is late, however long the whole takes


@pytest.mark.parametrize("asks", [ask, ask_async])
def test_with_pace_waits_are_real(played, asks, monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr("time.sleep", slept.append)
    monkeypatch.setattr("anyio.sleep", sleep)
    played({"stall": {"after": 2, "seconds": 20, "pace": True}}, STREAMS["chat"], asks)
    played({"stall": {"after": 2, "pace": True}}, STREAMS["chat"], asks, timeout=7)
    played({"slow_first_token": {"seconds": 3, "pace": True}}, WHOLE["chat"], asks)
    played({"timeout": {"pace": True}}, WHOLE["chat"], asks, timeout=9)
    assert slept == [20, 7, 3, 9]


# -- which attempts ----------------------------------------------------------------------------------------


def statuses(fault, tape, bodies):
    transport = faults.built([fault])[0](tape.transport())
    return [ask(transport, CHAT, body).status for body in bodies]


def questions(count):
    return [ASKED | {"messages": [{"role": "user", "content": f"Question {n}"}]} for n in range(count)]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"first": 1}, [429, 200, 429, 200, 429, 200]),
        ({"call": 2}, [200, 429, 429, 200]),
        ({"call": [1, 3], "first": 1}, [429, 200, 200, 429, 200]),
        ({"every": 2}, [200, 429, 429, 200]),
        ({"probability": 0.0}, [200, 200, 200]),
        ({"probability": 1.0}, [429, 429, 429, 429, 429, 429]),
    ],
)
def test_a_fault_hits_the_attempts_that_it_is_told_to(tmp_path, scope, expected):
    """Each question is asked until it is answered, twice at most."""
    asked = questions(3)
    tape = cassette(tmp_path / "c.yaml", *((CHAT, body, WHOLE["chat"][2]) for body in asked))
    transport = faults.build("rate_limit", scope)(tape.transport())
    found = []
    for body in asked:
        for _ in range(2):
            found.append(ask(transport, CHAT, body).status)
            if found[-1] == 200:
                break
    assert found == expected


def test_chance_is_the_same_in_every_run_and_another_for_another_seed(tmp_path):
    asked = questions(40)

    def found(seed):
        tape = cassette(tmp_path / "c.yaml", *((CHAT, body, WHOLE["chat"][2]) for body in asked))
        return statuses({"rate_limit": {"probability": 0.4, "seed": seed}}, tape, asked)

    assert found(1) == found(1) != found(2)
    assert 5 < found(1).count(429) < 30


@pytest.mark.parametrize("asks", [ask, ask_async])
def test_an_answer_that_was_spoilt_is_there_for_the_next_attempt(tmp_path, asks):
    tape = cassette(tmp_path / "c.yaml", STREAMS["chat"])
    url, body, pieces = STREAMS["chat"]
    transport = faults.build("cut", {"after": 1, "first": 2})(tape.transport())
    seen = [asks(transport, url, body).body.count(b"data: ") for _ in range(3)]
    assert seen == [1, 1, len(pieces)]
    with pytest.raises(CassetteMiss, match="asked too often"):
        asks(transport, url, body)


def test_two_faults_stand_around_each_other(tmp_path):
    tape = cassette(tmp_path / "c.yaml", STREAMS["chat"])
    url, body, _ = STREAMS["chat"]
    play = faults.Faults(faults.built([{"rate_limit": {"first": 1}}, {"cut": 2}]))
    seen = [ask(play(tape.transport()), url, body) for _ in range(2)]
    assert [one.status for one in seen] == [429, 200]
    assert seen[1].body.count(b"data: ") == 2
    assert play.idle == []


def test_what_is_no_call_of_a_model_passes(tmp_path):
    other = ("https://shop.invalid/refunds", {"order": 1}, ['{"ok": true}'])
    tape = cassette(tmp_path / "c.yaml", other)
    play = faults.Faults(faults.built(["rate_limit"]))
    assert ask(play(tape.transport()), other[0], other[1]).status == 200
    assert play.idle == ["rate_limit"]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"rate_limit": "soon"}, "retry_after must be one of seconds, date, ms, none"),
        ({"rate_limit": {"firts": 1}}, 'rate_limit has no argument "firts"; did you mean "first"?'),
        ({"server_error": 404}, "status must be from 500 to 599"),
        ({"auth": 500}, "status must be 401 or 403"),
        ({"cut": -1}, "after must be a whole number from 0"),
        ({"cut": {"inside": "word"}}, "inside must be one of chunk, character, token"),
        ({"cut": {"inside": "token", "bytes": 3}}, "inside looks for the place itself"),
        ({"trickle": 0}, "bytes must be a whole number from 1"),
        ({"stall": {"seconds": "long"}}, "seconds must be a number from 0"),
        ({"overloaded": {"probability": 2}}, "probability must be a number from 0 to 1"),
        ({"overloaded": {"call": [1, 0]}}, "call must be a whole number from 1"),
        ({"timeout": "slow"}, "kind must be one of read, connect, write, pool"),
        ({"content_filter": "both"}, "at must be one of prompt, reply"),
        ({"html_gateway_page": 204}, "have a body"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(fault, told):
    from replay.errors import BadInput

    with pytest.raises(BadInput) as refused:
        faults.built([fault])
    assert told in str(refused.value)


def test_every_fault_has_the_common_arguments_and_says_what_it_does():
    wanted = """
        rate_limit server_error overloaded auth content_filter timeout connection_reset slow_first_token stall
        trickle cut missing_done missing_usage malformed_chunk error_event empty_choices duplicate_chunk
        html_gateway_page truncated_arguments
    """
    for name in wanted.split():
        fault = faults.build(name, {"first": 1, "call": 2, "probability": 0.5, "seed": 3})
        assert fault.name == name
        assert type(fault).__doc__
