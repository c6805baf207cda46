"""Official SDKs against `replay serve`: what one records through it, it plays, and a miss is no retry."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path

import anthropic
import openai
import pytest
from chat_wire import HELLO, completion, streamed
from google import genai
from messages_wire import hello, message
from messages_wire import sse as claude_sse
from scripted import Scripted, reply, stream
from serving import ask, cassette, recorded

from replay.conversation import Message
from replay.providers import Place, _responses_streamed
from replay.serve import Served
from replay.turn import Reply, Usage

NODE = shutil.which("node") and shutil.which("npm")
CURL = shutil.which("curl")
CACHE = Path(os.environ.get("REPLAY_NODE_CACHE") or Path.home() / ".cache" / "replay-tests" / "openai-node")
WHERE = {"role": "user", "content": "Where is my refund?"}
SAID = Reply(Message("assistant", "On its way."), "stop", usage=Usage(9, 4, 13), model="m", extra={"id": "r"})
GEMINI_SAID = {"content": {"role": "model", "parts": [{"text": "On its way."}]}, "finishReason": "STOP"}
GEMINI = {
    "candidates": [GEMINI_SAID],
    "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 4, "totalTokenCount": 13},
}


def openai_at(url, **more):
    return openai.OpenAI(base_url=f"{url}/v1", api_key="sk-proj-0123456789abcdefghij", **more)


def chat(url, words="Where is my refund?"):
    asked = openai_at(url).chat.completions.create(**ask(words))
    return asked.choices[0].message.content


def chat_streamed(url, words="Where is my refund?"):
    chunks = openai_at(url).chat.completions.create(**ask(words), stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def chat_async(url, words="Where is my refund?"):
    async def main():
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k") as client:
            chunks = await client.chat.completions.create(**ask(words), stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])

    return asyncio.run(main())


def responses(url, words="Where is my refund?"):
    return openai_at(url).responses.create(model="m", input=words).output_text


def responses_streamed(url, words="Where is my refund?"):
    with openai_at(url).responses.stream(model="m", input=words) as events:
        return events.get_final_response().output_text


def claude(url, words="Where is my refund?"):
    client = anthropic.Anthropic(base_url=url, api_key="k")
    asked = {"model": "c", "max_tokens": 9, "messages": [{"role": "user", "content": words}]}
    return client.messages.create(**asked).content[0].text


def claude_streamed(url, words="Where is my refund?"):
    client = anthropic.Anthropic(base_url=url, api_key="k")
    asked = {"model": "c", "max_tokens": 9, "messages": [{"role": "user", "content": words}]}
    with client.messages.stream(**asked) as events:
        return "".join(events.text_stream)


def gemini(url, words="Where is my refund?"):
    client = genai.Client(api_key="k", http_options={"base_url": url})
    return client.models.generate_content(model="g", contents=words).text


def gemini_streamed(url, words="Where is my refund?"):
    client = genai.Client(api_key="k", http_options={"base_url": url})
    chunks = client.models.generate_content_stream(model="g", contents=words)
    return "".join(chunk.text for chunk in chunks)


RESPONSE = _responses_streamed.encode_whole(SAID)
RESPONSES = [piece.decode() for piece in _responses_streamed.encode_stream(SAID, Place())]
GEMINI_STREAM = [f"data: {json.dumps(GEMINI)}\r\n\r\n"]
CALLS = {
    chat: reply(completion()),
    chat_streamed: stream(streamed(*HELLO)),
    chat_async: stream(streamed(*HELLO)),
    responses: reply(RESPONSE),
    responses_streamed: stream(RESPONSES),
    claude: reply(message()),
    claude_streamed: stream(claude_sse(hello())),
    gemini: reply(GEMINI),
    gemini_streamed: stream(GEMINI_STREAM),
}


@pytest.mark.parametrize("call", CALLS)
def test_what_an_sdk_records_through_the_server_it_is_played(call, tmp_path):
    path = tmp_path / "app.yaml"
    with Scripted([CALLS[call]]) as provider:
        with Served(record_to=path, upstream=[provider.url]) as server:
            assert call(server.url) == "On its way."
            assert [one["answer"] for one in server.journal["asked"]] == ["live"]
        assert len(provider.requests) == 1
    with Served(path) as server:
        assert call(server.url) == "On its way."
        assert (server.journal["counts"], server.journal["unplayed"]) == ({"asked": 1, "recording": 1}, [])


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (chat, openai.BadRequestError),
        (chat_streamed, openai.BadRequestError),
        (chat_async, openai.BadRequestError),
        (responses, openai.BadRequestError),
        (claude, anthropic.BadRequestError),
        (claude_streamed, anthropic.BadRequestError),
        (gemini, genai.errors.ClientError),
        (gemini_streamed, genai.errors.ClientError),
    ],
)
def test_a_miss_is_the_sdks_own_error_and_is_asked_once(call, error, tmp_path):
    path = tmp_path / "app.yaml"
    with Scripted([CALLS[call]]) as provider, Served(record_to=path, upstream=[provider.url]) as server:
        call(server.url)
    with Served(path) as server:
        with pytest.raises(error, match="no recorded interaction matches") as missed:
            call(server.url, "Where is my parcel?")
        assert server.journal["counts"] == {"asked": 1, "miss": 1}
    assert '"Where is my parcel?" was "Where is my refund?"' in str(missed.value).replace("\\", "")


def test_a_recorded_rate_limit_is_retried_by_the_sdk_as_it_was_live(tmp_path):
    busy = reply({"error": {"message": "busy"}}, 429, {"retry-after-ms": "1"})
    path = tmp_path / "app.yaml"
    limited = Scripted([busy, reply(completion())])
    with limited as provider, Served(record_to=path, upstream=[provider.url]) as server:
        assert chat(server.url) == "On its way."
    with Served(path) as server:
        assert chat(server.url) == "On its way."
        assert [one["status"] for one in server.journal["asked"]] == [429, 200]


SCRIPT = """
import OpenAI from "openai";
const client = new OpenAI({ baseURL: process.env.BASE, apiKey: "k" });
const asked = { model: "m", messages: [{ role: "user", content: "Where is my refund?" }] };
const whole = await client.chat.completions.create(asked);
let pieces = [];
for await (const chunk of await client.chat.completions.create({ ...asked, stream: true }))
  pieces.push(chunk.choices[0].delta.content ?? "");
const response = await client.responses.create({ model: "m", input: "Where is my refund?" });
let missed = {};
try {
  await client.chat.completions.create({ ...asked, temperature: 1 });
} catch (error) {
  missed = { kind: error.constructor.name, status: error.status, code: error.code, message: error.message };
}
const models = [];
for await (const model of client.models.list()) models.push(model.id);
console.log(JSON.stringify({
  whole: whole.choices[0].message.content, pieces, response: response.output_text, missed, models,
}));
"""


@pytest.fixture(scope="session")
def openai_for_node():
    """The folder with npm's `openai` in it; installed once, and kept."""
    if not NODE:
        pytest.skip("node or npm is missing: apt-get install nodejs npm")
    if not (CACHE / "node_modules" / "openai" / "package.json").exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--silent", "openai@7"]
        done = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            pytest.skip(f"npm's openai is missing, and cannot be fetched: {done.stderr[-300:]}")
    return CACHE


def test_openais_sdk_for_node_is_answered_and_refused_alike(openai_for_node, tmp_path):
    (tmp_path / "node_modules").symlink_to(openai_for_node / "node_modules")
    (tmp_path / "app.mjs").write_text(SCRIPT)
    where = ask(WHERE["content"])
    path = cassette(
        tmp_path / "app.yaml",
        recorded(where, completion()),
        recorded(where | {"stream": True}, streamed(*HELLO), kind="text/event-stream"),
        recorded({"model": "m", "input": WHERE["content"]}, RESPONSE, "/v1/responses"),
    )
    with Served(path) as server:
        told = subprocess.run(
            [shutil.which("node"), "app.mjs"],
            cwd=tmp_path,
            env=os.environ | {"BASE": f"{server.url}/v1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert told.returncode == 0, told.stderr
        assert server.journal["counts"] == {"asked": 5, "recording": 3, "miss": 1, "models": 1}
    found = json.loads(told.stdout)
    assert (found["whole"], found["response"]) == ("On its way.", "On its way.")
    assert found["pieces"] == ["", "On ", "its way.", ""]
    assert (found["missed"]["kind"], found["missed"]["code"]) == ("BadRequestError", "replay_miss")
    assert "temperature added (1)" in found["missed"]["message"]


@pytest.mark.skipif(not CURL, reason="curl is missing: apt-get install curl")
def test_curl_shows_each_chunk_as_it_comes(tmp_path):
    pieces = streamed(*HELLO, done=False)
    endless = recorded(ask(), pieces, kind="text/event-stream", failure="ReadTimeout")
    with Served(cassette(tmp_path / "one.yaml", endless)) as server:
        command = [CURL, "--no-buffer", "--silent", "--max-time", "20", f"{server.url}/v1/chat/completions"]
        command += ["--header", "content-type: application/json", "--data", json.dumps(ask())]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as curl:
            lines = [curl.stdout.readline() for _ in range(2 * len(pieces))]
            assert curl.poll() is None  # the answer has not ended, and what has come is there to be read
            curl.terminate()
    assert "".join(lines) == "".join(pieces)
