"""Lines of JSON: what can be read is read, the rest is named by its line, and memory does not grow."""

import gzip
import json
import tracemalloc

import pytest
from importing import green, imported

from replay.importers import _lines, jsonl

ASKED = {"model": "m-1", "messages": [{"role": "user", "content": "Where is it?"}]}
ANSWER = {"id": "c-1", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Here."}}]}
URL = "https://api.example.com/v1/chat/completions"
EVENTS = 'data: {"choices":[]}\n\ndata: [DONE]\n\n'


def read(tmp_path, *lines, name="log.jsonl"):
    path = tmp_path / name
    path.write_bytes(
        b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    )
    return list(jsonl.read(path))


FORMS = {
    "bodies": {"request": ASKED, "response": ANSWER},
    "bodies as text": {"request": json.dumps(ASKED), "response": json.dumps(ANSWER)},
    "http messages": {
        "request": {
            "method": "POST",
            "url": URL,
            "headers": {"Content-Type": "application/json"},
            "body": ASKED,
        },
        "response": {"status": 200, "headers": {"X-Request-Id": "r"}, "body": ANSWER},
    },
    "http messages as text": {
        "request": {"method": "POST", "url": URL, "body": json.dumps(ASKED)},
        "response": {"status": 200, "body": json.dumps(ANSWER)},
    },
    "a batch line with its response": {
        "custom_id": "7",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": ASKED,
        "response": {"status_code": 200, "body": ANSWER},
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_line_gives_the_same_exchange(form, tmp_path):
    (logged,) = read(tmp_path, FORMS[form])
    assert (logged.refused, logged.place, logged.status) == ("", "line 1", 200)
    assert json.loads(logged.request) == ASKED
    assert json.loads(logged.response) == ANSWER


def test_a_request_alone_has_no_response_and_is_not_refused(tmp_path):
    for line in (ASKED, {"messages": ASKED["messages"]}):
        (logged,) = read(tmp_path, line)
        assert (logged.refused, logged.response, logged.status) == ("", None, None)
        assert json.loads(logged.request) == line


def test_events_as_text_are_kept_to_the_byte(tmp_path):
    (logged,) = read(tmp_path, {"request": ASKED, "response": {"status": 200, "body": EVENTS}})
    assert logged.response == EVENTS.encode()
    (logged,) = read(tmp_path, {"request": ASKED, "response": EVENTS})
    assert logged.response == EVENTS.encode()


def test_errors_keep_their_status_or_their_class(tmp_path):
    limit = {"message": "slow down", "code": 429}
    lines = [
        {"request": ASKED, "response": {"status": 429, "body": {"error": limit}}},
        {"request": ASKED, "error": limit},
        {"request": ASKED, "error": "ReadTimeout"},
        {"request": ASKED, "error": {"message": "?"}},
    ]
    limited, told, cut, unknown = read(tmp_path, *lines)
    assert [limited.status, told.status] == [429, 429]
    assert json.loads(told.response) == {"error": limit}
    assert (cut.error, cut.response) == ("ReadTimeout", None)
    assert unknown.refused.endswith("an error without its HTTP status")


@pytest.mark.parametrize(
    "date", [1772619072, 1772619072000, "2026-03-04T10:11:12Z", "2026-03-04T11:11:12+01:00"], ids=str
)
def test_dates_are_kept_in_one_form(date, tmp_path):
    (logged,) = read(tmp_path, {**FORMS["bodies"], "timestamp": date})
    assert logged.source == {"recorded_at": "2026-03-04T10:11:12Z"}


@pytest.mark.parametrize("date", [1e300, "yesterday", [], {}, "17726190721"], ids=str)
def test_what_is_no_date_is_left_out(date, tmp_path):
    (logged,) = read(tmp_path, {**FORMS["bodies"], "timestamp": date})
    assert not logged.refused
    assert not logged.source


BAD = {
    "blank": (b"\n", "blank"),
    "not JSON": (b"hello\n", "not JSON: Expecting value"),
    "a Python repr": (b"{'model': 'm'}\n", "a Python repr, not JSON: write lines with json.dumps"),
    "an array": (b"[1, 2]\n", "not a JSON object"),
    "a scalar": (b"7\n", "not a JSON object"),
    "bad UTF-8": (b'{"a": "\xff"}\n', "not UTF-8 (byte 7)"),
    "a raw NUL": (b'{"a": "\0"}\n', "holds a NUL byte"),
    "a response alone": (json.dumps({"response": ANSWER}).encode() + b"\n", "no request is recorded"),
    "a bare response": (json.dumps(ANSWER).encode() + b"\n", "no request is recorded"),
    "a record of another kind": (
        json.dumps(ASKED | {"trace_id": "t", "response": ANSWER}).encode() + b"\n",
        "a record of another kind: neither a request body nor {request, response}",
    ),
    "too deep": (b'{"a": ' + b"[" * 100_000 + b"\n", "not JSON: nested too deeply"),
    "a number of 5,000 digits": (b'{"a": ' + b"9" * 5000 + b"}\n", "not JSON: Exceeds the limit"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_line_is_named_and_does_not_stop_the_next(kind, tmp_path):
    line, why = BAD[kind]
    bad, good = read(tmp_path, line, ASKED)
    assert bad.place == "line 1"
    assert bad.refused.startswith(why)
    assert (good.place, good.refused) == ("line 2", "")


def test_a_file_that_is_still_written_is_read_to_its_last_whole_line(tmp_path):
    good, cut = read(tmp_path, ASKED, json.dumps(ASKED).encode()[:-9])
    assert not good.refused
    assert cut.refused == "cut: the file ends inside this line"


def test_a_line_that_is_too_long_is_skipped_without_being_held(tmp_path, monkeypatch):
    monkeypatch.setattr(_lines, "LONGEST", 2**20)
    path = tmp_path / "long.jsonl"
    with path.open("wb") as file:
        file.write(b'{"messages": "' + b"x" * 2**26 + b'"}\n')
        file.write(json.dumps(ASKED).encode() + b"\n")
    tracemalloc.start()
    long, good = jsonl.read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (long.refused, long.place) == ("longer than 1 MiB", "line 1")
    assert (good.refused, good.place) == ("", "line 2")
    assert peak < 2**24


def test_a_byte_order_mark_and_gzip_are_read(tmp_path):
    line = json.dumps(ASKED).encode() + b"\n"
    assert not read(tmp_path, b"\xef\xbb\xbf" + line)[0].refused
    assert not read(tmp_path, gzip.compress(line), name="log.jsonl.gz")[0].refused
    assert jsonl.sniff(b"\xef\xbb\xbf" + line) or jsonl.sniff(line)


def test_a_gzip_file_that_was_cut_gives_its_whole_lines(tmp_path):
    lines = b"".join(json.dumps(ASKED | {"seed": n}).encode() + b"\n" for n in range(5000))
    *good, end = read(tmp_path, gzip.compress(lines)[:-200], name="cut.jsonl.gz")
    assert good
    assert not good[0].refused
    assert end.refused.startswith("the file cannot be read to its end")


def test_a_response_logged_twice_is_imported_once(tmp_path):
    first, second = read(tmp_path, FORMS["bodies"], FORMS["http messages"])
    assert not first.refused
    assert second.refused == "the same response as line 1 (c-1)"


def test_chunks_logged_a_line_each_are_joined_by_their_stream(tmp_path):
    def chunk(name):
        return {"id": name, "object": "chat.completion.chunk", "choices": []}

    logged = read(tmp_path, chunk("a"), chunk("b"), chunk("a"), ASKED)
    assert [(one.place, one.refused) for one in logged] == [
        ("line 4", ""),
        ("lines 1-3", "no request is recorded: 2 chunks of the stream a"),
        ("lines 2-2", "no request is recorded: 1 chunks of the stream b"),
    ]


TURN = {"role": "user", "parts": [{"text": "Where is it?"}]}
SPOKEN = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Here."}]}, "finishReason": "STOP"}]
}
MESSAGE = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Here."}]}
OUTPUT = {"object": "response", "error": None, "output": [{"type": "message", "content": []}]}
WIRES = {
    "messages": ({"model": "claude-x", "max_tokens": 9, "messages": ASKED["messages"]}, MESSAGE),
    "generateContent": ({"contents": [TURN]}, SPOKEN),
    "streamed generateContent": ({"contents": [TURN]}, [SPOKEN, SPOKEN]),
    "responses": ({"model": "m", "input": "Where is it?"}, OUTPUT),
    "completions": (
        {"model": "m", "prompt": "Where"},
        {"object": "text_completion", "choices": [{"text": "?"}]},
    ),
    "converse": (
        {"messages": [{"role": "user", "content": [{"text": "?"}]}]},
        {"output": {}, "stopReason": "end_turn"},
    ),
    "ollama": ({"model": "m", "messages": ASKED["messages"]}, {"message": {}, "done": True}),
}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    "names", [("request", "response"), ("request_body", "response_body"), ("modelInput", "modelOutput")]
)
def test_the_bodies_of_any_wire_come_out_as_they_are(wire, names, tmp_path):
    asked, answered = WIRES[wire]
    (logged,) = read(tmp_path, {names[0]: asked, names[1]: answered, "model": "m-2"})
    assert (logged.refused, logged.status, logged.model, logged.url) == ("", 200, "m-2", "")
    assert json.loads(logged.request) == asked
    assert json.loads(logged.response) == answered


def test_dumps_of_every_wire_play_through_their_codecs(sandbox):
    usage = {"input_tokens": 9, "output_tokens": 2}
    ended = {"id": "m", "model": "claude-x", "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}
    spoken = SPOKEN | {
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 11}
    }
    item = {"type": "message", "id": "i", "role": "assistant", "status": "completed"}
    output = [item | {"content": [{"type": "output_text", "text": "Here.", "annotations": []}]}]
    response = {"id": "r", "object": "response", "model": "m", "status": "completed", "output": output}
    dumps = [
        {"request": WIRES["messages"][0], "response": MESSAGE | ended},
        {"request": WIRES["generateContent"][0], "response": spoken, "model": "gemini-x"},
        {"request": WIRES["responses"][0], "response": response | {"usage": usage | {"total_tokens": 11}}},
    ]
    outcome = imported(sandbox, {"dumps.jsonl": "".join(json.dumps(dump) + "\n" for dump in dumps)})
    assert (outcome.imported, outcome.refused) == (3, 0)
    for conversation, turn in green(sandbox):
        assert conversation.messages[0].text == "Where is it?"
        assert (turn.reply.message.text, turn.reply.finish_reason) == ("Here.", "stop")
        assert (turn.reply.usage.prompt_tokens, turn.reply.usage.completion_tokens) == (9, 2)


@pytest.mark.parametrize("answer", [MESSAGE, SPOKEN, OUTPUT, ANSWER])
def test_an_answer_alone_is_no_request(answer, tmp_path):
    (logged,) = read(tmp_path, answer)
    assert logged.refused == "no request is recorded"


def test_an_address_beside_the_bodies_counts(tmp_path):
    (logged,) = read(tmp_path, {"url": URL, "request": ASKED, "response": ANSWER})
    assert logged.url == URL


def test_a_list_of_a_streams_events_becomes_the_stream(tmp_path):
    deltas = [{"role": "assistant", "content": "He"}, {"content": "re ü."}]
    chunks = [{"id": "c", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    typed = [{"type": "message_start", "message": {"id": "m"}}, {"type": "message_stop"}]
    chat, messages = read(
        tmp_path, {"request": ASKED, "response": chunks}, {"request": ASKED, "response": json.dumps(typed)}
    )
    pieces = chat.response.decode().split("\n\n")
    assert [json.loads(piece.removeprefix("data: ")) for piece in pieces[:-1]] == chunks
    assert messages.response.startswith(b'event: message_start\ndata: {"type": "message_start"')
    assert chat.derived == messages.derived == "the events of a stream were logged without their framing"


def test_typed_events_logged_a_line_each_are_joined_too(tmp_path):
    lines = [
        {"type": "message_start", "message": {"id": "m-1"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "message_stop"},
        {"type": "response.created", "response": {"id": "r-1"}},
        {"type": "response.output_text.delta", "delta": "Hi"},
    ]
    assert [(one.place, one.refused) for one in read(tmp_path, *lines)] == [
        ("lines 1-3", "no request is recorded: 3 chunks of the stream m-1"),
        ("lines 4-5", "no request is recorded: 2 chunks of the stream r-1"),
    ]


def test_a_long_log_is_read_in_constant_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonl, "REMEMBERED", 500)

    def peak(count):
        path = tmp_path / f"{count}.jsonl"
        with path.open("w") as file:
            for number in range(count):
                answer = {"id": f"c-{number}", "choices": []}
                file.write(json.dumps({"request": ASKED, "response": answer}) + "\n")
        tracemalloc.start()
        assert sum(not logged.refused for logged in jsonl.read(path)) == count
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(4000) < 1.2 * peak(1000)
