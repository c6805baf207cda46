"""Every recording of Claude in the corpus: there and back, and against a naive reading of the same bytes."""

import json
import random
from base64 import b64decode
from contextlib import suppress

import pytest
from botocore.eventstream import EventStreamBuffer
from recorded_corpus import ABSENT, CORPUS, PRESENT, recordings, rows

from replay.conversation import Conversation
from replay.jsontext import canonical
from replay.providers import Unreadable, anthropic
from replay.providers._wire import answer
from replay.record import record
from replay.turn import Reply, Request

pytestmark = pytest.mark.skipif(not PRESENT, reason=ABSENT)

WORDS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


@pytest.fixture(scope="module")
def every():
    """Each recording with what we read of it."""
    found = [
        (item, answer(anthropic, item.status, item.headers, item.body))
        for item in recordings("messages", "vertex.rawPredict", "invoke", "invoke-stream")
        if "/model/" not in item.row["path"] or "anthropic" in item.row["path"]
    ]
    assert len(found) >= 179
    return found


def documents(body):
    """The JSON documents of a body, streamed or not, by the plainest means."""
    if body[:1] == b"\0":
        frames = EventStreamBuffer()
        frames.add_data(body)
        return [json.loads(b64decode(json.loads(frame.payload)["bytes"])) for frame in frames]
    text = body.decode()
    try:
        return [json.loads(text)]
    except ValueError:
        lines = [line.strip().removeprefix("data:").strip() for line in text.splitlines()]
        return [json.loads(line) for line in lines if line.startswith("{")]


def naive(body):
    """Why it stopped, text, calls and usage of a body."""
    stop, usage, texts, calls, blocks = None, {}, "", [], []
    for document in documents(body):
        said = document.get("message") or document
        stop = (document.get("delta") or said).get("stop_reason") or stop
        usage |= {key: count for key, count in (said.get("usage") or {}).items() if count is not None}
        for block in [*(said.get("content") or ()), *filter(None, [document.get("content_block")])]:
            blocks.append(block)
            texts += block.get("text") or ""
            if block["type"] == "tool_use":
                calls.append([block["id"], block["name"], "", block["input"]])
        delta = document.get("delta") or {}
        texts += delta.get("text") or ""
        if delta.get("type") == "input_json_delta" and blocks[document["index"]]["type"] == "tool_use":
            calls[-1][2] += delta["partial_json"]
        if document.get("type") == "message_stop":
            break
    return stop, texts, calls, usage


def test_recorded_errors_are_errors_and_all_else_is_a_reply(every):
    for item, found in every:
        assert bool(found.error) == (item.status >= 400), item.id
        assert bool(found.stream) == bool(item.row.get("streamed")), item.id
        assert found.error is None or found.error.kind in ("auth", "not_found", "invalid_request")
        assert not found.stream or found.stream["done"], item.id


def test_every_reply_is_what_a_naive_reading_finds(every):
    for item, found in every:
        if found.reply is None:
            continue
        stop, texts, calls, usage = naive(item.body)
        ours = found.reply
        assert (ours.native_finish_reason, ours.finish_reason) == (stop, WORDS[stop]), item.id
        assert ours.message.text == texts, item.id
        assert [(call.id, call.name) for call in ours.message.tool_calls] == [tuple(c[:2]) for c in calls], (
            item.id
        )
        for call, (_, _, spelled, given) in zip(ours.message.tool_calls, calls, strict=True):
            assert call.arguments == (spelled or json.dumps(given, separators=(",", ":"), ensure_ascii=False))
        parts = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        assert ours.usage.prompt_tokens == sum(usage.get(name) or 0 for name in parts), item.id
        assert ours.usage.completion_tokens == usage["output_tokens"], item.id
        assert ours.usage.cached_tokens == usage.get("cache_read_input_tokens"), item.id
        assert ours.extra["usage"] == usage, item.id


def test_every_reply_comes_back_from_its_body(every):
    for item, found in every:
        if found.reply is None:
            continue
        again = anthropic.decode(anthropic.encode_reply(found.reply))
        assert plain(again) == plain(found.reply), item.id
        assert Reply.from_json(found.reply.to_json()) == found.reply, item.id


def plain(reply):
    """A reply with its calls' arguments as JSON: a streamed one may have spelled them with spaces."""
    data = reply.to_json()
    for call in data["message"].get("tool_calls", ()):
        call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    return data


def requests(every):
    return [(item, json.loads(item.request)) for item, _ in every if item.request]


def test_every_request_goes_back_on_the_wire_as_it_came(every):
    count = 0
    for item, body in requests(every):
        asked = anthropic.decode_request(body)
        fixture = json.loads(
            json.dumps(Conversation("c", asked.messages, asked.tools, asked.params).to_json())
        )
        kept = Conversation.from_json("c", fixture)
        sent = anthropic.encode(Request(asked.model, kept.messages, kept.tools, kept.params))
        assert canonical(sent) == canonical(body), item.id
        count += 1
    assert count >= 170


def test_every_exchange_is_claimed_without_its_url(every):
    for item, body in requests(every):
        if item.row["endpoint"] != "invoke-stream":  # frames say nothing of the wire inside
            assert anthropic.claims(body, item.body), item.id


def test_no_exchange_of_another_wire_is_claimed():
    names = {row["endpoint"] for row in rows() if row.get("endpoint")}
    count = 0
    for item in recordings(*names - {"messages", "vertex.rawPredict", "invoke", "invoke-stream"}):
        with suppress(ValueError):
            assert not anthropic.claims(json.loads(item.request), item.body), item.id
            count += 1
    assert count >= 1000


def damaged(value, chance):
    """The value with one thing in it replaced by something of another type."""
    if isinstance(value, dict | list) and value and chance.random() < 0.8:
        place = chance.choice(sorted(value) if isinstance(value, dict) else range(len(value)))
        copy = dict(value) if isinstance(value, dict) else list(value)
        copy[place] = damaged(copy[place], chance)
        return copy
    return chance.choice(
        [None, True, 0, -1.5, "x", "", [], {}, [None], ["x"], {"type": "text"}, {"type": []}]
    )


def test_damaged_recordings_are_read_or_unreadable_and_never_more(every):
    chance = random.Random(7)
    for item, body in requests(every):
        for _ in range(10):
            with suppress(Unreadable):
                anthropic.encode(anthropic.decode_request(damaged(body, chance)))
        found = documents(item.body)
        for _ in range(10):
            place = chance.randrange(len(found))
            lines = [json.dumps(damaged(d, chance) if n == place else d) for n, d in enumerate(found)]
            body_ = "".join(f"data: {line}\n\n" for line in lines) if len(lines) > 1 else lines[0]
            read = answer(anthropic, 200, {}, body_.encode())
            assert read.reply or read.error


def test_every_recording_with_a_request_is_imported_as_it_was_sent(tmp_path, every):
    files = sorted(
        {CORPUS / item.row["file"] for item, _ in every if not item.row["container"].startswith("raw")}
    )
    recorded = record(files, tmp_path, "claude")
    outcomes = {(outcome.file, outcome.place): outcome for outcome in recorded.outcomes}
    for item, _ in requests(every):
        outcome = outcomes[item.row["file"], f"interaction {item.row['index']}"]
        assert (outcome.refused, outcome.notes) == ("", ()), item.id
