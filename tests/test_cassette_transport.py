"""Record over real HTTP, then play: the same bytes in the same pieces, the same exception in its place."""

import asyncio
import gzip
import json
import socket
import threading
import time
import zlib

import anthropic
import httpx
import httpx2
import openai
import pytest
from scripted import Close, Reset, Scripted, Wait, raw, reply, reset, stream

from replay.cassette import file
from replay.cassette.cassette import Cassette
from replay.cassette.redact import Redactor
from replay.errors import CassetteMiss

LIBRARIES = [httpx2, httpx]
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
EVENTS = [f'data: {{"n": {n}}}\n\n' for n in range(5)] + ["data: [DONE]\n\n"]


def completion(text="hello"):
    message = {"role": "assistant", "content": text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def chunk(text, finish=None):
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    data = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(data)}\n\n"


def outcome(client, url):
    """What a client sees of one streamed POST: status, pieces, and the exception, by names."""
    pieces = []
    try:
        with client.stream("POST", f"{url}/v1/chat/completions", json=BODY) as response:
            pieces.append(response.status_code)
            for piece in response.iter_raw():
                pieces.append(piece)  # noqa: PERF402 - what came before an exception counts
    except Exception as problem:  # noqa: BLE001 - whichever it is, its class is compared
        return pieces, type(problem)
    return pieces, None


async def async_outcome(client, url):
    pieces = []
    try:
        async with client.stream("POST", f"{url}/v1/chat/completions", json=BODY) as response:
            pieces.append(response.status_code)
            async for piece in response.aiter_raw():
                pieces.append(piece)  # noqa: PERF401 - what came before an exception counts
    except Exception as problem:  # noqa: BLE001 - whichever it is, its class is compared
        return pieces, type(problem)
    return pieces, None


def run(cassette, library, url, *, is_async):
    if not is_async:
        with cassette.http_client(library=library.__name__, timeout=0.3) as client:
            return outcome(client, url)

    async def main():
        async with cassette.async_http_client(library=library.__name__, timeout=0.3) as client:
            return await async_outcome(client, url)

    return asyncio.run(main())


JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
CASES = {
    "json": (reply(completion()), None),
    "empty": (reply(b""), None),
    "no content": (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), None),
    "stream": (stream([piece for event in EVENTS for piece in (event, Wait(0.02))]), None),
    "stream cut inside characters": (stream([b"data: \xe2\x82", Wait(0.02), b"\xac\n\n"]), None),
    "429": (reply({"error": {}}, 429, {"retry-after": "2", "x-should-retry": "true"}), None),
    "500": (reply({"error": {}}, 500), None),
    "HTML": (reply("<html>502</html>", 502, content_type="text/html"), None),
    "bytes": (reply(bytes(range(256)), content_type="application/octet-stream"), None),
    "reset before the answer": (reset(), "ReadError"),
    "closed before the answer": (raw(Close()), "RemoteProtocolError"),
    "not HTTP": (raw(b"SSH-2.0-OpenSSH\r\n\r\n", Close()), "RemoteProtocolError"),
    "reset in the stream": (stream([EVENTS[0], Wait(0.05), EVENTS[1], Wait(0.05), Reset()]), "ReadError"),
    "stall before the answer": (raw(Wait(0.6), Close()), "ReadTimeout"),
    "stall in the stream": (stream([EVENTS[0], Wait(0.6), Close()]), "ReadTimeout"),
    "short content-length": (
        raw(JSON_HEAD + b"content-length: 50\r\n\r\n{}", Close()),
        "RemoteProtocolError",
    ),
    "cut chunked": (stream([EVENTS[0], Wait(0.02), Close()], end=False), "RemoteProtocolError"),
    "cut chunk": (
        raw(JSON_HEAD + b"transfer-encoding: chunked\r\n\r\n50\r\n{}", Close()),
        "RemoteProtocolError",
    ),
    "bad chunk size": (raw(JSON_HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n"), "RemoteProtocolError"),
    "bad gzip": (reply(b"\x1f\x8b" + b"x" * 50, headers={"content-encoding": "gzip"}), "DecodingError"),
}


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.__name__)
@pytest.mark.parametrize("name", CASES)
def test_what_was_live_is_played_as_the_same(name, library, is_async, tmp_path):
    script, exception = CASES[name]
    path = tmp_path / "c.yaml"
    with Scripted([script]) as server, Cassette(path, "once") as cassette:
        live = run(cassette, library, server.url, is_async=is_async)
    assert live[1] is (getattr(library, exception) if exception else None)
    assert len(cassette.recorded) == 1
    played = Cassette(path)
    assert run(played, library, "http://nowhere.invalid", is_async=is_async) == live
    assert played.unplayed == ()
    other = LIBRARIES[library is httpx2]
    pieces, problem = run(Cassette(path), other, "http://nowhere.invalid", is_async=not is_async)
    assert pieces == live[0]
    assert (problem and problem.__name__) == exception


def test_a_connection_that_is_refused_is_recorded_too(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        dead = f"http://127.0.0.1:{closed_soon.getsockname()[1]}"
    for mode in ("once", "none"):
        with Cassette(tmp_path / "c.yaml", mode) as cassette:
            assert outcome(cassette.http_client(), dead) == ([], httpx2.ConnectError)


def test_pieces_come_live_one_by_one_and_are_played_with_their_times(tmp_path):
    path = tmp_path / "c.yaml"
    script = stream([piece for event in EVENTS for piece in (event, Wait(0.2))])
    with (
        Scripted([script]) as server,
        Cassette(path, "once") as cassette,
        cassette.http_client().stream("POST", server.url, json=BODY) as response,
    ):
        arrived = [(time.monotonic(), piece) for piece in response.iter_raw()]
    assert [piece.decode() for _, piece in arrived] == EVENTS
    times = tuple(at for at, _ in file.load(path)[0].response.chunks)
    assert len(times) == len(EVENTS)
    assert list(times) == sorted(times)
    assert times[-1] - times[0] >= 100
    assert arrived[-1][0] - arrived[0][0] >= 0.1

    def play(pace):
        client = httpx2.Client(transport=Cassette(path).transport(pace=pace))
        began = time.monotonic()
        with client.stream("POST", server.url, json=BODY) as response:
            assert response.extensions["replay_played"] is True
            assert response.extensions["replay_times"] == times
            assert [piece.decode() for piece in response.iter_raw()] == EVENTS
        return time.monotonic() - began

    assert play(pace=False) < times[-1] / 1000 <= play(pace=True)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data, wbits=-15)),
        ("gzip", bytes),
    ],
    ids=["gzip", "zlib", "deflate", "a lie"],
)
def test_a_server_that_compresses_uninvited_is_recorded_decoded_piece_by_piece(encoding, packed, tmp_path):
    data = "".join(EVENTS).encode() * 3
    sent = packed(data)
    half = len(sent) // 2
    script = stream([sent[:half], Wait(0.03), sent[half:]], headers={"content-encoding": encoding})
    path = tmp_path / "c.yaml"
    with Scripted([script]) as server, Cassette(path, "once") as cassette:
        live = outcome(cassette.http_client(), server.url)
    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert b"".join(live[0][1:]) == data
    response = file.load(path)[0].response
    assert response.body == data
    assert "content-encoding" not in response.headers
    assert outcome(Cassette(path).http_client(), "http://x") == live


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_packed_request_is_sent_as_it_is_and_kept_unpacked_without_its_secrets(encoding, pack, tmp_path):
    said = {"model": "m", "messages": [{"role": "user", "content": "I am jo.doe@example.com"}]}
    packed = {"content": pack(json.dumps(said).encode()), "headers": {"content-encoding": encoding}}
    path = tmp_path / "c.yaml"
    with (
        Scripted([reply(completion())]) as server,
        Cassette(path, "once", redactor=Redactor("s")) as cassette,
    ):
        with cassette.http_client() as client:
            client.post(f"{server.url}/v1/chat/completions", **packed)
        assert server.requests[0].body == packed["content"]
    assert b"I am " in file.load(path)[0].request.body
    assert "jo.doe" not in path.read_text()
    for asked in (packed, {"json": said}):
        with Cassette(path, redactor=Redactor("s")).http_client() as client:
            assert client.post(f"{server.url}/v1/chat/completions", **asked).json() == completion()


def test_an_encoding_we_do_not_read_is_passed_on_as_it_is(tmp_path):
    path = tmp_path / "c.yaml"
    script = [reply(b"\x8b\x01\xff", headers={"content-encoding": "br"})]
    with Scripted(script) as server, Cassette(path, "once") as cassette:
        live = outcome(cassette.http_client(), server.url)
    with Cassette(path).http_client().stream("POST", "http://x/v1/chat/completions", json=BODY) as response:
        assert response.headers["content-encoding"] == "br"
        assert b"".join(response.iter_raw()) == b"\x8b\x01\xff" == b"".join(live[0][1:])


def test_a_reader_that_stops_early_is_part_of_the_recording(tmp_path):
    path = tmp_path / "c.yaml"
    script = stream([piece for event in EVENTS for piece in (event, Wait(0.02))])
    with (
        Scripted([script]) as server,
        Cassette(path, "once") as cassette,
        cassette.http_client().stream("POST", server.url, json=BODY) as response,
    ):
        pieces = response.iter_raw()
        first = [next(pieces), next(pieces)]
    (interaction,) = file.load(path)
    assert interaction.response.failure.exception == "Abandoned"
    assert interaction.response.body == b"".join(first)
    played = Cassette(path)
    with played.http_client().stream("POST", server.url, json=BODY) as response:
        pieces = response.iter_raw()
        assert [next(pieces), next(pieces)] == first
        with pytest.raises(CassetteMiss, match="where its reader stopped"):
            next(pieces)
    assert len(played.misses) == 1


class Sdk:
    """One conversation through the official SDK, in one of its four forms."""

    def __init__(self, cassette, url, library=httpx2, timeout=1.0):
        client = cassette.http_client(library=library.__name__)
        self.client = openai.OpenAI(
            api_key="sk-x", base_url=url, http_client=client, max_retries=0, timeout=timeout
        )

    def ask(self, **more):
        return self.client.chat.completions.create(**BODY, **more)

    def text(self):
        return "".join(part.choices[0].delta.content or "" for part in self.ask(stream=True))


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.__name__)
def test_the_official_sdk_records_and_plays(library, tmp_path):
    path = tmp_path / "c.yaml"
    script = [reply(completion()), stream([chunk("he"), chunk("llo"), chunk("", "stop"), "data: [DONE]\n\n"])]
    with Scripted(script) as server, Cassette(path, "once") as cassette:
        sdk = Sdk(cassette, server.url, library)
        live = sdk.ask(), sdk.text()
    assert [one.response.failure for one in file.load(path)] == [None, None]
    with Cassette(path) as cassette:
        sdk = Sdk(cassette, "http://elsewhere.invalid", library)
        assert (sdk.ask(), sdk.text()) == live == (live[0], "hello")
    assert cassette.played == (0, 1)


def test_the_official_async_sdk_records_and_plays_concurrently(tmp_path):
    path = tmp_path / "c.yaml"

    def answer(asked):
        return reply(completion(asked.json["messages"][0]["content"]))

    async def ask_all(cassette, url):
        client = cassette.async_http_client()
        async with openai.AsyncOpenAI(api_key="sk-x", base_url=url, http_client=client, max_retries=0) as sdk:
            questions = [[{"role": "user", "content": f"question {n}"}] for n in range(20)]
            asked = [sdk.chat.completions.create(model="m", messages=messages) for messages in questions]
            return [one.choices[0].message.content for one in await asyncio.gather(*asked)]

    expected = [f"question {n}" for n in range(20)]
    with Scripted([answer]) as server, Cassette(path, "once") as cassette:
        assert asyncio.run(ask_all(cassette, server.url)) == expected
    with Cassette(path) as cassette:
        assert asyncio.run(ask_all(cassette, "http://x")) == expected
    assert cassette.unplayed == ()


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (reply({"error": {"message": "slow down"}}, 429), openai.RateLimitError),
        (reply("<html>", 502, content_type="text/html"), openai.InternalServerError),
        (reset(), openai.APIConnectionError),
        (raw(Wait(0.5), Close()), openai.APITimeoutError),
        (stream([chunk("a"), Wait(0.05), Reset()]), openai.APIConnectionError),
        (stream([chunk("a"), Wait(0.5), Close()]), openai.APITimeoutError),
        (stream([chunk("a"), 'data: {"error": {"message": "overloaded"}}\n\n']), openai.APIError),
        (stream([chunk("a"), "data: {cut\n\n"]), json.JSONDecodeError),
    ],
)
def test_the_official_sdk_sees_the_same_error_live_and_played(script, error, tmp_path):
    with Scripted([script]) as server:
        for mode in ("once", "none"):
            with Cassette(tmp_path / "c.yaml", mode) as cassette:
                with pytest.raises(error) as caught:
                    Sdk(cassette, server.url, timeout=0.3).text()
                assert type(caught.value) is error
    assert len(server.requests) == 1


def test_anthropics_stream_ends_whole(tmp_path):
    start = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": "m", "usage": {}}
    events = [
        {"type": "message_start", "message": start | {"usage": {"input_tokens": 1, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]
    pieces = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
    path = tmp_path / "c.yaml"
    with Scripted([stream(pieces)]) as server:
        for mode in ("once", "none"):
            with Cassette(path, mode) as cassette:
                sdk = anthropic.Anthropic(
                    api_key="k", base_url=server.url, http_client=cassette.http_client()
                )
                with sdk.messages.stream(max_tokens=9, **BODY) as messages:
                    assert "".join(messages.text_stream) == "hello"
    assert file.load(path)[0].response.failure is None


def test_retries_of_the_sdk_are_recorded_as_attempts(tmp_path):
    path = tmp_path / "c.yaml"
    script = [reply({"error": {}}, 500, {"retry-after-ms": "1"}), reply(completion())]
    with Scripted(script) as server, Cassette(path, "once") as cassette:
        sdk = openai.OpenAI(
            api_key="k", base_url=server.url, http_client=cassette.http_client(), max_retries=2
        )
        sdk.chat.completions.create(**BODY)
    assert [one.response.attempt for one in file.load(path)] == [1, 2]
    with Cassette(path) as cassette:
        client = httpx2.Client(transport=cassette.transport())
        assert client.post("http://x/chat/completions", json=BODY).status_code == 500
        assert cassette.has_retry()
        assert client.post("http://x/chat/completions", json=BODY).status_code == 200
        assert not cassette.has_retry()


def test_a_caller_that_retries_itself_says_so(tmp_path):
    path = tmp_path / "c.yaml"
    with Scripted([reply({}, 503), reply({})]) as server, Cassette(path, "once") as cassette:
        for attempt in (1, 2):
            httpx2.Client(transport=cassette.transport(attempt=attempt)).post(server.url, json=BODY)
    assert [one.response.attempt for one in file.load(path)] == [1, 2]


def test_secrets_in_headers_are_never_stored_whatever_the_redactor(tmp_path):
    path = tmp_path / "c.yaml"
    headers = {"authorization": "Bearer sk-secret", "x-api-key": "secret", "cookie": "secret"}
    with (
        Scripted([reply({}, headers={"set-cookie": "secret=1"})]) as server,
        Cassette(path, "once") as cassette,
    ):
        cassette.http_client(headers=headers).post(server.url, json=BODY)
    assert server.requests[0].headers["authorization"] == "Bearer sk-secret"
    assert "secret" not in path.read_text()


def test_many_threads_share_a_cassette(tmp_path):
    path = tmp_path / "c.yaml"

    def answer(asked):
        return reply(asked.json)

    def ask_all(cassette, url):
        seen = []

        def work(number):
            with cassette.http_client() as client:
                questions = [{"n": number, "turn": turn} for turn in range(5)]
                seen.extend(client.post(url, json=body).json() == body for body in questions)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return seen

    with Scripted([answer]) as server, Cassette(path, "once") as cassette:
        assert ask_all(cassette, server.url) == [True] * 40
    with Cassette(path) as cassette:
        assert ask_all(cassette, "http://x") == [True] * 40
    assert cassette.unplayed == ()
