"""logs.db of the llm tool: what both generations of its tables hold comes out as it was said."""

import json
import sqlite3
from contextlib import closing

import pytest
from read_back import asked, green, read, said
from recorded_corpus import ABSENT, CORPUS, PRESENT, recordings

OLD = """
CREATE TABLE _llm_migrations (name TEXT, applied_at TEXT);
CREATE TABLE responses (id TEXT PRIMARY KEY, model TEXT, prompt TEXT, system TEXT, prompt_json TEXT,
  options_json TEXT, response TEXT, response_json TEXT, conversation_id TEXT, duration_ms INTEGER,
  datetime_utc TEXT, input_tokens INTEGER, output_tokens INTEGER, token_details TEXT, schema_id TEXT,
  resolved_model TEXT);
CREATE TABLE schemas (id TEXT PRIMARY KEY, content TEXT);
CREATE TABLE attachments (id TEXT PRIMARY KEY, type TEXT, path TEXT, url TEXT, content BLOB);
CREATE TABLE prompt_attachments (response_id TEXT, attachment_id TEXT, "order" INTEGER);
CREATE TABLE fragments (id INTEGER PRIMARY KEY, hash TEXT, content TEXT);
CREATE TABLE prompt_fragments (response_id TEXT, fragment_id INTEGER, "order" INTEGER);
CREATE TABLE system_fragments (response_id TEXT, fragment_id INTEGER, "order" INTEGER);
CREATE TABLE tools (id INTEGER PRIMARY KEY, hash TEXT, name TEXT, description TEXT, input_schema TEXT);
CREATE TABLE tool_responses (tool_id INTEGER, response_id TEXT);
CREATE TABLE tool_calls (id INTEGER PRIMARY KEY, response_id TEXT, tool_id INTEGER, name TEXT,
  arguments TEXT, tool_call_id TEXT);
CREATE TABLE tool_results (id INTEGER PRIMARY KEY, response_id TEXT, tool_id INTEGER, name TEXT, output TEXT,
  tool_call_id TEXT);
"""
NEW = """
CREATE TABLE messages (hash TEXT PRIMARY KEY, parent_hash TEXT, role TEXT, provider_metadata TEXT);
CREATE TABLE parts (id INTEGER PRIMARY KEY, message_hash TEXT, position INTEGER, type TEXT, tool_name TEXT,
  text TEXT, payload TEXT);
CREATE TABLE turn_tools (turn_id TEXT, tool_id INTEGER, instance_id INTEGER);
CREATE TABLE turns (id TEXT PRIMARY KEY, thread_id TEXT, parent_message_hash TEXT, tip_message_hash TEXT,
  model TEXT, resolved_model TEXT, options_json TEXT, schema_id TEXT, input_tokens INTEGER,
  output_tokens INTEGER, token_details TEXT, duration_ms INTEGER, datetime_utc TEXT, response_json TEXT);
"""
SCHEMA = {"type": "object", "properties": {"paid": {"type": "boolean"}}}
LOOKUP = {"type": "object", "properties": {"order_id": {"type": "string"}}}


def fill(database, table, **row):
    names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" for _ in row)
    database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))


@pytest.fixture
def logs(tmp_path):
    path = tmp_path / "logs.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(OLD)
        yield path, database
        database.commit()


def answered(database, number, **row):
    common = {"model": "gpt-4o-mini", "conversation_id": "c1", "datetime_utc": "2026-03-04T10:11:12+00:00"}
    fill(database, "responses", **common | {"id": f"r{number}"} | row)


def old(database):
    answered(
        database,
        1,
        prompt="Where is A-1001?",
        system="Be brief.",
        response="",
        options_json='{"temperature": 0.5, "top_p": null}',
        response_json='{"id": "chatcmpl-1", "finish_reason": "tool_calls"}',
    )
    fill(database, "tools", id=1, name="lookup", description="Look up.", input_schema=json.dumps(LOOKUP))
    fill(database, "tool_responses", tool_id=1, response_id="r1")
    fill(
        database,
        "tool_calls",
        response_id="r1",
        name="lookup",
        arguments='{"order_id": "A-1001"}',
        tool_call_id="t1",
    )
    answered(
        database,
        2,
        response='{"paid": true}',
        schema_id="s1",
        system="Be brief.",
        input_tokens=30,
        output_tokens=4,
        token_details='{"prompt_tokens_details": {"cached_tokens": 8}}',
        response_json='{"choices": [{"finish_reason": "stop"}], "usage": {"total_tokens": 34}}',
    )
    fill(database, "schemas", id="s1", content=json.dumps(SCHEMA))
    fill(database, "tool_results", response_id="r2", name="lookup", output="refunded", tool_call_id="t1")
    answered(database, 3, conversation_id="c2", prompt="What is this?", response="A square.")
    fill(database, "attachments", id="a1", type="image/png", content=b"\x89PNG")
    fill(database, "prompt_attachments", response_id="r3", attachment_id="a1", order=0)
    fill(database, "fragments", id=7, content="A long text.")
    fill(database, "prompt_fragments", response_id="r3", fragment_id=7, order=0)
    database.commit()


def test_a_conversation_of_the_older_tables_is_its_earlier_responses(logs):
    path, database = logs
    old(database)
    name, (first, second, third) = read(path)
    assert name == "llm_db"
    assert asked(first) == {
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Where is A-1001?"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "lookup", "description": "Look up.", "parameters": LOOKUP},
            }
        ],
        "temperature": 0.5,
    }
    call = {
        "id": "t1",
        "type": "function",
        "function": {"name": "lookup", "arguments": '{"order_id": "A-1001"}'},
    }
    assert said(first) == {"role": "assistant", "content": None, "tool_calls": [call]}
    assert asked(second)["messages"][2:] == [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "t1", "content": "refunded"},
    ]
    assert asked(second)["response_format"]["json_schema"]["schema"] == SCHEMA
    answer = json.loads(second.response)
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"] == {
        "prompt_tokens": 30,
        "completion_tokens": 4,
        "total_tokens": 34,
        "prompt_tokens_details": {"cached_tokens": 8},
    }
    assert "usage" not in json.loads(first.response)
    parts = asked(third)["messages"][0]["content"]
    assert parts[0] == {"type": "text", "text": "A long text.\nWhat is this?"}
    assert parts[1]["image_url"]["url"] == "data:image/png;base64,iVBORw=="
    assert first.thread == second.thread != third.thread
    assert first.source == {"id": "r1", "recorded_at": "2026-03-04T10:11:12Z"}


def test_messages_kept_as_they_were_sent_come_before_what_can_be_pieced_together(logs):
    path, database = logs
    sent = [{"role": "user", "content": "Exactly this."}]
    answered(
        database, 1, prompt="Something else.", response="Yes.", prompt_json=json.dumps({"messages": sent})
    )
    database.commit()
    _, (logged,) = read(path)
    assert asked(logged)["messages"] == sent


def tree(database):
    database.executescript(NEW)
    rows = [
        ("m1", None, "system", [("text", "Be brief.", None)]),
        ("m2", "m1", "user", [("text", None, {"text_ref": [{"fragment": 7}, {"literal": " Paid?"}]})]),
        (
            "m3",
            "m2",
            "assistant",
            [
                ("reasoning", "Look first.", {"redacted": False}),
                ("text", "One moment.", None),
                (
                    "tool_call",
                    None,
                    {"name": "lookup", "arguments": {"order_id": "A-1"}, "tool_call_id": "t1"},
                ),
            ],
        ),
        (
            "m4",
            "m3",
            "tool",
            [("tool_result", None, {"name": "lookup", "output": "yes", "tool_call_id": "t1"})],
        ),
        ("m5", "m4", "assistant", [("text", "Yes.", None)]),
    ]
    for key, parent, role, parts in rows:
        fill(database, "messages", hash=key, parent_hash=parent, role=role)
        for position, (kind, text, payload) in enumerate(parts):
            fill(
                database,
                "parts",
                message_hash=key,
                position=position,
                type=kind,
                text=text,
                payload=payload and json.dumps(payload),
            )
    fill(database, "fragments", id=7, content="A long text.")
    for number, (parent, tip) in enumerate((("m2", "m3"), ("m4", "m5")), 1):
        fill(
            database,
            "turns",
            id=f"r{number}",
            thread_id="c1",
            parent_message_hash=parent,
            tip_message_hash=tip,
            model="gpt-4o-mini",
            input_tokens=9,
            output_tokens=2,
            response_json='{"choices": [{"finish_reason": "stop"}]}',
        )
    database.commit()


def test_turns_are_read_from_the_tree_of_messages(logs):
    path, database = logs
    tree(database)
    _, (first, second) = read(path)
    assert asked(first)["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "A long text. Paid?"},
    ]
    message = said(first)
    assert message["content"] == "One moment."
    assert message["reasoning_content"] == "Look first."
    assert message["tool_calls"][0]["function"] == {"name": "lookup", "arguments": '{"order_id": "A-1"}'}
    assert asked(second)["messages"][3] == {"role": "tool", "tool_call_id": "t1", "content": "yes"}
    assert said(second)["content"] == "Yes."


def test_a_call_in_both_generations_is_read_once(logs):
    path, database = logs
    old(database)
    database.executescript(NEW)
    fill(database, "turns", id="r1", thread_id="c1", model="m")
    database.commit()
    places = [logged.place for logged in read(path)[1]]
    assert places == ["response r2", "response r3", "turn r1"]


def test_what_was_logged_plays_green(logs, sandbox):
    path, database = logs
    old(database)
    recorded = green(sandbox, path)
    assert (recorded.imported, recorded.refused) == (3, 0)


@pytest.mark.parametrize("damage", ["not llm's", "garbage in a row", "cut"])
def test_damage_is_named(tmp_path, damage):
    path = tmp_path / "logs.db"
    with closing(sqlite3.connect(path)) as database:
        if damage == "not llm's":
            database.execute("CREATE TABLE plants (name TEXT)")
        else:
            database.executescript(OLD)
            for number in range(200):
                answered(database, number, prompt="x" * 2000, response="y", prompt_json='{"messages": 3}')
            answered(database, 999, prompt="?", response="y", schema_id="s1")
            fill(database, "schemas", id="s1", content="{" if damage == "garbage in a row" else "{}")
        database.commit()
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:100_000])
    refused = [logged.refused for logged in read(path)[1] if logged.refused]
    assert refused
    assert all(refused)


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
def test_the_sample_log_says_what_the_recordings_say():
    folder = CORPUS / "logs" / "simonw-llm"
    origins = [json.loads(line) for line in (folder / "origin.jsonl").open()]
    wanted = {(origin["file"], origin["index"]) for origin in origins}
    recorded = {
        (item.row["file"], item.row["index"]): item
        for item in recordings("chat.completions")
        if (item.row["file"], item.row["index"]) in wanted
    }
    _, found = read(folder / "logs.db")
    assert len(found) == len(origins)
    for logged, origin in zip(found, origins, strict=True):
        item = recorded[origin["file"], origin["index"]]
        ours, theirs = asked(logged)["messages"], json.loads(item.request)["messages"]
        assert flat(ours[-1]) in {flat(message) for message in theirs}  # the tool was asked one of them
        answer = json.loads(logged.response)
        assert answer["choices"][0]["finish_reason"] == item.row["finish_reason"] or isinstance(
            item.row["finish_reason"], list
        )
        usage = item.row.get("usage") or {}
        assert (answer.get("usage") or {}).get("completion_tokens") == usage.get("output")


def flat(message):
    content = message["content"]
    text = "".join(part.get("text", "") for part in content) if isinstance(content, list) else content
    return text.strip()  # the tool keeps prompts without the space around them
