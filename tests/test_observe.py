"""An app's own requests become a transcript, which the ordinary assertions judge."""

import json
from contextlib import suppress

import openai
import pytest
import requests
from scripted import Scripted, reply, reset, stream

from replay import assertions
from replay.cassette.cassette import Cassette
from replay.cassette.network import blocked
from replay.cassette.observe import transcript
from replay.cassette.patches import intercept
from replay.turn import Transcript

TOOLS = [
    {"type": "function", "function": {"name": "lookup", "parameters": {"type": "object", "properties": {}}}}
]


def answer(message, reason="stop"):
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    whole = {"id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini", "usage": usage}
    return reply(whole | {"choices": [choice]})


CALL = {"id": "call_1", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}
SCRIPT = [
    answer({"content": None, "tool_calls": [CALL]}, "tool_calls"),
    reply({"data": []}),
    answer({"content": "Done."}),
]


def an_agent(url):
    """Two calls of a model with a tool between, and a request that is no chat completion."""
    client = openai.OpenAI(api_key="sk-unused", base_url=f"{url}/v1", max_retries=2)
    messages = [{"role": "user", "content": "Where is it?"}]
    first = (
        client.chat.completions.create(model="gpt-4o-mini", messages=messages, tools=TOOLS).choices[0].message
    )
    requests.get(f"{url}/orders", timeout=5)
    messages += [
        first.to_dict(),
        {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "there"},
    ]
    return (
        client.chat.completions.create(model="gpt-4o-mini", messages=messages, tools=TOOLS).choices[0].message
    )


def seen(path, mode, work):
    with Cassette(path, mode) as cassette, intercept(cassette) as witness:
        work()
    return transcript(witness.exchanges, "app/agent", "app")


def judged(play, **wanted):
    for name, argument in wanted.items():
        found = assertions.build(name, argument)(play)
        yield from found if isinstance(found, list | tuple) or hasattr(found, "__next__") else [found]


def test_an_agent_is_judged_by_the_ordinary_assertions(tmp_path):
    with Scripted(SCRIPT) as server:
        live = seen(tmp_path / "a.yaml", "once", lambda: an_agent(server.url))
    with blocked():
        played = seen(tmp_path / "a.yaml", "none", lambda: an_agent(server.url))
    for play in (live, played):
        assert [turn.reply.finish_reason for turn in play.turns] == ["tool_calls", "stop"]
        assert [len(turn.request.messages) for turn in play.turns] == [1, 3]
        assert play.conversation.messages == play.turns[0].request.messages
        assert play.conversation.tools[0].name == "lookup"
        assert play.conversation.source == {"format": "app", "left_out": 1}
        assert Transcript.from_json(play.to_json()).turns == play.turns
        good = judged(play, finish_reason=["stop", "tool_calls"], tool_calls=["lookup"], contains="Done")
        assert {verdict.status for verdict in good} == {"passed"}
        bad = next(judged(play, contains="Sorry"))
        assert bad.status == "failed"
    assert live.turns == played.turns


def test_a_streamed_and_a_cut_answer_are_seen_as_such(tmp_path):
    def event(text, reason=None):
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
        whole = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini"}
        return f"data: {json.dumps(whole | {'choices': [choice]})}\n\n"

    def app(url):
        client = openai.OpenAI(api_key="sk-unused", base_url=f"{url}/v1", max_retries=0)
        for _ in range(2):
            asked = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
            with suppress(openai.APIConnectionError):
                list(client.chat.completions.create(**asked))

    whole = stream([event("Hel"), event("lo", "stop"), "data: [DONE]\n\n"])
    cut = [*stream([event("Hel")], end=False), *reset()]
    with Scripted([whole, cut]) as server:
        live = seen(tmp_path / "a.yaml", "once", lambda: app(server.url))
    played = seen(tmp_path / "a.yaml", "none", lambda: app(server.url))
    for play in (live, played):
        good, bad = play.turns
        assert good.reply.message.content == "Hello"
        assert len(good.timing.chunks) == good.stream["events"] + 1 == 3
        assert (bad.error.kind, bad.reply.message.content) == ("cut", "Hel")


def test_a_retry_takes_the_place_of_what_failed(tmp_path):
    slow = reply({"error": {"message": "slow down"}}, status=429, headers={"retry-after-ms": "1"})

    def app(url):
        client = openai.OpenAI(api_key="sk-unused", base_url=f"{url}/v1", max_retries=2)
        client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}])

    with Scripted([slow, answer({"content": "Hello"})]) as server:
        live = seen(tmp_path / "a.yaml", "once", lambda: app(server.url))
    assert [turn.attempts for turn in live.turns] == [2]
    assert live.turns[0].reply.message.content == "Hello"


@pytest.mark.parametrize("status", [400, 500])
def test_an_error_is_a_turn_with_an_error(tmp_path, status):
    def app(url):
        asked = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
        requests.post(f"{url}/v1/chat/completions", json=asked, timeout=5)
        requests.post(f"{url}/v1/chat/completions", data="not JSON", timeout=5)

    with Scripted([reply({"error": {"message": "no"}}, status=status)]) as server:
        play = seen(tmp_path / "a.yaml", "once", lambda: app(server.url))
    assert [turn.error.status for turn in play.turns] == [status]
    assert play.conversation.source["left_out"] == 1


def test_nothing_asked_is_a_transcript_without_turns():
    play = transcript([], "app/none", "app")
    assert play.turns == ()
    assert play.conversation.messages == ()
