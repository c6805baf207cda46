"""An app that knows nothing of us: whatever library it uses, its requests are recorded and played."""

import asyncio
import gzip
import http.client
import json
import threading
import urllib.request

import aiohttp
import botocore.config
import botocore.session
import httpx
import httpx2
import openai
import pytest
import requests
import urllib3
from scripted import Scripted, reply, stream

from replay.cassette.cassette import Cassette
from replay.cassette.file import load
from replay.cassette.network import blocked
from replay.cassette.patches import intercept
from replay.cassette.redact import Redactor
from replay.errors import CassetteMiss

KEY = "sk-" + "a1B2" * 12
BODY = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
CHUNKS = [
    {"id": "1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}}]}
    for text in ("Hel", "lo")
]
EVENTS = [f"data: {json.dumps(chunk)}\n\n" for chunk in CHUNKS] + ["data: [DONE]\n\n"]


def with_openai(url):
    client = openai.OpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=0)
    return client.chat.completions.create(**BODY).choices[0].message.content


def with_openai_stream(url):
    client = openai.OpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=0)
    chunks = client.chat.completions.create(**BODY, stream=True)
    return [chunk.choices[0].delta.content for chunk in chunks]


def with_async_openai(url):
    async def ask():
        async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=0) as client:
            return (await client.chat.completions.create(**BODY)).choices[0].message.content

    return asyncio.run(ask())


def with_httpx(url, library=httpx):
    return library.post(f"{url}/v1/chat/completions", json=BODY, headers={"x-api-key": KEY}).json()


def with_httpx_stream(url):
    with httpx.stream("POST", f"{url}/v1/chat/completions", json=BODY) as response:
        return list(response.iter_bytes())


def with_async_httpx(url):
    async def ask():
        async with httpx.AsyncClient() as client:
            return (await client.post(f"{url}/v1/chat/completions", json=BODY)).json()

    return asyncio.run(ask())


def with_requests(url):
    headers = {"Authorization": f"Bearer {KEY}"}
    return requests.post(f"{url}/v1/chat/completions", json=BODY, headers=headers, timeout=5).json()


def with_requests_packed(url):
    packed = gzip.compress(json.dumps(BODY | {"user": KEY}).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    return requests.post(f"{url}/v1/chat/completions", data=packed, headers=headers, timeout=5).json()


def with_requests_stream(url):
    with requests.post(f"{url}/v1/chat/completions", json=BODY, stream=True, timeout=5) as response:
        return list(response.iter_lines())


def with_urllib3(url):
    pool = urllib3.PoolManager()
    answers = [pool.request("POST", f"{url}/v1/chat/completions", json=BODY | {"n": n}) for n in (1, 2)]
    return [answer.json() for answer in answers]


def with_aiohttp(url):
    async def ask():
        headers = {"Authorization": f"Bearer {KEY}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.post(f"{url}/v1/chat/completions", json=BODY) as response:
                first = await response.json()
            async with session.post(
                f"{url}/v1/chat/completions", data=json.dumps(BODY | {"n": 2})
            ) as response:
                return first, await response.json()

    return asyncio.run(ask())


def with_urllib(url):
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(BODY).encode())
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.load(response)


def with_http_client(url):
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    connection.request("POST", "/v1/chat/completions", json.dumps(BODY))
    return json.load(connection.getresponse())


def with_botocore(url):
    session = botocore.session.get_session()
    session.set_credentials("AKIA" + "A" * 16, "s" * 40)
    client = session.create_client(
        "bedrock-runtime",
        region_name="eu-west-1",
        endpoint_url=url,
        config=botocore.config.Config(retries={"max_attempts": 1}),
    )
    answer = client.invoke_model(modelId="some.model", body=json.dumps(BODY))
    return json.loads(answer["body"].read())


WAYS = {
    "openai": with_openai,
    "openai stream": with_openai_stream,
    "async openai": with_async_openai,
    "httpx": with_httpx,
    "httpx2": lambda url: with_httpx(url, httpx2),
    "httpx stream": with_httpx_stream,
    "async httpx": with_async_httpx,
    "requests": with_requests,
    "requests packed": with_requests_packed,
    "requests stream": with_requests_stream,
    "urllib3": with_urllib3,
    "aiohttp": with_aiohttp,
    "urllib": with_urllib,
    "http.client": with_http_client,
    "botocore": with_botocore,
}
PATCHED = (
    [(library.HTTPTransport, "handle_request") for library in (httpx, httpx2)]
    + [(library.AsyncHTTPTransport, "handle_async_request") for library in (httpx, httpx2)]
    + [
        (aiohttp.ClientSession, "_request"),
        (http.client, "HTTPConnection"),
        (urllib3.connectionpool.HTTPConnectionPool, "ConnectionCls"),
        (botocore.awsrequest.AWSHTTPConnectionPool, "ConnectionCls"),
    ]
)


@pytest.fixture(autouse=True)
def everything_is_restored():
    before = [getattr(owner, name) for owner, name in PATCHED]
    yield
    assert [getattr(owner, name) for owner, name in PATCHED] == before


def through(path, mode, work):
    with Cassette(path, mode, redactor=Redactor("salt")) as cassette, intercept(cassette) as witness:
        return work(), witness


@pytest.mark.parametrize("way", WAYS)
def test_what_an_app_asks_is_recorded_and_then_played_without_a_network(way, tmp_path):
    path, app = tmp_path / "app.yaml", WAYS[way]
    answer = stream(EVENTS) if "stream" in way else reply(ANSWER)
    with Scripted([answer]) as server:
        live, recording = through(path, "once", lambda: app(server.url))
        asked = len(server.requests)
    assert len(load(path)) == len(recording.exchanges) == asked, "each request is recorded once"
    assert KEY.encode() not in path.read_bytes()
    assert all(b'"messages"' in one.request.body for one in load(path))
    with blocked() as guard:
        played, playing = through(path, "none", lambda: app(server.url))
    assert played == live
    assert guard.tried == []
    assert [one.response.body for one in playing.exchanges] == [
        one.response.body for one in recording.exchanges
    ]


@pytest.mark.parametrize("way", [way for way in WAYS if "stream" not in way])
def test_a_request_that_is_not_recorded_is_refused_by_our_cassette(way, tmp_path):
    path = tmp_path / "app.yaml"
    with Scripted([reply(ANSWER)]) as server:
        through(path, "once", lambda: httpx.get(f"{server.url}/other"))
        with blocked() as guard, pytest.raises(Exception) as caught:  # noqa: PT011 - SDKs wrap it in their own
            through(path, "none", lambda: WAYS[way](server.url))
    error = caught.value
    while error is not None and not isinstance(error, CassetteMiss):
        error = error.__cause__ or error.__context__
    assert "no recorded interaction matches" in str(error)
    assert guard.tried == []
    assert len(server.requests) == 1


def test_clients_and_threads_from_before_are_intercepted_too(tmp_path):
    path = tmp_path / "app.yaml"
    with Scripted([reply(ANSWER)]) as server:
        url = f"{server.url}/v1/chat/completions"
        with httpx.Client() as client, requests.Session() as session:
            client.get(url)
            session.get(url)
            go, answers = threading.Event(), []

            def work():
                go.wait(5)
                answers.append((client.post(url, json=BODY).json(), session.post(url, json=BODY).json()))

            thread = threading.Thread(target=work)
            thread.start()

            def run():
                go.set()
                thread.join()

            _, witness = through(path, "once", run)
            assert answers == [(ANSWER, ANSWER)]
            assert len(witness.exchanges) == 2
            assert client.get(url).json() == session.get(url).json() == ANSWER
    assert len(server.requests) == 6
    assert len(load(path)) == 2


def test_packed_answers_are_stored_unpacked(tmp_path):
    packed = reply(gzip.compress(json.dumps(ANSWER).encode()), headers={"content-encoding": "gzip"})
    for number, app in enumerate((with_requests, with_aiohttp, with_urllib3, with_httpx)):
        path = tmp_path / f"{number}.yaml"
        with Scripted([packed]) as server:
            live, _ = through(path, "once", lambda app=app: app(server.url))
        assert all(json.loads(one.response.body) == ANSWER for one in load(path))
        played, _ = through(path, "none", lambda app=app: app(server.url))
        assert played == live


def test_errors_and_redirects_are_played_as_they_were(tmp_path):
    path = tmp_path / "app.yaml"
    script = [
        reply({}, status=302, headers={"location": "/second"}),
        reply({"ok": 1}),
        reply({}, status=302, headers={"location": "/second"}),
        reply({"ok": 2}),
        reply({"error": {"message": "slow"}}, status=429, headers={"retry-after": "7"}),
    ]

    async def redirected(url):
        async with aiohttp.ClientSession() as session, session.get(f"{url}/first") as response:
            return await response.json()

    def app(url):
        one = requests.get(f"{url}/first", timeout=5).json()
        two = asyncio.run(redirected(url))
        three = requests.get(f"{url}/third", timeout=5)
        return one, two, three.status_code, three.headers["retry-after"], three.json()

    with Scripted(script) as server:
        live, _ = through(path, "once", lambda: app(server.url))
    assert live == ({"ok": 1}, {"ok": 2}, 429, "7", {"error": {"message": "slow"}})
    with blocked():
        assert through(path, "none", lambda: app(server.url))[0] == live


def test_new_episodes_plays_what_is_known_and_records_the_rest(tmp_path):
    path = tmp_path / "app.yaml"
    with Scripted([reply(ANSWER)]) as server:
        through(path, "once", lambda: with_requests(server.url))
        _, witness = through(
            path, "new_episodes", lambda: (with_requests(server.url), with_urllib3(server.url))
        )
        assert len(server.requests) == 3
    assert len(load(path)) == len(witness.exchanges) == 3


def a_chat(url, address):
    """Says its user's address, and says the model's answer back to it, as chats do."""
    client = openai.OpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=0)
    messages = [{"role": "user", "content": f"I am {address}. What is my key?"}]
    for _ in range(2):
        chunks = client.chat.completions.create(model="m", messages=messages, stream=True)
        said = "".join(chunk.choices[0].delta.content for chunk in chunks)
        messages += [{"role": "assistant", "content": said}, {"role": "user", "content": "And now?"}]
    return said


def test_a_redacted_recording_still_answers_and_never_held_a_secret(tmp_path):
    secret, address = "sk-proj-" + "Zz9" * 14, "ada.l@corp.example.com"
    texts = ["It is ", secret[:11], secret[11:20], secret[20:], f" for {address}"]
    events = "".join(
        f"data: {json.dumps(CHUNKS[0] | {'choices': [{'index': 0, 'delta': {'content': text}}]})}\n\n"
        for text in texts
    )
    pieces = [events[place : place + 23] for place in range(0, len(events), 23)]  # cut anywhere
    path = tmp_path / "app.yaml"

    def files():
        return b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())

    recorded = Cassette(path, "once", redactor=Redactor("salt", [KEY]))
    with Scripted([stream([*pieces, "data: [DONE]\n\n"])]) as server, recorded, intercept(recorded):
        assert a_chat(server.url, address) == "".join(texts)
        written = files()
    assert b"And now?" in written, "the journal held both requests by then"
    for held in (written, files()):
        assert not [value for value in (secret, address, KEY) if value.encode() in held]
    with blocked():
        played, _ = through(path, "none", lambda: a_chat(server.url, address))
    assert played == Redactor("salt").text("".join(texts))
