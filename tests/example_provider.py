"""The scripted provider that the example cassettes were recorded from. No model gave these answers.

Record them again with

    python tests/example_provider.py
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from scripted import Scripted, Wait, reply, stream

ROOT = Path(__file__).parent.parent
PORT = 8931  # fixed, so that recording again changes nothing but the times


def answer(asked):
    """Answer a request by what its last message says."""
    body = asked.json
    last, text = body["messages"][-1], str(body["messages"][-1]["content"])
    if last["role"] == "tool":
        return _said(body, _after_tools(body))
    if "Are you there" in text:
        error = {"message": "Rate limit reached.", "type": "requests", "code": "rate_limit_exceeded"}
        return reply({"error": error}, 429, {"retry-after": "2"})
    if body.get("stream"):
        return _streamed(body, "You send the item back. We pay within five days.")
    if body.get("tools"):
        orders = [word.strip("?,.") for word in text.split() if word.startswith("A-")]
        return _called(body, orders)
    return _said(body, ANSWERS[text])


ANSWERS = {
    "Hello! Which hours are you open?": "We are open from 9 to 17 on weekdays.",
    "My parcel came broken and I want my money back.": '{"topic": "refund", "urgent": true}',
    "Can I exchange shoes that do not fit?": "Yes, within 30 days of delivery.",
    "And if I wore them outside?": "Worn shoes cannot be exchanged.",
}


def _after_tools(body):
    results = [json.loads(message["content"]) for message in body["messages"] if message["role"] == "tool"]
    if len(results) == 1:
        return f"Your refund was paid on {results[0]['on']}."
    return "A-1001 was refunded, the other order was shipped."


def _usage(body, text):
    prompt = len(json.dumps(body["messages"])) // 4
    completion = max(len(text) // 4, 1)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _envelope(body, kind="chat.completion"):
    number = sum(map(ord, json.dumps(body["messages"])))
    return {"id": f"chatcmpl-example-{number}", "object": kind, "created": 1767225600, "model": body["model"]}


def _whole(body, message, finish_reason):
    choice = {
        "index": 0,
        "message": {"role": "assistant", "refusal": None} | message,
        "finish_reason": finish_reason,
    }
    return reply(_envelope(body) | {"choices": [choice], "usage": _usage(body, json.dumps(message))})


def _said(body, text):
    return _whole(body, {"content": text}, "stop")


def _called(body, orders):
    calls = [
        {
            "id": f"call_example_{number}",
            "type": "function",
            "function": {"name": "lookup_order", "arguments": json.dumps({"order_id": order})},
        }
        for number, order in enumerate(orders, 1)
    ]
    return _whole(body, {"content": None, "tool_calls": calls}, "tool_calls")


def _streamed(body, text):
    def chunk(**fields):
        return "data: " + json.dumps(_envelope(body, "chat.completion.chunk") | fields) + "\n\n"

    def delta(delta, finish_reason=None):
        return chunk(choices=[{"index": 0, "delta": delta, "finish_reason": finish_reason}])

    words = text.split(" ")
    pieces = [delta({"role": "assistant", "content": ""})]
    for number, word in enumerate(words):
        pieces += [Wait(0.02), delta({"content": word if number == 0 else f" {word}"})]
    pieces += [delta({}, "stop"), chunk(choices=[], usage=_usage(body, text)), "data: [DONE]\n\n"]
    return stream(pieces)


def main():
    with Scripted([answer], port=PORT):
        command = [sys.executable, "-m", "pytest", "suites/", "--record-mode=all", "--no-replay-report", "-q"]
        return subprocess.call([*command, *sys.argv[1:]], cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
