"""Streams, whole and broken, over real HTTP through the official SDK."""

import json

import pytest
from chat_wire import HELLO, chunk, completion, send, sse, streamed
from scripted import Close, Reset, Wait, raw, reply, stream

from replay.providers import Unreadable, openai
from replay.providers._sse import events
from replay.providers._wire import answer
from replay.turn import ApiError

ERROR = {"error": {"message": "upstream died", "type": "server_error", "code": "502"}}
BEGUN = "".join(streamed(*HELLO[:2], done=False))


def test_a_stream_is_the_reply_it_would_be_without_streaming():
    usage = {"usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}}
    turn = send(stream(streamed(*HELLO, chunk() | {"choices": []} | usage)))
    assert turn.error is None
    assert turn.reply == openai.decode(completion())
    assert turn.stream == {"events": 5, "done": True}


# what ends or disturbs a stream after "On ": script, kind, class of the SDK, what the message says
BROKEN = {
    "error object": (stream([BEGUN, sse(ERROR)]), "stream_error", None, "upstream died"),
    "event error": (stream([BEGUN, sse(ERROR, "error")]), "stream_error", None, "upstream died"),
    "event error, bare": (stream([BEGUN, sse({"message": "died", "code": 1}, "error")]), "stream_error",
                          None, "died"),
    "event error, empty": (stream([BEGUN, "event: error\ndata:\n\n"]), "stream_error", None, "no message"),
    "error is text": (stream([BEGUN, sse({"error": "died"})]), "stream_error", None, "died"),
    "vllm": (stream([BEGUN, sse({"object": "error", "message": "died"})]), "stream_error", None, "died"),
    "json line without data": (stream([BEGUN, json.dumps(ERROR) + "\n"]), "stream_error", None,
                               "upstream died"),
    "error of a choice": (stream([BEGUN, sse(chunk(finish_reason="error") | {"choices": [
        {"index": 0, "delta": {}, "error": {"message": "died"}}]})]), "stream_error", None, "died"),
    "reset": (stream([BEGUN, Wait(0.1), Reset()], end=False), "cut", "APIConnectionError", ""),
    "chunked and closed": (stream([BEGUN, Close()], end=False), "cut", "APIConnectionError", ""),
    "short content-length": (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", BEGUN.encode(), Close()),
                             "cut", "APIConnectionError", ""),
    "reset inside an event": (stream([BEGUN, 'data: {"choices": [{"del', Wait(0.1), Reset()], end=False),
                              "cut", "APIConnectionError", ""),
    "stall": (stream([BEGUN, Wait(3)], end=False), "timeout", "APITimeoutError", ""),
    "cut json": (stream([BEGUN, 'data: {"choices": [{"del\n\n']), "cut", None, "event 3 is not JSON"),
    "broken json between": (stream([BEGUN, "data: {oops}\n\n", *streamed(*HELLO[2:])]), "bad_response", None,
                            "event 3 is not JSON"),
    "event is a number": (stream([BEGUN, "data: 5\n\n"]), "bad_response", None, "event 3 is a number"),
    "choices are text": (stream([BEGUN, sse({"choices": "x"})]), "bad_response", None, "choices is text"),
}  # fmt: skip


@pytest.mark.parametrize(("script", "kind", "name", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_stream_is_an_error_with_the_part_that_had_arrived(script, kind, name, says):
    turn = send(script, timeout=0.5)
    assert (turn.error.kind, turn.error.exception) == (kind, name)
    assert says in turn.error.message
    assert turn.reply.message.text == "On "
    assert turn.reply.finish_reason is None
    assert turn.stream["done"] is ("[DONE]" in turn.raw)
    assert turn.raw.startswith("data: ")


# what is odd and yet a whole reply: the body, what `stream` says of it beside done
WHOLE = "".join(streamed(*HELLO))
ODD = {
    "plain": (WHOLE, {"events": 4}),
    "ping": (": hello\n\nevent: ping\ndata: \n\nevent: ping\ndata\n\n" + WHOLE, {"events": 4}),
    "cr": (WHOLE.replace("\n", "\r"), {"events": 4}),
    "crlf": (WHOLE.replace("\n", "\r\n"), {"events": 4}),
    "no space after the colon": (WHOLE.replace("data: ", "data:"), {"events": 4}),
    "ids, retries, names": ("retry: 5\nid: 1\nevent: message\n" + WHOLE, {"events": 4}),
    "data over several lines": (WHOLE.replace('"choices"', '\ndata: "choices"', 1), {"events": 4}),
    "single line breaks": (WHOLE.replace("\n\n", "\n"), {"events": 4}),
    "byte order mark": ("\ufeff" + WHOLE, {"events": 4, "bom": True}),
    "after done": (WHOLE + sse(chunk({"content": "more"})), {"events": 4, "after_done": 1}),
    "no blank line at the end": (WHOLE.rstrip("\n"), {"events": 4}),
    "no done": ("".join(streamed(*HELLO, done=False)), {"events": 4, "done": False}),
    "one json a line": ("\n".join(map(json.dumps, HELLO)), {"events": 4, "done": False}),
    "padding": ("".join(streamed(*(c | {"obfuscation": "xyz", "p": "ab"} for c in HELLO))), {"events": 4}),
    "azure's first chunk": (sse({"id": "", "model": "", "choices": [], "prompt_filter_results": []}) + WHOLE,
                            {"events": 5}),
    "duplicate finish": ("".join(streamed(*HELLO, chunk(finish_reason="stop"), chunk(finish_reason=""))),
                         {"events": 6}),
}  # fmt: skip


@pytest.mark.parametrize(("body", "state"), ODD.values(), ids=ODD)
@pytest.mark.parametrize("content_type", ["text/event-stream", "application/json"])
def test_what_is_odd_and_whole_is_read_whatever_the_header_says(body, state, content_type):
    turn = send(stream([body], content_type=content_type))
    assert turn.error is None
    assert turn.reply.message.text == "On its way."
    assert turn.reply.finish_reason == "stop"
    assert turn.stream == {"done": True} | state


def test_a_body_that_is_no_stream_is_read_though_the_header_says_so():
    turn = send(reply(completion(), content_type="text/event-stream"))
    assert turn.reply.message.text == "On its way."
    assert turn.stream == {}


@pytest.mark.parametrize("size", [1, 2, 7])
def test_characters_and_lines_may_be_split_over_http_chunks(size):
    body = "".join(streamed(chunk({"content": "Grüße 😀 и мир"}), chunk(finish_reason="stop"))).encode()
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    assert send(stream(pieces)).reply.message.text == "Grüße 😀 и мир"


def test_only_the_line_breaks_of_the_protocol_end_a_line():
    text = "a\u2028b\u2029c\x85d"
    assert send(stream(streamed(chunk({"content": text})))).reply.message.text == text


def test_bad_utf8_is_replaced_in_the_text_and_noted():
    body = WHOLE.encode().replace(b"its way", b"its \xff way")
    turn = send(stream([body]))
    assert turn.reply.message.text == "On its \ufffd way."
    assert turn.stream["bad_utf8"] is True
    assert "\\xff" in turn.raw


@pytest.mark.parametrize(
    "body", ["data: [DONE]\n\n", ": nothing\n\n", "data:\n\n", sse(chunk() | {"choices": []})]
)
def test_a_stream_without_any_choice_is_no_reply(body):
    turn = send(stream([body]))
    assert turn.error.kind == "bad_response"
    assert "no choices" in turn.error.message
    assert turn.reply is None


def test_a_clean_end_without_finish_reason_is_a_reply_that_says_so():
    turn = send(stream(streamed(*HELLO[:3], done=False)))
    assert turn.error is None
    assert (turn.reply.finish_reason, turn.reply.message.text) == (None, "On its way.")
    assert turn.stream == {"events": 3, "done": False}


def call(index=None, key=None, name=None, arguments=None):
    function = {"name": name, "arguments": arguments}
    function = {field: value for field, value in function.items() if value is not None}
    given = {"index": index, "id": key, "function": function}
    return {key: value for key, value in given.items() if value is not None}


CALLS = {
    "as specified": [[call(0, "a", "f", "")], [call(0, arguments='{"x"')], [call(0, arguments=": 1}")],
                     [call(1, "b", "g", "")], [call(1, arguments="{}")]],
    "interleaved": [[call(0, "a", "f", '{"x"'), call(1, "b", "g", "{")], [call(1, arguments="}")],
                    [call(0, arguments=": 1}")]],
    "second first": [[call(1, "b", "g", "{}")], [call(0, "a", "f", '{"x": 1}')]],
    "no index": [[call(None, "a", "f", '{"x"')], [call(arguments=": 1}")], [call(None, "b", "g", "{}")]],
    "no index, both at once": [[call(None, "a", "f", '{"x": 1}'), call(None, "b", "g", "{}")]],
    "same index, other id": [[call(0, "a", "f", '{"x": 1}')], [call(0, "b", "g", "{}")]],
    "id and name repeated": [[call(0, "a", "f", '{"x"')], [call(0, "a", "f", ": 1}")], [call(1, "b", "g",
    "{}")]],
    "ids only repeated, no index": [[call(None, "a", "f", '{"x"')], [call(None, "b", "g", "{")],
                                    [call(None, "a", arguments=": 1}")], [call(None, "b", arguments="}")]],
    "nulls": [[call(0, "a", "f")], [{"index": 0, "id": None, "type": None,
              "function": {"name": None, "arguments": '{"x": 1}'}}], [call(1, "b", "g", "{}")]],
    "empty id and name later": [[call(0, "a", "f", '{"x"')], [call(0, "", "", ": 1}")], [call(1, "b", "g",
    "{}")]],
    "arguments as an object": [[call(0, "a", "f", {"x": 1})], [call(1, "b", "g", {})]],
}  # fmt: skip


@pytest.mark.parametrize("pieces", CALLS.values(), ids=CALLS)
def test_tool_calls_are_put_together_however_they_are_spread(pieces):
    deltas = [chunk({"role": "assistant", "content": None})] + [
        chunk({"tool_calls": piece}) for piece in pieces
    ]
    found = send(stream(streamed(*deltas, chunk(finish_reason="tool_calls")))).reply
    assert [(c.id, c.name, c.parsed(), c.type) for c in found.message.tool_calls] == [
        ("a", "f", {"x": 1}, "function"),
        ("b", "g", {}, "function"),
    ]
    assert found.message.content is None
    assert found.finish_reason == "tool_calls"


def test_several_choices_stream_side_by_side():
    turn = send(stream(streamed(
        chunk({"content": "a"}, index=1), chunk({"content": "x"}), chunk({"content": "b"}, "length", index=1),
        chunk({"content": "y"}, "stop"),
    )))  # fmt: skip
    assert [(r.message.text, r.finish_reason) for r in turn.reply.choices()] == [
        ("xy", "stop"),
        ("ab", "length"),
    ]


def test_everything_else_that_streams_is_merged_too():
    token = {"token": "x", "logprob": -0.1, "bytes": [120], "top_logprobs": []}
    first = chunk({"role": "assistant", "reasoning_content": "hm", "audio": {"id": "a1", "transcript": "Su"}})
    second = chunk({"reasoning_content": "m", "audio": {"data": "AAAA", "transcript": "re"}, "refusal": "I "})
    third = chunk({"audio": {"data": "BBBB", "expires_at": 5}, "refusal": "can't"})
    for part in (second, third):
        part["choices"][0]["logprobs"] = {"content": [token], "refusal": [token]}
    last = chunk(finish_reason="stop") | {
        "system_fingerprint": "fp",
        "service_tier": "flex",
        "citations": ["u"],
    }
    last["choices"][0] |= {
        "native_finish_reason": "end",
        "content_filter_results": {"hate": {"filtered": False}},
    }
    reply = send(stream(streamed(first, second, third, last))).reply
    assert reply.message.extra == {
        "reasoning_content": "hmm",
        "refusal": "I can't",
        "audio": {"id": "a1", "transcript": "Sure", "data": "AAAABBBB", "expires_at": 5},
    }
    assert reply.logprobs == {"content": [token] * 2, "refusal": [token] * 2}
    assert reply.extra["choice"]["native_finish_reason"] == "end"
    assert reply.extra["choice"]["content_filter_results"] == {"hate": {"filtered": False}}
    assert (reply.extra["system_fingerprint"], reply.extra["service_tier"]) == ("fp", "flex")
    assert reply.extra["citations"] == ["u"]


def test_content_that_comes_in_parts_is_merged_into_parts():
    thinking = [{"type": "thinking", "thinking": [{"type": "text", "text": text}]} for text in ("Ok", "ay")]
    deltas = [
        {"content": ""},
        {"content": thinking[:1]},
        {"content": thinking[1:]},
        {"content": "It "},
        {"content": "is."},
    ]
    message = send(stream(streamed(*map(chunk, deltas), chunk(finish_reason="stop")))).reply.message
    assert message.content == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Okay"}]},
        {"type": "text", "text": "It is."},
    ]
    assert message.text == "It is."


def test_a_delta_that_is_repeated_as_a_message_is_read_once():
    both = [chunk({"content": "On "}), chunk({"content": "its way."}, "stop")]
    for said, part in zip(("On ", "On its way."), both, strict=True):
        part["choices"][0] |= {"message": {"role": "assistant", "content": said}, "text": said}
    assert send(stream(streamed(*both))).reply.message.text == "On its way."


def test_times_are_those_of_the_chunks():
    pieces = [sse(HELLO[0]), Wait(0.15), sse(HELLO[1]), Wait(0.15), "".join(streamed(*HELLO[2:]))]
    timing = send(stream(pieces)).timing
    assert len(timing.chunks) == 3
    assert 150 <= timing.first_token_ms == timing.chunks[1]
    assert 300 <= timing.total_ms == timing.chunks[2]


def test_an_answer_in_one_piece_has_a_total_and_no_first_token():
    timing = send(reply(completion())).timing
    assert timing.total_ms > 0
    assert (timing.first_token_ms, timing.chunks) == (None, ())


def test_a_hundred_thousand_chunks_are_read():
    body = "".join(streamed(*HELLO[:1], *[HELLO[1]] * 100_000, *HELLO[3:])).encode()
    assert answer(openai, 200, {}, body).reply.message.text == "On " * 100_000


def test_an_event_of_ten_megabytes_is_read():
    found = answer(openai, 200, {}, "".join(streamed(chunk({"content": "x" * 10_000_000}, "stop"))).encode())
    assert len(found.reply.message.text) == 10_000_000


def test_a_json_body_nested_as_deep_as_json_can_be_read_does_no_harm():
    for depth in (100, 400, 900, 5_000):
        deep = '{"a":' * depth + "1" + "}" * depth
        found = answer(
            openai, 200, {}, f'data: {{"choices": [{{"index": 0, "delta": {deep}}}]}}\n\n'.encode()
        )
        assert found.reply or found.error.kind in ("bad_response", "cut")


def test_an_error_that_the_server_told_outweighs_the_reset_that_follows_it():
    failure = ApiError("cut", message="ReadError: reset", exception="APIConnectionError")
    found = answer(openai, 200, {}, (BEGUN + sse(ERROR)).encode(), failure)
    assert found.error.kind == "stream_error"
    assert found.stream["cut"] is True


def test_without_a_response_the_failure_is_the_answer():
    failure = ApiError("connection", message="ConnectError: refused")
    assert answer(openai, None, {}, b"", failure).error is failure


def test_events_are_what_the_specification_says():
    found, odd = events(b"\xef\xbb\xbfevent: a\ndata:  x\ndata\ndata: y\n\n\n:c\nid: 3\n\ndata: z")
    assert found == [{"event": "a", "data": " x\n\ny"}, {"event": "", "data": "z"}]
    assert odd == {"bom": True}


def test_a_decoder_may_be_handed_an_iterator():
    assert (
        openai.decode_stream({"event": "", "data": json.dumps(c)} for c in HELLO).message.text
        == "On its way."
    )
    with pytest.raises(Unreadable):
        openai.decode_stream(iter(()))
