"""Every Chat Completions recording of the corpus, against its index and a naive reading of the same bytes."""

import json

import pytest
from recorded_corpus import ABSENT, PRESENT, recordings

from replay.jsontext import canonical
from replay.providers import openai
from replay.providers._wire import answer

pytestmark = pytest.mark.skipif(not PRESENT, reason=ABSENT)


@pytest.fixture(scope="module")
def every():
    """Each recording with what we read of it."""
    return [
        (item, answer(openai, item.status, item.headers, item.body))
        for item in recordings("chat.completions", "deployments/chat.completions")
    ]


def documents(body):
    """The JSON documents of a body, streamed or not, by the plainest means."""
    text = body.decode()
    try:
        return [json.loads(text)]
    except ValueError:
        lines = [line.strip().removeprefix("data:").strip() for line in text.splitlines()]
        return [json.loads(line) for line in lines if line.startswith("{")]


def naive(body):
    """Finish reasons, texts, named calls and usage of a body, choice by choice."""
    choices, usage = {}, None
    found = documents(body)
    for document in found:
        usage = document.get("usage") or (document.get("x_groq") or {}).get("usage") or usage
        piece = len(found) > 1
        for choice in document.get("choices") or ():
            into = choices.setdefault(choice["index"], {"finish": None, "text": "", "calls": {}})
            into["finish"] = choice.get("finish_reason") or into["finish"]
            said = choice.get("delta" if piece else "message") or {}
            into["text"] += text_of(said.get("content"))
            for place, call in enumerate(said.get("tool_calls") or ()):
                add_call(into["calls"], call.get("index") if piece else place, call)
            if (said.get("function_call") or {}).get("name"):
                into["calls"]["legacy"] = [said["function_call"]["name"], said["function_call"]["arguments"]]
    return [(c["finish"], c["text"], list(c["calls"].values())) for _, c in sorted(choices.items())], usage


def text_of(content):
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content if part["type"] == "text")
    return content or ""


def add_call(calls, place, call):
    function = call.get("function") or {"name": call["custom"]["name"], "arguments": call["custom"]["input"]}
    known = calls.setdefault(place, ["", ""])
    known[0] = function.get("name") or known[0]
    known[1] += function.get("arguments") or ""


def test_recorded_errors_are_errors_and_all_else_is_a_reply(every):
    for item, found in every:
        row = item.row
        expected = item.status >= 400 or row.get("error") or row.get("in_stream_error")
        assert bool(found.error) == bool(expected), item.id
        assert bool(found.stream) == bool(row.get("streamed")), item.id
    assert len(every) >= 700


def test_every_reply_is_what_a_naive_reading_finds(every):
    for item, found in every:
        if found.reply:
            choices, usage = naive(item.body)
            ours = [
                (
                    c.native_finish_reason,
                    c.message.text,
                    [[t.name, t.arguments] for t in c.message.tool_calls],
                )
                for c in found.reply.choices()
            ]
            assert ours == choices, item.id
            counted = found.reply.usage
            assert (counted and counted.prompt_tokens) == (usage and usage["prompt_tokens"]), item.id
            assert (counted and counted.completion_tokens) == (usage and usage["completion_tokens"]), item.id
            assert (counted and counted.total_tokens) == (usage and usage["total_tokens"]), item.id


def test_every_reply_is_what_the_index_says(every):
    names = {
        "input": "prompt",
        "output": "completion",
        "total": "total",
        "cached": "cached",
        "reasoning": "reasoning",
    }
    for item, found in every:
        if found.reply is None:
            continue
        reasons = item.row.get("finish_reason")
        first = reasons[0] if isinstance(reasons, list) else reasons
        assert found.reply.native_finish_reason == (first or None), item.id
        for key, count in (item.row.get("usage") or {}).items():
            assert getattr(found.reply.usage, f"{names[key]}_tokens") == count, item.id
        # the index counts a legacy function_call without a name, which is no call
        if b'"name": ""' not in item.body:
            assert len(found.reply.message.tool_calls) == (item.row.get("tool_calls") or 0), item.id


def test_every_error_has_a_message_and_the_kind_of_its_status(every):
    kinds = {400: "invalid_request", 401: "auth", 402: "billing", 404: "not_found", 422: "invalid_request"}
    for item, found in every:
        if item.status >= 400:
            assert found.error.kind == kinds.get(item.status, "server"), item.id
            assert found.error.message
            assert found.error.status == item.status


def plain(value):
    """A value without what says nothing: nulls, the usual type of a tool, the empty id of a call."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: plain(item) for key, item in value.items() if item is not None and (key, item) != ("id", "")}
    return {"type": "function"} | kept if "function" in kept else kept


def test_every_request_goes_back_on_the_wire_as_it_came():
    count = 0
    for item in recordings("chat.completions", "deployments/chat.completions"):
        try:
            body = json.loads(item.request)
        except ValueError:
            continue  # a hand-edited one, and responses that were kept without their request
        sent = openai.encode(openai.decode_request(body))
        for shaped in ("messages", "tools"):
            assert canonical(plain(sent.pop(shaped, None))) == canonical(plain(body.pop(shaped, None))), (
                item.id
            )
        assert canonical(sent) == canonical(body), item.id
        count += 1
    assert count >= 680
