"""A reply written as a stream is read back as the same reply, on every wire that can write one."""

import json

import pytest
from recorded_corpus import ABSENT, PRESENT, recordings

from replay.conversation import Message, ToolCall
from replay.providers import Place, registry
from replay.providers._sse import events, looks_like_events
from replay.providers._wire import answer
from replay.turn import Reply, Usage

CHATS = ("openai", "openai_responses", "anthropic", "gemini", "ollama")
ENDPOINTS = {
    "openai": ("chat.completions", "deployments/chat.completions"),
    "openai_responses": ("responses",),
    "openai_completions": ("completions",),
    "anthropic": ("messages",),
    "gemini": ("generateContent", "streamGenerateContent"),
    "ollama": ("ollama.chat",),
    "ollama_generate": ("ollama.generate",),
}
EVENTS = Place()
ARRAY = Place(settings={"alt": "json"})  # how Gemini streams when no events are asked for
SAYS = Message(
    "assistant",
    "Two things:\n first é, then 漢字.",
    (ToolCall("call_1", "lookup", '{"order": "A-1"}'), ToolCall("call_2", "now", "{}")),
)
REPLY = Reply(SAYS, "tool_calls", "tool_calls", Usage(9, 4, 13), model="m", extra={"id": "x-1"})


def whole(codec, reply):
    encode = getattr(codec, "encode_whole", codec.encode_reply)
    return answer(codec, 200, {}, json.dumps(encode(reply)).encode())


def streamed(codec, reply, place=EVENTS):
    return answer(codec, 200, {}, b"".join(codec.encode_stream(reply, place)))


def spoken(reply):
    """A reply without what a wire keeps for itself (ids of items)."""
    data = reply.to_json()
    for holder in (data["message"], *data["message"]["tool_calls"], data.get("extra", {})):
        holder.pop("native", None)
    return data


@pytest.mark.parametrize("wire", CHATS)
def test_text_and_calls_streamed_are_those_of_the_whole_body(wire):
    codec = registry.get(wire)
    found = streamed(codec, REPLY)
    assert found.error is None
    assert found.stream["done"]
    assert spoken(found.reply) == spoken(whole(codec, REPLY).reply)
    assert found.reply.message.text == SAYS.content
    assert [call.parsed() for call in found.reply.message.tool_calls] == [{"order": "A-1"}, {}]


@pytest.mark.parametrize("wire", CHATS)
def test_each_word_is_an_event_of_its_own(wire):
    codec = registry.get(wire)
    pieces = list(codec.encode_stream(Reply(Message("assistant", "one two three"), "stop"), EVENTS))
    holding = [piece for piece in pieces if any(word in piece for word in (b'"one"', b'" two"', b'" three"'))]
    assert len(holding) == 3
    if looks_like_events(pieces[0]):
        assert [len(events(piece)[0]) for piece in pieces] == [1] * len(pieces)


def test_gemini_streams_an_array_unless_events_are_asked_for():
    gemini = registry.get("gemini")
    said = json.loads(b"".join(gemini.encode_stream(REPLY, ARRAY)))
    assert isinstance(said, list)
    assert streamed(gemini, REPLY, ARRAY).reply == streamed(gemini, REPLY).reply


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
@pytest.mark.parametrize("wire", ENDPOINTS)
def test_every_recorded_reply_can_be_streamed(wire):
    codec, seen = registry.get(wire), 0
    for item in recordings(*ENDPOINTS[wire]):
        read = answer(codec, item.status, item.headers, item.body)
        if read.reply is None or read.error or b'"audio"' in item.body:  # audio is sent whole, and merged
            continue
        seen += 1
        found = streamed(codec, read.reply)
        assert (found.error, found.reply) == (None, whole(codec, read.reply).reply), item.id
    assert seen >= 12
