"""The binary event stream of AWS: read as botocore reads it, kept exactly, redacted inside."""

import base64
import json
import re
from contextlib import suppress

import pytest
import recorded_corpus
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from replay.cassette import file as cassettes
from replay.cassette.cassette import Cassette
from replay.cassette.interaction import Interaction, RecordedRequest, RecordedResponse
from replay.cassette.redact import Redactor
from replay.providers import Unreadable, _aws_frames, _wire

KEY = "sk-proj-" + "a1B2c3D4e5F6g7H8i9J0" * 2
TEXTS = st.text(max_size=40)
EVENTS = st.lists(st.fixed_dictionaries({"event": st.text("abcXYZ", min_size=1, max_size=30), "data": TEXTS}))


class Listing:
    """A codec that says which events it was given."""

    def decode(self, body):
        raise AssertionError(body)

    def decode_stream(self, events):
        return [dict(event) for event in events]

    def is_end(self, event):
        return event["event"] == "messageStop"


def delta(text):
    return {
        "event": "contentBlockDelta",
        "data": json.dumps({"contentBlockIndex": 0, "delta": {"text": text}}),
    }


def packed(document):
    inner = base64.b64encode(json.dumps(document).encode()).decode()
    return {"event": "chunk", "data": json.dumps({"bytes": inner, "p": "abcd"})}


def botocores(body):
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    return [(message.headers, message.payload) for message in buffer]


@given(EVENTS)
def test_what_is_written_is_read_back_by_us_and_by_botocore(events):
    body = _aws_frames.framed(events)
    assert _aws_frames.events(body) == (events, {})
    assert [(h[":event-type"], p.decode()) for h, p in botocores(body)] == [
        (event["event"], event["data"]) for event in events
    ]


def test_headers_of_every_type_are_passed_over():
    raw = (
        b"\x01a\x00\x01b\x01\x01c\x02\x05\x01d\x03\x00\x05\x01e\x04\x00\x00\x00\x05"
        b"\x01f\x05\x00\x00\x00\x00\x00\x00\x00\x05\x01g\x06\x00\x03\x00\x01\x02"
        b"\x01h\x08\x00\x00\x00\x00\x00\x00\x00\x05\x01i\x09"
        + bytes(16)
        + b"\x0b:event-type\x07\x00\x05chunk"
    )
    frame = _aws_frames.Frame(raw, b"{}")
    assert botocores(_aws_frames.written(frame))[0][0][":event-type"] == "chunk"
    assert _aws_frames.headers(frame) == {":event-type": "chunk"}


def test_an_exception_and_an_error_are_marked():
    said = {"event": "throttlingException", "data": '{"message": "slow"}', "error": "exception"}
    broken = {"event": "InternalFailure", "data": "", "error": "error"}
    assert _aws_frames.events(_aws_frames.framed([said, broken])) == ([said, broken], {})


def test_an_error_without_a_payload_tells_its_message():
    raw = b"".join(
        bytes([len(name)]) + name + b"\x07" + len(value).to_bytes(2, "big") + value
        for name, value in (
            (b":message-type", b"error"),
            (b":error-code", b"500"),
            (b":error-message", b"Oh"),
        )
    )
    body = _aws_frames.written(_aws_frames.Frame(raw, b""))
    assert _aws_frames.events(body)[0] == [{"event": "500", "data": "Oh", "error": "error"}]


@pytest.mark.parametrize("lost", [1, 3, 4, 5, 30, 90])
def test_a_stream_that_is_cut_inside_a_frame_keeps_what_came_before(lost):
    body = _aws_frames.framed([delta("one"), delta("two")])
    read = _wire.answer(Listing(), 200, {}, body[:-lost])
    assert read.reply == [delta("one")]
    assert read.error.kind == "cut"
    assert read.stream["cut"] is True


@pytest.mark.parametrize("at", [1, 5, 9, 20, 100, -2])
def test_a_damaged_frame_ends_the_reading_and_says_where(at):
    one = _aws_frames.framed([delta("one")])
    two = bytearray(_aws_frames.framed([delta("two")]))
    two[at] ^= 0x55
    read = _wire.answer(Listing(), 200, {}, one + bytes(two) + one)
    assert read.reply == [delta("one")]
    assert read.error.kind == "bad_response"
    assert read.stream == {"events": 1, "done": False, "damaged": len(one)}


def test_a_stream_whose_first_frame_is_damaged_is_still_told_from_a_document():
    body = bytearray(_aws_frames.framed([delta("one")]))
    body[9] ^= 1
    assert _wire.answer(Listing(), 200, {}, bytes(body)).stream["damaged"] == 0


@given(st.binary(max_size=200), st.integers(0, 150), st.integers(0, 255))
def test_no_bytes_make_the_reader_fail(tail, at, byte):
    body = bytearray(_aws_frames.framed([delta("one"), packed({"type": "ping"})]) + tail)
    body[at] = byte
    with suppress(Unreadable):
        _wire._framed(bytes(body))
    redactor = Redactor("salt")
    once = redactor.response(RecordedResponse(200, body=bytes(body)))
    assert redactor.response(once) == once


def test_a_turn_shows_frames_as_events():
    body = _aws_frames.framed([delta("one"), packed({"type": "ping"})])
    one = f"event: contentBlockDelta\ndata: {delta('one')['data']}\n\n"
    assert _wire.text(body) == one + 'event: chunk\ndata: {"type": "ping"}\n\n'


def redacted(body, chunks=()):
    return Redactor("salt").response(RecordedResponse(200, body=body, chunks=chunks))


def texts(body):
    found, odd = _aws_frames.events(body)
    assert odd == {}
    return "".join(json.loads(event["data"])["delta"]["text"] for event in found)


def test_a_secret_in_a_payload_is_replaced_and_the_frames_stay_sound():
    body = _aws_frames.framed([delta("the key is"), delta(f" {KEY} "), delta("keep it")])
    clean = redacted(body).body
    assert KEY.encode() not in clean
    assert len(botocores(clean)) == 3  # botocore checks every checksum
    assert texts(clean).startswith("the key is REDACTED")
    assert texts(clean).endswith(" keep it")
    assert redacted(clean).body == clean


def test_a_secret_spread_over_frames_is_replaced():
    body = _aws_frames.framed([delta(KEY[place : place + 5]) for place in range(0, len(KEY), 5)])
    said = texts(redacted(body).body)
    assert said.startswith("REDACTED")
    assert KEY[8:] not in said


def test_a_secret_inside_base64_is_replaced():
    pieces = [KEY[:20], KEY[20:]]
    events = [packed({"type": "content_block_delta", "index": 0, "delta": {"text": text}}) for text in pieces]
    clean = redacted(_aws_frames.framed(events)).body
    found = [_aws_frames.inside(payload) for _, payload in _aws_frames.frames(clean)[0]]
    said = "".join(json.loads(inner)["delta"]["text"] for inner in found)
    assert said.startswith("REDACTED")
    assert all(event["data"].endswith('"p": "abcd"}') for event in _aws_frames.events(clean)[0])


@pytest.mark.parametrize("build", [delta, lambda text: packed({"text": text})], ids=["plain", "base64"])
@pytest.mark.parametrize("lost", [2, 4, 8, 12])
def test_a_secret_in_a_frame_that_is_cut_off_is_replaced(build, lost):
    body = _aws_frames.framed([delta("one"), build(f"the key is {KEY} and no other, ever")])[:-lost]
    clean = redacted(body).body
    seen = clean + b"".join(map(base64.b64decode, re.findall(rb'"bytes": "((?:[\w+/]{4})+)', clean)))
    assert b"REDACTED" in seen
    assert KEY.encode() not in seen
    assert _aws_frames.events(clean)[1]["cut"] is True
    assert redacted(clean).body == clean


@pytest.mark.parametrize("build", [delta, lambda text: packed({"text": text})], ids=["plain", "base64"])
def test_a_secret_behind_a_damaged_frame_is_replaced(build):
    body = bytearray(_aws_frames.framed([delta("one"), delta("two"), build(f"the key is {KEY}")]))
    body[len(_aws_frames.framed([delta("one")])) + 9] ^= 1
    clean = redacted(bytes(body)).body
    assert KEY.encode() not in clean
    assert base64.b64encode(KEY.encode())[4:-8] not in clean
    assert redacted(clean).body == clean


def test_chunks_keep_their_number_and_times():
    body = _aws_frames.framed([delta("one"), delta(KEY), delta("two")])
    chunks = ((1.0, 50), (2.0, 150), (3.0, len(body) - 200))
    clean = redacted(body, chunks)
    assert [time for time, _ in clean.chunks] == [1.0, 2.0, 3.0]
    assert sum(size for _, size in clean.chunks) == len(clean.body) != len(body)


def test_what_is_found_is_placed_at_its_frame():
    first = _aws_frames.framed([delta("one")])
    found = Redactor("salt").find(first + _aws_frames.framed([delta(KEY)]))
    assert {start for _, start in found} == {len(first)}


def test_a_cassette_keeps_a_binary_stream_exactly(tmp_path):
    body = _aws_frames.framed([delta("ü\n\r\x00"), packed({"type": "ping"})])
    request = RecordedRequest("POST", "https://bedrock.invalid/model/m/converse-stream", {}, b"{}")
    response = RecordedResponse(200, "OK", {}, body, ((1.0, 40), (2.0, len(body) - 40)))
    path = tmp_path / "cassette.yaml"
    path.write_text(cassettes.dump([Interaction(request, response)]), "utf-8")
    with Cassette(path, redactor=Redactor("salt")) as cassette:
        played = cassette.play(request)
    assert (played.body, played.chunks) == (body, response.chunks)


@pytest.mark.skipif(not recorded_corpus.PRESENT, reason=recorded_corpus.ABSENT)
def test_every_recorded_stream_is_read_as_botocore_reads_it():
    count = 0
    for recording in recorded_corpus.recordings("converse-stream", "invoke-stream"):
        if recording.status != 200:
            continue
        found, odd = _aws_frames.events(recording.body)
        theirs = botocores(recording.body)
        assert odd == {}
        assert [(event["event"], event["data"]) for event in found] == [
            (headers[":event-type"], payload.decode()) for headers, payload in theirs
        ]
        assert _aws_frames.framed(found) == recording.body
        count += 1
    assert count >= 40
