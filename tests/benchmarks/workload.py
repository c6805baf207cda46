"""A seeded workload: conversations of about six messages and 4 KB, some with tools, some with a JSON schema.

Each entry is `{"name", "request", "response", "checks"}`, request and response being Chat Completions bodies.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

WORDS = [
    "order",
    "refund",
    "parcel",
    "invoice",
    "please",
    "could",
    "would",
    "account",
    "delivery",
    "status",
    "number",
    "customer",
    "week",
    "agent",
    "price",
    "return",
    "broken",
    "address",
    "change",
    "cancel",
    "payment",
    "card",
    "address",
    "support",
    "ticket",
    "answer",
    "question",
    "late",
    "early",
]
SCHEMA = {
    "type": "object",
    "properties": {
        "topic": {"type": "string", "enum": ["refund", "delivery"]},
        "urgent": {"type": "boolean"},
    },
    "required": ["topic", "urgent"],
    "additionalProperties": False,
}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": f"{name} by its id.",
            "parameters": {
                "type": "object",
                "properties": {"id": {"type": "string"}},
                "required": ["id"],
                "additionalProperties": False,
            },
        },
    }
    for name in ("lookup_order", "refund_order")
]


def entries(count, seed=7):
    """Yield `count` entries; the same seed gives the same entries."""
    for number in range(count):
        yield _entry(number, random.Random(seed * 1_000_003 + number))


def _entry(number, rng):
    kind = ("text", "tools", "schema")[number % 3]
    messages = [{"role": "system", "content": _text(rng, 140)}]
    messages += [{"role": ("user", "assistant")[turn % 2], "content": _text(rng, 110)} for turn in range(4)]
    messages.append({"role": "user", "content": f"Case {number}: {_text(rng, 60)}"})
    request = {"model": "bench-model", "messages": messages}
    if kind == "tools":
        request["tools"] = TOOLS
    request["temperature"] = 0
    if kind == "schema":
        request["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "ticket", "strict": True, "schema": SCHEMA},
        }
    return {
        "name": f"bench/{number // 1000:03}/case_{number:06}",
        "kind": kind,
        "request": request,
        "response": _response(number, kind, rng),
    }


def _response(number, kind, rng):
    message = {"role": "assistant", "content": _text(rng, 50), "refusal": None}
    if kind == "tools":
        call = {"name": "lookup_order", "arguments": json.dumps({"id": f"A-{number}"})}
        calls = [{"id": f"call_{number}", "type": "function", "function": call}]
        message = {"role": "assistant", "content": None, "tool_calls": calls, "refusal": None}
    if kind == "schema":
        message["content"] = json.dumps({"topic": "refund", "urgent": rng.random() < 0.5})
    prompt, completion = rng.randrange(800, 1000), rng.randrange(20, 90)
    return {
        "id": f"chatcmpl-bench-{number}",
        "object": "chat.completion",
        "created": 1767225600,
        "model": "bench-model",
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": "tool_calls" if kind == "tools" else "stop",
            }
        ],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        },
    }


def _text(rng, words):
    return " ".join(rng.choice(WORDS) for _ in range(words)).capitalize() + "."


def project(folder, count):
    """Write a Replay project of `count` cases into `folder`, with suites of 1,000 cases."""
    from replay import fixtures
    from replay.cassette import file
    from replay.cassette.interaction import Interaction, RecordedRequest, RecordedResponse
    from replay.config import Project
    from replay.conversation import Conversation

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "replay.toml").write_text(
        '[targets.bench]\nprovider = "openai_compatible"\nmodel = "bench-model"\n'
        'base_url = "http://127.0.0.1:1/v1"\n\n[redaction]\nsalt = "bench"\n'
    )
    place = Project(folder)
    suites = {}
    for entry in entries(count):
        body = entry["request"]
        params = {key: value for key, value in body.items() if key not in ("model", "messages", "tools")}
        data = {"messages": body["messages"], "tools": body.get("tools"), "params": params}
        fixtures.save(Conversation.from_json(entry["name"], data), place)
        sent = {"content-type": "application/json"}
        url = "http://127.0.0.1:1/v1/chat/completions"
        request = RecordedRequest("POST", url, sent, json.dumps(body).encode())
        response = RecordedResponse(
            200, "OK", {"content-type": ["application/json"]}, json.dumps(entry["response"]).encode()
        )
        path = place.cassettes / entry["name"] / "bench.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.dump([Interaction(request, response)]))
        suites.setdefault(entry["name"].split("/")[1], []).append(entry)
    place.suites.mkdir(exist_ok=True)
    for name, members in suites.items():
        (place.suites / f"bench_{name}.yaml").write_text(_suite(members))
    return place


def _suite(members):
    lines = ["targets: [bench]", "assert:", "  - token_budget: {prompt: 1100, completion: 200}", "cases:"]
    for entry in members:
        lines += [f"  - conversation: {entry['name']}", "    assert:"]
        if entry["kind"] == "tools":
            call = entry["response"]["choices"][0]["message"]["tool_calls"][0]["function"]
            lines.append("      - finish_reason: tool_calls")
            lines.append(
                f"      - tool_calls: {{calls: [{{name: lookup_order, arguments: {call['arguments']}}}]}}"
            )
        else:
            lines.append("      - finish_reason: stop")
        if entry["kind"] == "schema":
            lines.append("      - json_schema")
    return "\n".join(lines) + "\n"
