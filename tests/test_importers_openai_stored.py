"""Stored completions come with their messages, from the same record or from a file beside it."""

import json

import pytest
from importing import green, imported, lines, logged

from replay import importers
from replay.importers import openai_stored

TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}


def completion(number, **more):
    said = {"role": "assistant", "content": f"Answer {number}", "tool_calls": None, "function_call": None}
    return {
        "object": "chat.completion",
        "id": f"chatcmpl-A{number}",
        "model": "gpt-4o-2024-08-06",
        "created": 1772619072,
        "request_id": "req_1",
        "tool_choice": None,
        "usage": {"total_tokens": 31, "completion_tokens": 18, "prompt_tokens": 13},
        "seed": 4944116822809979520,
        "top_p": 1.0,
        "temperature": 0.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "system_fingerprint": "fp_1",
        "input_user": "u-1",
        "service_tier": "default",
        "tools": [TOOL],
        "metadata": {"team": "support"},
        "choices": [{"index": 0, "message": said, "finish_reason": "stop", "logprobs": None}],
        "response_format": None,
        **more,
    }


def messages(number):
    parts = [{"type": "text", "text": f"Question {number}"}]
    return [
        {
            "id": f"chatcmpl-A{number}-0",
            "role": "system",
            "content": "Be brief.",
            "name": None,
            "content_parts": None,
        },
        {"id": f"chatcmpl-A{number}-1", "role": "user", "content": "", "name": None, "content_parts": parts},
    ]


def page(items):
    return {"object": "list", "data": items, "first_id": "a", "last_id": "b", "has_more": False}


FORMS = {
    "messages inside": {"all.jsonl": lines(*(completion(n, messages=messages(n)) for n in range(2)))},
    "pages of messages inside": {
        "all.json": json.dumps(page([completion(n, messages=page(messages(n))) for n in range(2)]), indent=1)
    },
    "pages in files of their own": {
        "completions.json": json.dumps(page([completion(1), completion(0)])),
        "messages-0.json": json.dumps(page(messages(0))),
        "messages-1.json": json.dumps(page(messages(1)[::-1])),
    },
    "pages one a line": {
        "completions.jsonl": lines(page([completion(0)]), page([completion(1)])),
        "messages.jsonl": lines(page(messages(0)), page(messages(1))),
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_completions_play_with_their_messages(form, sandbox):
    outcome = imported(sandbox, FORMS[form])
    assert (outcome.imported, outcome.refused) == (2, 0)
    for conversation, turn in green(sandbox):
        number = conversation.source["id"][-1]
        assert conversation.messages[0].content == "Be brief."
        assert conversation.messages[1].content == [{"type": "text", "text": f"Question {number}"}]
        assert conversation.params["temperature"] == 0
        assert conversation.params["metadata"] == {"team": "support"}
        assert conversation.params["user"] == "u-1"
        assert conversation.source["recorded_at"] == "2026-03-04T10:11:12Z"
        assert [tool.name for tool in conversation.tools] == ["find"]
        assert (turn.reply.message.text, turn.reply.finish_reason) == (f"Answer {number}", "stop")
        assert turn.reply.usage.to_json() == {
            "prompt_tokens": 13,
            "completion_tokens": 18,
            "total_tokens": 31,
        }


def test_metadata_become_tags(tmp_path):
    (one,) = logged(openai_stored, tmp_path, lines(completion(1, messages=messages(1))))
    assert one.tags == ("team:support",)
    assert one.derived


def test_what_is_missing_is_named(tmp_path):
    (one,) = logged(openai_stored, tmp_path / "a", lines(completion(1)))
    assert one.refused.startswith(
        "its messages are missing: give what /v1/chat/completions/{id}/messages lists"
    )
    assert json.loads(one.response)["id"] == "chatcmpl-A1"
    found = logged(openai_stored, tmp_path / "b", lines(*messages(2)))
    assert [one.refused for one in found] == ["a message of a completion that is not here"] * 2
    odd = logged(openai_stored, tmp_path / "c", lines({"id": 7}, [], completion(3, messages=[7])))
    assert [one.refused for one in odd] == ["no stored completion", "not a JSON object", "no messages"]


def test_stored_completions_are_told_from_bare_answers():
    for files in FORMS.values():
        for text in files.values():
            assert importers.sniffed(text.encode()) == ["openai_stored"]
    bare = {name: completion(1)[name] for name in ("id", "object", "model", "created", "choices", "usage")}
    assert importers.sniffed(lines(bare).encode()) == ["jsonl"]
