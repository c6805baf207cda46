"""Every Gemini recording of the corpus, against its index and a naive reading of the same bytes."""

import json
import re
from dataclasses import replace

import pytest
from recorded_corpus import ABSENT, CORPUS, PRESENT, recordings

from replay.config import Project
from replay.jsontext import canonical
from replay.providers import gemini
from replay.providers._wire import answer
from replay.record import record

pytestmark = pytest.mark.skipif(not PRESENT, reason=ABSENT)
ENDPOINTS = ("generateContent", "streamGenerateContent")
NUMBERS = {1: "STOP"}  # older clients ask for enums as numbers


@pytest.fixture(scope="module")
def every():
    return list(recordings(*ENDPOINTS))


def test_every_request_goes_back_on_the_wire_as_it_came(every):
    count = 0
    for item in every:
        if not item.request:
            continue  # a response that was saved without it
        body = json.loads(item.request)
        request = gemini.decode_request(body)
        for name in ("", item.row["model"]):
            assert canonical(gemini.encode(replace(request, model=name))) == canonical(body), item.id
        count += 1
    assert count >= 148


def documents(body):
    """The JSON documents of a body, streamed or not, by the plainest means."""
    text = body.decode()
    try:
        found = json.loads(text)
    except ValueError:
        lines = [line.strip().removeprefix("data:").strip() for line in text.splitlines()]
        return [json.loads(line) for line in lines if line.startswith("{")]
    return found if isinstance(found, list) else [found]


def naive(body):
    """Finish reason, text and called functions of the one candidate there is, and the last usage."""
    finish, text, calls, usage = None, "", [], {}
    for document in documents(body):
        usage |= document.get("usageMetadata") or {}
        for candidate in document.get("candidates") or ():
            assert candidate.get("index", 0) == 0
            finish = candidate.get("finishReason") or finish
            for part in (candidate.get("content") or {}).get("parts") or ():
                text += part["text"] if part.get("text") and not part.get("thought") else ""
                if part.get("functionCall", {}).get("name"):
                    calls.append(part["functionCall"])
    return NUMBERS.get(finish, finish), text, calls, usage


def total(usage, *names):
    known = [usage[name] for name in names if name in usage]
    return sum(known) if known else None


def check(item, turn):
    """Compare a reading (an answer or a played turn) with the naive one."""
    if item.status >= 400:
        assert (turn.error.status, turn.reply) == (item.status, None), item.id
        return
    finish, text, calls, usage = naive(item.body)
    reply = turn.reply
    assert turn.error is None, item.id
    assert (reply.native_finish_reason, reply.message.text) == (finish, text), item.id
    assert [call.name for call in reply.message.tool_calls] == [call["name"] for call in calls], item.id
    for ours, theirs in zip(reply.message.tool_calls, calls, strict=True):
        assert "willContinue" in theirs or ours.parsed() == theirs.get("args", {}), item.id
    common = {"STOP": "tool_calls" if calls else "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}
    assert reply.finish_reason == common[finish], item.id
    counted = reply.usage and (
        reply.usage.prompt_tokens,
        reply.usage.completion_tokens,
        reply.usage.total_tokens,
        reply.usage.reasoning_tokens,
    )
    wanted = (
        total(usage, "promptTokenCount", "toolUsePromptTokenCount"),
        total(usage, "candidatesTokenCount", "thoughtsTokenCount"),
        usage.get("totalTokenCount"),
        usage.get("thoughtsTokenCount"),
    )
    assert (counted or (None,) * 4) == wanted, item.id


def test_every_answer_is_what_a_naive_reading_finds(every):
    for item in every:
        found = answer(gemini, item.status, item.headers, item.body)
        check(item, found)
        assert bool(found.stream) == (b'"candidates"' in item.body and is_stream(item.body)), item.id
        if found.stream:
            assert (found.stream["done"], found.stream.get("after_done")) == (True, None), item.id
    assert len(every) >= 154


def is_stream(body):
    try:
        return isinstance(json.loads(body), list)
    except ValueError:
        return True


def test_every_answer_is_what_the_index_says(every):
    for item in every:
        found = answer(gemini, item.status, item.headers, item.body)
        assert bool(found.error) == bool(item.row.get("error")), item.id
        if found.reply and item.row["container"] != "raw-chunks":  # the index counts pieces as calls
            assert len(found.reply.message.tool_calls) == (item.row.get("tool_calls") or 0), item.id


def test_every_reply_can_be_written_again(every):
    for item in every:
        reply = answer(gemini, item.status, item.headers, item.body).reply
        if reply:
            assert gemini.decode(json.loads(json.dumps(gemini.encode_reply(reply)))) == reply, item.id


def test_arguments_in_pieces_are_put_together(every):
    pieces = [item for item in every if b"partialArgs" in item.body]
    assert len(pieces) == 2
    for item in pieces:
        (call,) = answer(gemini, 200, {}, item.body).reply.message.tool_calls
        said = re.findall(rb'"stringValue":"([^"]+)"', item.body)
        for text in said:
            assert json.loads(b'"%s"' % text) in json.dumps(call.parsed(), ensure_ascii=False), item.id
        paths = set(re.findall(rb'"jsonPath":"([^"]+)"', item.body))
        assert len(list(leaves(call.parsed()))) == len(paths)


def leaves(value):
    if not isinstance(value, dict | list):
        yield value
        return
    for item in value.values() if isinstance(value, dict) else value:
        yield from leaves(item)


@pytest.fixture(scope="module")
def imported(every, tmp_path_factory):
    out = tmp_path_factory.mktemp("imported")
    files = sorted({CORPUS / item.row["file"] for item in every})
    return record(files, out, "gemini"), Project.find(out)


def test_every_recording_with_a_request_is_imported_as_it_was_sent(every, imported):
    recorded, project = imported
    outcomes = {(outcome.file, outcome.place): outcome for outcome in recorded.outcomes}
    elsewhere = 0
    for item in every:
        outcome = outcomes.get((item.row["file"], f"interaction {item.row['index']}"))
        if not item.request:
            assert outcome is None or outcome.refused
            continue
        assert not outcome.refused, item.id
        assert project.target(outcome.target).provider == "gemini"
        assert not [note for note in outcome.notes if "is sent otherwise" in note], item.id
        elsewhere += any("is played at" in note for note in outcome.notes)
    assert elsewhere <= 5  # older clients asked for enums as numbers in the URL


def test_no_key_of_a_url_is_kept(imported):
    _, project = imported
    for path in project.root.rglob("*.yaml"):
        assert not re.search(r"[?&]key=", path.read_text()), path
