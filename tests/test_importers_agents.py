"""Logs of agent kits (Claude Agent SDK, Google ADK): what went in comes out."""

import json

import pytest
from read_back import asked, read, said
from recorded_corpus import ABSENT, CORPUS, PRESENT

from replay import providers


def written(path, value, *, lines=False):
    text = "".join(json.dumps(item) + "\n" for item in value) if lines else json.dumps(value)
    path.write_text(text, "utf-8")
    return path


def said_by_model(key, *blocks, **fields):
    message = {
        "id": key,
        "type": "message",
        "role": "assistant",
        "model": "claude-4",
        "content": list(blocks),
    }
    return {
        "type": "assistant",
        "message": message | {"stop_reason": None, "usage": {"output_tokens": 1}},
    } | fields


def transcript(**ids):
    use = {"type": "tool_use", "id": "t1", "name": "lookup", "input": {"order": "A-1"}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "refunded"}
    lines = [
        {"type": "system", "subtype": "init", "tools": ["lookup"]},
        {"type": "user", "message": {"role": "user", "content": "Where is A-1?"}},
        said_by_model("m1", {"type": "text", "text": "Let me look."}),
        said_by_model("m1", use),
        {"type": "user", "message": {"role": "user", "content": [result]}},
        said_by_model("m2", {"type": "text", "text": "Refunded."}),
        {"type": "result", "stop_reason": "end_turn", "usage": {"output_tokens": 50}},
    ]
    return [line | {"uuid": f"u{number}"} | ids for number, line in enumerate(lines)]


def wrapped(lines):
    asking = {"direction": "send", "message": {"type": "control_request", "request": {}}}
    return {"messages": [asking, *({"direction": "recv", "message": line} for line in lines)]}


@pytest.mark.parametrize("form", ["lines", "wrapped"])
def test_an_answer_in_several_lines_is_one_answer(tmp_path, form):
    lines = transcript(session_id="s1")
    value = wrapped(lines) if form == "wrapped" else lines
    name, (first, second) = read(written(tmp_path / "log", value, lines=form == "lines"))
    assert name == "claude_agent_sdk"
    assert asked(first) == {"model": "claude-4", "messages": [{"role": "user", "content": "Where is A-1?"}]}
    content = json.loads(first.response)["content"]
    assert [block["type"] for block in content] == ["text", "tool_use"]
    assert asked(second)["messages"][1] == {"role": "assistant", "content": content}
    assert json.loads(second.response)["stop_reason"] == "end_turn"
    assert "usage" not in json.loads(second.response)
    assert (first.wire, first.thread) == ("anthropic", second.thread)


def test_sessions_in_one_file_stay_apart(tmp_path):
    lines = [
        line
        for pair in zip(transcript(sessionId="a"), transcript(sessionId="b"), strict=True)
        for line in pair
    ]
    _, found = read(written(tmp_path / "log.jsonl", lines, lines=True))
    assert [logged.thread for logged in found].count("a") == 2
    assert [len(asked(logged)["messages"]) for logged in found] == [1, 1, 3, 3]


REQUEST = {
    "model": "gemini-2.0-flash",
    "contents": [{"parts": [{"text": "Set it."}], "role": "user"}],
    "config": {
        "system_instruction": "Be brief.",
        "max_output_tokens": 50,
        "tools": [
            {
                "function_declarations": [
                    {
                        "name": "set_it",
                        "parameters": {"type": "OBJECT", "properties": {"max_items": {"type": "INTEGER"}}},
                    }
                ]
            }
        ],
    },
}
RESPONSE = {
    "candidates": [
        {
            "content": {
                "parts": [{"function_call": {"name": "set_it", "args": {"max_items": 3}}}],
                "role": "model",
            },
            "finish_reason": "STOP",
        }
    ],
    "usage_metadata": {"prompt_token_count": 9, "candidates_token_count": 4, "total_token_count": 13},
}


def test_a_sessions_requests_are_read_in_the_wires_own_spelling(tmp_path):
    log = {"invocation_id": "i1", "event_id": "e1", "model_request": REQUEST, "model_response": RESPONSE}
    session = {"id": "s1", "events": [{"id": "e1", "timestamp": 1772619072.5}], "event_logs": [log]}
    name, (logged,) = read(written(tmp_path / "s.json", session))
    assert name == "google_adk"
    body = asked(logged)
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert body["generationConfig"] == {"maxOutputTokens": 50}
    declared = body["tools"][0]["functionDeclarations"][0]
    assert declared["parameters"]["properties"] == {"max_items": {"type": "INTEGER"}}
    answer = json.loads(logged.response)
    called = answer["candidates"][0]["content"]["parts"][0]["functionCall"]
    assert called == {"name": "set_it", "args": {"max_items": 3}}
    assert answer["usageMetadata"]["promptTokenCount"] == 9
    assert logged.source == {"id": "e1", "recorded_at": "2026-03-04T10:11:12Z"}


def test_events_alone_are_the_messages_of_a_session(tmp_path):
    events = [
        {"invocation_id": "i", "content": {"role": "user", "parts": [{"text": "Set it."}]}},
        {"invocation_id": "i", "content": RESPONSE["candidates"][0]["content"]},
        {
            "invocation_id": "i",
            "content": {
                "role": "user",
                "parts": [{"function_response": {"name": "set_it", "response": {"ok": True}}}],
            },
        },
        {"invocation_id": "i", "content": {"role": "model", "parts": [{"text": "Done."}]}},
    ]
    _, (first, second) = read(written(tmp_path / "s.json", {"id": "s1", "events": events}))
    (call,) = said(first)["tool_calls"]
    assert call["function"] == {"name": "set_it", "arguments": '{"max_items": 3}'}
    tool = asked(second)["messages"][2]
    assert (tool["role"], tool["tool_call_id"], tool["content"]) == ("tool", call["id"], '{"ok": true}')
    assert said(second)["content"] == "Done."


def test_an_evaluation_set_is_what_is_wanted(tmp_path):
    use = {"name": "set_it", "args": {"max_items": 3}, "id": None}
    turns = [
        {
            "user_content": {"parts": [{"text": "Set it."}]},
            "final_response": {"parts": [{"text": "Done."}]},
            "intermediate_data": {"tool_uses": [use]},
        },
        {"user_content": {"parts": [{"text": "Thanks."}]}, "final_response": {"parts": [{"text": "Sure."}]}},
    ]
    case = {"eval_id": "case-1", "conversation": turns}
    _, (first, second) = read(written(tmp_path / "set.json", {"eval_set_id": "x", "eval_cases": [case]}))
    assert said(first)["tool_calls"][0]["function"]["arguments"] == '{"max_items": 3}'
    assert [message["content"] for message in asked(second)["messages"]] == ["Set it.", "Done.", "Thanks."]
    old = [
        {
            "query": "Set it.",
            "expected_tool_use": [{"tool_name": "set_it", "tool_input": {}}],
            "reference": "",
        }
    ]
    _, (logged,) = read(written(tmp_path / "old.test.json", old))
    assert said(logged)["tool_calls"][0]["function"] == {"name": "set_it", "arguments": "{}"}


@pytest.mark.parametrize("broken", [{"events": 3}, {"event_logs": [{"model_request": 3}]}, [{"query": 3}, 4]])
def test_what_cannot_be_read_is_named(tmp_path, broken):
    from replay.importers import google_adk

    assert any(logged.refused for logged in google_adk.read(written(tmp_path / "s.json", broken)))


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
def test_the_sample_logs_come_out_whole():
    folders = [CORPUS / "logs" / name for name in ("google-adk", "claude-agent-sdk")]
    files = sorted(path for folder in folders for path in folder.glob("*.json"))
    found = {path.name: read(path) for path in files}
    counts = {name: len(calls) for name, (_, calls) in found.items()}
    assert sum(counts.values()) == 3 + 3 + 2 + 2 + 2 + 1
    for _, calls in found.values():
        for logged in calls:
            assert not logged.refused
            assert providers.registry.get(logged.wire or "openai")
