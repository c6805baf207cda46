"""LiteLLM's own account of calls, and what of it was never said."""

import json

import pytest
from importing import green, imported, lines, logged, turns
from recorded_corpus import ABSENT, CORPUS, PRESENT, _bytes, _entries, rows

from replay import importers
from replay.importers import litellm

USAGE = {"prompt_tokens": 12, "completion_tokens": 4, "total_tokens": 16}
TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
NOTHING = {"completion_tokens": 0, "prompt_tokens": 0, "total_tokens": 0, "prompt_tokens_details": None}


def answer(text="Here.", usage=USAGE, **message):
    said = {"role": "assistant", "content": text, "tool_calls": None, "function_call": None, **message}
    said["provider_specific_fields"] = {"refusal": None}
    choice = {"finish_reason": "stop", "index": 0, "message": said, "provider_specific_fields": {}}
    head = {"id": "chatcmpl-1", "created": 1772619072, "model": "gpt-4o-2024", "object": "chat.completion"}
    return {**head, "moderation": None, "choices": [choice], "usage": usage}


def payload(response=None, **more):
    return {
        "id": "chatcmpl-1",
        "trace_id": "trace-1",
        "session_id": "",
        "call_type": "completion",
        "stream": None,
        "status": "success",
        "custom_llm_provider": "openai",
        "startTime": 1772619072.5,
        "endTime": 1772619073.5,
        "model": "gpt-4o",
        "metadata": {"user_api_key_hash": None},
        "request_tags": ["prod"],
        "api_base": "https://api.openai.com/v1/",
        "model_group": "best",
        "messages": [{"role": "user", "content": "Where?"}],
        "response": answer() if response is None else response,
        "model_parameters": {"temperature": 0, "tools": [TOOL], "user": None},
        "error_information": {"error_code": "", "error_class": ""},
        **more,
    }


def failure(name, code="", message="litellm.Oops"):
    told = {"error_code": code, "error_class": name, "error_message": message}
    return payload({}, status="failure", error_information=told)


def row(**more):
    """A row of the table of spend, as an export gives it: JSON columns as text."""
    asked = {"model": "best", "messages": [{"role": "user", "content": "Where?"}], "litellm_call_id": "c"}
    return {
        "request_id": "chatcmpl-1",
        "call_type": "acompletion",
        "api_key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
        "startTime": "2026-03-04T10:11:12.500000",
        "model": "gpt-4o",
        "api_base": "https://api.openai.com/v1/chat/completions",
        "custom_llm_provider": "openai",
        "session_id": "s-1",
        "status": "success",
        "request_tags": '["prod"]',
        "messages": "{}",
        "metadata": '{"status": "success"}',
        "response": json.dumps(answer()),
        "proxy_server_request": json.dumps(asked),
        **more,
    }


def test_calls_play_as_they_were_logged(sandbox):
    outcome = imported(sandbox, {"slp.jsonl": lines(payload()), "spend.json": json.dumps({"data": [row()]})})
    assert (outcome.imported, outcome.refused) == (2, 0)
    for conversation, turn in green(sandbox):
        assert [message.to_json() for message in conversation.messages] == [
            {"role": "user", "content": "Where?"}
        ]
        assert conversation.source["recorded_at"] == "2026-03-04T10:11:12Z"
        assert (turn.reply.message.to_json(), turn.reply.finish_reason) == (
            {"role": "assistant", "content": "Here."},
            "stop",
        )
        assert turn.reply.usage.to_json() == USAGE
        assert not turn.reply.extra.get("choice")


def test_what_the_log_says_beside_the_bodies_is_kept(tmp_path):
    one, other = logged(litellm, tmp_path, lines(payload(), row()))
    assert (one.provider, one.wire, one.model) == ("openai", "openai", "gpt-4o")
    assert (one.thread, other.thread) == ("trace-1", "s-1")
    assert (one.tags, other.tags) == (("prod", "model_group:best"), ("prod",))
    assert one.at == 1772619072.5
    assert one.derived.startswith("litellm fills in its answers")
    assert json.loads(one.request)["temperature"] == 0
    assert "user" not in json.loads(one.request)
    assert json.loads(other.request) == {"model": "best", "messages": [{"role": "user", "content": "Where?"}]}


def test_counts_that_nobody_counted_are_left_out(tmp_path):
    (one,) = logged(litellm, tmp_path, lines(payload(answer(usage=NOTHING), stream=True)))
    assert "usage" not in json.loads(one.response)


@pytest.mark.parametrize(
    ("record", "status", "error"),
    [
        (failure("AuthenticationError", "401"), 401, None),
        (failure("RateLimitError", "rate_limit_exceeded"), 429, None),
        (failure("BadRequestError", "test"), 400, None),
        (failure("Timeout", "408"), None, "ReadTimeout"),
        (failure("APIConnectionError", "500"), None, "ConnectError"),
    ],
)
def test_failures_keep_their_status_or_their_class(record, status, error, tmp_path):
    (one,) = logged(litellm, tmp_path, lines(record))
    assert (one.refused, one.status, one.error) == ("", status, error)
    if status:
        assert json.loads(one.response)["error"]["message"] == "litellm.Oops"


def test_the_failure_of_a_row_stands_in_its_metadata(sandbox):
    told = {"error_code": "404", "error_class": "NotFoundError", "error_message": "no such model"}
    metadata = json.dumps({"error_information": told})
    imported(sandbox, {"rows.jsonl": lines(row(status="failure", response="{}", metadata=metadata))})
    ((_, turn),) = green(sandbox)
    assert (turn.error.status, turn.error.kind, turn.error.message) == (404, "not_found", "no such model")


@pytest.mark.parametrize(
    ("name", "address", "provider", "settings"),
    [
        ("openai", "http://127.0.0.1:4000/v1", "openai_compatible", {"base_url": "http://127.0.0.1:4000/v1"}),
        (
            "groq",
            "https://api.groq.com/openai/v1",
            "openai_compatible",
            {"base_url": "https://api.groq.com/openai/v1"},
        ),
        (
            "azure",
            "https://eu.openai.azure.com/",
            "azure",
            {"endpoint": "https://eu.openai.azure.com", "deployment": "gpt-4o"},
        ),
        ("replicate", "", "openai", {}),
    ],
)
def test_it_is_played_where_it_was_asked(name, address, provider, settings, tmp_path):
    (one,) = logged(litellm, tmp_path, lines(payload(custom_llm_provider=name, api_base=address)))
    assert (one.provider, one.settings) == (provider, settings)
    assert one.notes == (() if settings else ("it was asked of replicate; openai stands in for it",))


@pytest.mark.parametrize("name", ["anthropic", "vertex_ai", "gemini", "bedrock", "cohere", "ollama_chat"])
def test_a_call_to_another_provider_plays_in_its_own_words(name, sandbox):
    call = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"what": "keys"}'}}
    said = answer(None, tool_calls=[call])
    said["choices"][0]["finish_reason"] = "tool_calls"
    params = {"max_tokens": 64, "tools": [TOOL], "temperature": 0.5}
    record = payload(said, custom_llm_provider=name, api_base="", model="model-x", model_parameters=params)
    assert imported(sandbox, {"slp.jsonl": lines(record)}).imported == 1
    ((conversation, turn),) = green(sandbox)
    (asked,) = turn.reply.message.tool_calls
    assert (asked.name, asked.parsed(), turn.reply.finish_reason) == ("find", {"what": "keys"}, "tool_calls")
    assert turn.reply.usage.prompt_tokens == 12
    assert [tool.name for tool in conversation.tools] == ["find"]


def test_what_is_not_logged_is_named(tmp_path):
    records = [
        row(proxy_server_request="{}", response="{}"),
        row(response="{}"),
        payload(call_type="aembedding"),
        failure("OddError"),
        payload(messages=None),
        {},
        {"call_type": 7, "model_parameters": 8, "messages": 9, "response": {"choices": 7}},
    ]
    assert [one.refused for one in logged(litellm, tmp_path, lines(*records))] == [
        "no prompt is logged (store_prompts_in_spend_logs is off)",
        "no answer is logged (store_prompts_in_spend_logs is off)",
        "an embeddings request: its vectors are not logged",
        "it failed, and its HTTP status is not logged (OddError)",
        "no prompt is logged (store_prompts_in_spend_logs is off)",
        "no prompt is logged (store_prompts_in_spend_logs is off)",
        "it cannot be read: 'int' object is not iterable",
    ]


def test_texts_that_litellm_has_cut_are_noted(tmp_path):
    cut = [{"role": "user", "content": "ab... (litellm_truncated 900 chars) ...yz"}]
    (one,) = logged(litellm, tmp_path, lines(payload(messages=cut)))
    assert one.notes == ("litellm has cut a text of it short",)


def test_litellm_is_told_from_other_lines():
    for record in (payload(), failure("Timeout"), row()):
        assert importers.sniffed(lines(record).encode()) == ["litellm"]
        assert importers.sniffed(json.dumps({"data": [record]}, indent=1).encode()) == ["litellm"]


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
def test_the_log_of_recorded_calls_plays_as_they_were_recorded(sandbox):
    """All of the corpus's log: requests equal, answers but for what LiteLLM makes up, and the errors."""
    folder = CORPUS / "logs" / "litellm"
    outcome = imported(sandbox, {"slp.jsonl": (folder / "standard_logging_payload.jsonl").read_bytes()})
    origins = [json.loads(line) for line in (folder / "origin.jsonl").read_text().splitlines()]
    assert (outcome.imported, outcome.refused) == (len(origins), 0)
    known = {(row["file"], row["index"]): row for row in rows()}
    for origin, (conversation, turn) in zip(origins, turns(sandbox, outcome), strict=True):
        recorded = known[origin["file"], origin["index"]]
        request, _ = _entries(CORPUS / recorded["file"], recorded["container"])[recorded["index"]]
        body = json.loads(_bytes(request))
        assert len(turn.request.messages) == len(body["messages"])
        assert len(conversation.tools) == len(body.get("tools", ()))
        assert conversation.params == {
            k: v for k, v in body.items() if k not in ("model", "messages", "tools")
        }
        if recorded["status"] >= 400:
            assert turn.error.status == recorded["status"]
            continue
        usage = recorded.get("usage")
        assert (turn.reply.usage and turn.reply.usage.total_tokens) == (usage and usage["total"])
        assert len(turn.reply.message.tool_calls) == recorded.get("tool_calls", 0)
