"""Legacy Completions: a prompt in, text out, and the official SDK beside it."""

import json
from contextlib import suppress

import httpx2
import openai as sdk
import pytest
from chat_wire import send as send_to
from chat_wire import sse
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_corpus import ABSENT, PRESENT, recordings
from scripted import Scripted, reply

from replay.conversation import Message
from replay.jsontext import canonical
from replay.providers import Place, Unreadable, openai, openai_completions, openai_responses
from replay.providers._wire import answer
from replay.turn import Reply, Request, Target, Usage

WIRE = "openai_completions"
LOGPROBS = {
    "tokens": ["Once", " upon"],
    "token_logprobs": [None, -0.25],
    "top_logprobs": [None, {" upon": -0.25, " more": -2.5}],
    "text_offset": [0, 4],
}


def body(text="Once upon", finish_reason="length", *, logprobs=None, **more):
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1741000000,
        "model": "gpt-3.5-turbo-instruct",
        "choices": [{"text": text, "index": 0, "logprobs": logprobs, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5},
    } | more


REQUESTS = {
    "text": {"prompt": "Tell me"},
    "list": {"prompt": ["Tell me"]},
    "prompts": {"prompt": ["Tell me", "Sing"], "n": 2},
    "tokens": {"prompt": [1, 2, 3]},
    "lists of tokens": {"prompt": [[1, 2], [3]]},
    "nothing": {},
    "null": {"prompt": None, "logprobs": None, "temperature": None},
    "no prompts": {"prompt": []},
    "params": {
        "prompt": "a", "max_tokens": 5, "logprobs": 0, "echo": True, "suffix": "!", "best_of": 3,
        "stop": ["\n"], "top_k": 5, "min_p": 0.1,
        "stream": True, "stream_options": {"include_usage": True},
    },
}  # fmt: skip


@pytest.mark.parametrize("asked", REQUESTS.values(), ids=REQUESTS)
def test_a_request_goes_back_on_the_wire_as_it_came(asked):
    asked = {"model": "gpt-3.5-turbo-instruct"} | asked
    assert openai_completions.encode(openai_completions.decode_request(asked)) == asked


def test_a_request_is_read_in_the_words_of_chat_completions():
    asked = openai_completions.decode_request({"model": "m"} | REQUESTS["params"] | {"logprobs": 2})
    assert asked.messages == (Message("user", "a"),)
    assert asked.params.pop("native") == {WIRE: {"echo": True, "suffix": "!", "best_of": 3, "min_p": 0.1}}
    assert asked.params == {
        "max_completion_tokens": 5, "logprobs": True, "top_logprobs": 2, "stop": ["\n"], "top_k": 5,
        "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip


def test_a_conversation_is_one_prompt():
    messages = Message("system", "Be brief."), Message("user", [{"type": "text", "text": "Hi"}])
    params = {"max_tokens": 5, "response_format": {"type": "json_object"}}
    assert openai_completions.encode(Request("m", messages, params=params)) == {
        "model": "m",
        "prompt": "Be brief.\n\nHi",
        "max_tokens": 5,
    }


REPLIES = {
    "text": body(),
    "logprobs": body(logprobs=LOGPROBS),
    "empty": body(""),
    "two": body(
        choices=[
            {"text": str(n), "index": n, "logprobs": LOGPROBS, "finish_reason": "stop", "stop_reason": None}
            for n in range(2)
        ]
    ),
    "little": {"choices": [{"text": "a", "log_probs": []}], "model": "m"},
}


@pytest.mark.parametrize("said", REPLIES.values(), ids=REPLIES)
def test_a_reply_survives_its_own_encoding(said):
    read = openai_completions.decode(said)
    assert openai_completions.decode(openai_completions.encode_reply(read)) == read
    assert Reply.from_json(read.to_json()) == read


def test_a_reply_is_read_in_the_words_of_chat_completions():
    read = openai_completions.decode(REPLIES["logprobs"])
    assert (read.message, read.finish_reason, read.usage) == (
        Message("assistant", "Once upon"),
        "length",
        Usage(2, 3, 5),
    )
    assert read.logprobs["content"][1] == {
        "token": " upon",
        "logprob": -0.25,
        "top_logprobs": [{"token": " upon", "logprob": -0.25}, {"token": " more", "logprob": -2.5}],
    }
    assert [choice.message.text for choice in openai_completions.decode(REPLIES["two"]).choices()] == [
        "0",
        "1",
    ]


@pytest.mark.parametrize(
    "said", [{}, [], {"choices": []}, {"choices": [{"index": 0}]}, {"error": {"message": "x"}}]
)
def test_what_is_no_reply_is_unreadable(said):
    with pytest.raises(Unreadable):
        openai_completions.decode(said)


def chunks(*texts, finish_reason="stop", logprobs=None):
    for text in texts:
        yield body(text, None, usage=None, logprobs=logprobs and {k: v[:1] for k, v in LOGPROBS.items()})
    yield body("", finish_reason, usage=None)
    yield body(choices=[])


def test_a_stream_is_the_reply():
    told = "".join([*map(sse, chunks("Once", " upon")), "data: [DONE]\n\n"])
    found = answer(openai_completions, 200, {}, told.encode())
    assert (found.reply.message, found.reply.finish_reason) == (Message("assistant", "Once upon"), "stop")
    assert found.reply.usage == Usage(2, 3, 5)
    assert found.stream == {"events": 4, "done": True}
    odd = answer(openai_completions, 200, {}, b'data: {"value":"Sure"}\n\ndata: {"value":"!"}\n\n')
    assert odd.reply.message.text == "Sure!"


def test_a_cut_stream_is_what_had_come():
    told = sse(body("Once", None)) + 'data: {"choices": [{"text": "u'
    found = answer(openai_completions, 200, {}, told.encode())
    assert (found.error.kind, found.reply.message.text) == ("cut", "Once")


JSON = (
    st.none()
    | st.integers()
    | st.text(max_size=2)
    | st.lists(st.integers(), max_size=2)
    | st.just({"a": [{}]})
)


@settings(max_examples=100)
@given(st.sampled_from([*REPLIES.values(), *REQUESTS.values()]), st.data())
def test_garbage_anywhere_is_only_ever_unreadable(sample, data):
    sample = json.loads(json.dumps(sample))
    holder = data.draw(st.sampled_from([sample, *sample.get("choices", [])]))
    logprobs = holder.get("logprobs")
    holder = data.draw(st.sampled_from([holder, logprobs])) if isinstance(logprobs, dict) else holder
    if not holder:
        return
    holder[data.draw(st.sampled_from(sorted(holder)))] = data.draw(JSON)
    with suppress(Unreadable):
        openai_completions.decode(sample)
    with suppress(Unreadable):
        openai_completions.decode_stream([{"event": "", "data": json.dumps(sample)}])
    with suppress(Unreadable):
        openai_completions.encode(openai_completions.decode_request(sample))


PLACES = {
    "https://api.openai.com/v1/completions": Place(),
    "https://api.openai.com/v1/engines/davinci/completions": Place(
        "davinci", settings={"base_url": "https://api.openai.com/v1/engines/davinci"}
    ),
    "http://localhost:8000/v1/completions": Place(settings={"base_url": "http://localhost:8000/v1"}),
    "https://r.openai.azure.com/openai/deployments/d/completions?api-version=2024-10-21": Place(
        "d",
        settings={"endpoint": "https://r.openai.azure.com", "deployment": "d", "api_version": "2024-10-21"},
    ),
}


@pytest.mark.parametrize("url", PLACES)
def test_a_url_says_where_a_target_is_and_the_target_is_asked_there(url):
    found = openai_completions.place("POST", url)
    assert found == PLACES[url]
    asked = []

    class Seam(httpx2.BaseTransport):
        def handle_request(self, request):
            asked.append(str(request.url))
            return httpx2.Response(200, json=body())

    target = Target("t", WIRE, "m", found.settings)
    assert openai_completions.send(Request("m", (Message("user", "x"),)), target, Seam()).reply
    assert asked == [url]


def test_other_urls_are_none_of_this_wire():
    for url in (
        "https://api.openai.com/v1/chat/completions",
        "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
    ):
        assert openai_completions.place("POST", url) is None
    assert openai_completions.place("GET", "https://api.openai.com/v1/organization/usage/completions") is None


def test_a_request_without_a_url_is_known_by_its_answer():
    asked = {"model": "m", "prompt": "x"}
    assert openai_completions.claims(asked, json.dumps(body()).encode())
    assert openai_completions.claims(asked, "".join(map(sse, chunks("a"))).encode())
    assert not openai_completions.claims(asked, None)
    assert not openai_completions.claims(asked, b'{"response": "a", "done": true}')
    assert not any(other.claims(asked, json.dumps(body()).encode()) for other in (openai, openai_responses))


def test_what_we_send_is_what_the_sdk_sends_and_what_we_read_is_what_it_reads():
    asked = REQUESTS["params"] | {"model": "m", "stream": False, "logprobs": 1}
    own = {name: asked.pop(name) for name in ("top_k", "min_p", "stream_options")}
    with Scripted([reply(body(logprobs=LOGPROBS))]) as server:
        client = sdk.OpenAI(api_key="k", base_url=server.url, max_retries=0)
        done = client.completions.create(**asked, extra_body=own)
    turn = send_to(
        reply(body(logprobs=LOGPROBS)),
        openai_completions.decode_request(asked | own),
        openai_completions,
    )
    assert openai_completions.encode(turn.request) == server.requests[0].json
    (choice,) = done.choices
    read = turn.reply
    assert (read.message.text, read.finish_reason) == (choice.text, choice.finish_reason)
    assert [token["token"] for token in read.logprobs["content"]] == choice.logprobs.tokens
    assert [token["logprob"] for token in read.logprobs["content"]] == choice.logprobs.token_logprobs


def texts(content):
    """The text of each choice, as plainly as possible."""
    try:
        found = [json.loads(content)]
    except ValueError:
        lines = [line.removeprefix("data:").strip() for line in content.decode().splitlines()]
        found = [json.loads(line) for line in lines if line.startswith("{")]
    said = {}
    for document in found:
        for place, choice in enumerate(document.get("choices") or [{"text": document.get("value", "")}]):
            index = choice.get("index", place)
            said[index] = said.get(index, "") + choice["text"]
    return [said[index] for index in sorted(said)]


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
def test_every_recording_is_what_a_naive_reading_finds():
    requests = replies = 0
    for item in recordings("completions", "deployments/completions"):
        if not item.request:
            continue
        asked = json.loads(item.request)
        assert canonical(openai_completions.encode(openai_completions.decode_request(asked))) == canonical(
            asked
        )
        requests += 1
        found = answer(openai_completions, item.status, item.headers, item.body)
        assert bool(found.error) == (item.status >= 400), item.id
        if found.error:
            continue
        assert [choice.message.text for choice in found.reply.choices()] == texts(item.body), item.id
        reasons = item.row.get("finish_reason")
        assert found.reply.native_finish_reason == (reasons[0] if isinstance(reasons, list) else reasons), (
            item.id
        )
        for key, name in (("input", "prompt"), ("output", "completion"), ("total", "total")):
            if key in (item.row.get("usage") or {}):
                assert getattr(found.reply.usage, f"{name}_tokens") == item.row["usage"][key], item.id
        assert openai_completions.decode(openai_completions.encode_reply(found.reply)) == found.reply, item.id
        replies += 1
    assert requests >= 78
    assert replies >= 76
