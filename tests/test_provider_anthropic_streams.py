"""Streams of the Messages wire: what they add up to, how they end, and what is kept when they do not."""

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages_wire import (
    COUNTS,
    TEXT,
    THINKING,
    USE,
    block,
    ended,
    events,
    hello,
    message,
    send,
    sse,
    started,
    text,
    use,
)
from scripted import Close, Wait, raw, stream

from replay.conversation import ToolCall
from replay.providers import Unreadable, anthropic
from replay.providers._aws_frames import framed
from replay.providers._wire import answer
from replay.turn import Usage

ARGUMENTS = '{"order_id":"A-1001"}'
CITED = [{"type": "char_location", "cited_text": "a"}, {"type": "char_location", "cited_text": "b"}]


def thinking(index):
    deltas = [{"type": "thinking_delta", "thinking": piece} for piece in ("It ", "is late.")]
    signed = {"type": "signature_delta", "signature": THINKING["signature"]}
    return block(index, {"type": "thinking", "thinking": "", "signature": ""}, *deltas, signed)


def cited(index):
    said = {"type": "text_delta", "text": "On its way."}
    deltas = [{"type": "citations_delta", "citation": citation} for citation in CITED]
    return block(index, {"type": "text", "text": "", "citations": []}, said, *deltas)


def searched(index):
    begun = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
    return block(index, begun, {"type": "input_json_delta", "partial_json": '{"query": "x"}'})


# a stream, and the content of the same answer when it is not streamed
SAME = {
    "text": ([*text(0, "On ", "its way.")], [TEXT]),
    "thinking": ([*thinking(0), *text(1, "On its way.")], [THINKING, TEXT]),
    "citations": ([*cited(0)], [TEXT | {"citations": CITED}]),
    "server tool": (
        [*searched(0)],
        [{"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}}],
    ),
    "call": ([*use(0, '{"order_id"', ':"A-1001"}')], [USE]),
    "call without arguments": ([*use(0), *use(1, "")], [USE | {"input": {}}, USE | {"input": {}}]),
    "arguments at once": ([*block(0, USE)], [USE]),
    "of a later day": (
        [
            *block(
                0,
                {"type": "compaction"},
                {"type": "compaction_delta", "content": "a", "deep": {"x": 1}, "no": None},
            )
        ],
        [{"type": "compaction", "content": "a", "deep": {"x": 1}}],
    ),
    "interleaved": (
        [event for pair in zip(text(0, "On its way."), use(1, ARGUMENTS), strict=True) for event in pair],
        [TEXT, USE],
    ),
    "nothing": ([], []),
}


@pytest.mark.parametrize(("pieces", "content"), SAME.values(), ids=SAME)
def test_a_streamed_reply_is_the_reply_that_is_not_streamed(pieces, content):
    reply = anthropic.decode_stream(events([started(), *pieces, *ended()]))
    assert reply == anthropic.decode(message() | {"content": content})


def test_arguments_are_the_text_that_was_streamed():
    reply = anthropic.decode_stream(
        events([started(), *use(0, '{"order_id": ', '"A-1'), *ended("max_tokens")])
    )
    assert reply.message.tool_calls == (ToolCall("toolu_01", "lookup_order", '{"order_id": "A-1'),)
    assert (reply.finish_reason, reply.native_finish_reason) == ("length", "max_tokens")


def test_counts_of_the_end_stand_in_place_of_those_of_the_beginning():
    late = {"input_tokens": 20, "cache_read_input_tokens": None, "output_tokens": 8}
    reply = anthropic.decode_stream(
        events([started(), *text(0, "x"), *ended(usage=late, context_management={"a": 1})])
    )
    assert reply.usage == Usage(170, 8, 178, 50)
    assert reply.extra["usage"] == COUNTS | {"input_tokens": 20, "output_tokens": 8}
    assert reply.extra["context_management"] == {"a": 1}


@pytest.mark.parametrize(
    "line",
    [
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        {"error": {"type": "overloaded_error", "message": "Overloaded"}},
    ],
)
def test_an_error_in_the_stream_keeps_what_came_before(line):
    came = [*sse([started(), *text(0, "On ")]), f"event: error\ndata: {json.dumps(line)}\n\n"]
    turn = send(stream(came))
    assert (turn.error.kind, turn.error.code, turn.error.message) == (
        "stream_error",
        "overloaded_error",
        "Overloaded",
    )
    assert turn.reply.message.text == "On "
    assert turn.reply.native_finish_reason is None


def test_an_error_event_that_is_no_json_is_an_error():
    with pytest.raises(Unreadable) as told:
        anthropic.decode_stream([{"event": "error", "data": "upstream went away"}])
    assert (told.value.error.kind, told.value.partial) == ("stream_error", None)
    assert "upstream went away" in told.value.error.message


def test_a_stream_that_ends_early_is_cut():
    turn = send(stream(sse([started(), *text(0, "On ")])))
    assert (turn.error.kind, turn.reply.message.text) == ("cut", "On ")
    assert turn.stream == {"events": 4, "done": False}


def test_a_stream_whose_connection_breaks_is_cut():
    turn = send(stream([*sse([started(), *text(0, "On ")]), Close()], end=False))
    assert (turn.error.kind, turn.reply.message.text) == ("cut", "On ")
    assert turn.stream["cut"]


def test_a_stream_cut_inside_an_event_is_cut():
    whole = sse(hello())
    turn = send(stream([*whole[:3], whole[3][:60]]))
    assert (turn.error.kind, turn.reply.message.text) == ("cut", "On ")


def test_a_stream_that_says_why_it_ended_is_whole_without_its_last_event():
    *most, _ = hello()
    assert anthropic.decode_stream(events(most)).finish_reason == "stop"


@pytest.mark.parametrize("documents", [[], [{"type": "ping"}], [{"type": "completion", "completion": "x"}]])
def test_a_stream_without_a_message_is_no_reply(documents):
    with pytest.raises(Unreadable, match="the stream holds no message") as told:
        anthropic.decode_stream(events(documents))
    assert told.value.error.kind == "bad_response"


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"type": "content_block_start", "index": 0, "content_block": "x"}, "content_block is text"),
        ({"type": "content_block_delta", "index": 0, "delta": None}, "delta is null"),
        ({"type": "message_delta", "delta": 5}, "delta is a number"),
        ({"type": "message_start", "message": []}, "message is a list"),
    ],
)
def test_an_event_of_a_wrong_shape_ends_the_reading(broken, says):
    with pytest.raises(Unreadable, match=says) as told:
        anthropic.decode_stream(events([started(), *text(0, "On "), broken, *hello()]))
    assert told.value.partial.message.text == "On "


def test_deltas_of_a_block_that_never_began_are_kept():
    pieces = [piece for piece in text(3, "On ", "its way.") if piece["type"] == "content_block_delta"]
    assert anthropic.decode_stream(events([started(), *pieces, *ended()])).message.text == "On its way."


def test_what_follows_the_end_is_not_read():
    turn = send(stream(sse([*hello(), *text(0, "more")])))
    assert turn.reply.message.text == "On its way."
    assert turn.stream == {"events": len(hello()) - 1, "done": True, "after_done": 3}


def test_a_reply_comes_piece_by_piece_over_a_socket():
    turn = send(stream([piece for line in sse(hello()) for piece in (line[:30], Wait(0.001), line[30:])]))
    assert turn.error is None
    assert turn.reply.message.content == "On its way."
    assert turn.timing.first_token_ms < turn.timing.total_ms


def test_events_without_names_are_read():
    body = "\n".join(json.dumps(document) for document in hello()).encode()
    found = answer(anthropic, 200, {}, body)
    assert found.reply.message.text == "On its way."
    assert found.stream["done"]


def chunk(document):
    packed = base64.b64encode(json.dumps(document).encode()).decode()
    return {"event": "chunk", "data": json.dumps({"bytes": packed, "p": "abc"})}


def test_frames_of_bedrock_are_unwrapped():
    *most, last = hello()
    last |= {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 9}}
    found = answer(anthropic, 200, {}, framed(map(chunk, [*most, last])))
    assert found.reply.message.text == "On its way."
    assert found.reply.extra["amazon-bedrock-invocationMetrics"] == {"inputTokenCount": 9}
    assert found.stream == {"events": len(most), "done": True}


def test_an_exception_of_bedrock_is_an_error_of_the_stream():
    sent = {"event": "throttlingException", "data": '{"message": "Too many tokens"}', "error": "exception"}
    found = answer(anthropic, 200, {}, framed([*map(chunk, [started(), *text(0, "On ")]), sent]))
    assert (found.error.kind, found.error.code, found.error.message) == (
        "stream_error",
        "throttlingException",
        "Too many tokens",
    )
    assert found.reply.message.text == "On "


def test_a_long_stream_takes_time_in_proportion():
    many = 20_000
    pieces = [started(), *text(0, *["word "] * many), *ended()]
    assert anthropic.decode_stream(events(pieces)).message.text == "word " * many


WILD = st.recursive(
    st.none() | st.integers() | st.sampled_from(["text", "tool_use", "text_delta", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["type", "text", "index", "usage", "delta", "input", "citation"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
WHOLE = [started(), *thinking(0), *cited(1), *use(2, "{}"), *ended("tool_use")]


@settings(max_examples=200)
@given(st.data())
def test_any_events_are_a_reply_or_unreadable(data):
    documents = [dict(document) for document in WHOLE]
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(documents) - 1))
        key = data.draw(st.sampled_from([*documents[place], "error"]))
        documents[place][key] = data.draw(WILD)
    came = [{"event": "", "data": json.dumps(document)} for document in documents]
    with suppress(Unreadable):
        assert isinstance(anthropic.decode_stream(came).message.text, str)
    found = answer(anthropic, 200, {}, "".join(f"data: {event['data']}\n\n" for event in came).encode())
    assert found.reply or found.error


def test_a_status_line_alone_is_no_answer():
    assert send(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).error.message == "the body is empty"
