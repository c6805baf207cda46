"""Bodies of the Chat Completions wire and one real call over loopback, for the tests of providers."""

import json

import httpx2
from scripted import Scripted

from replay.conversation import Message
from replay.providers import openai
from replay.turn import Request, Target

ASKED = Request("gpt-4o-mini", (Message("user", "Where is my refund?"),), params={"temperature": 0})
WAITS = 5.0  # seconds that a call may take here


def completion(message=None, finish_reason="stop", **more):
    message = {"role": "assistant", "content": "On its way."} | (message or {})
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1741000000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": None}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
    } | more


def chunk(delta=None, finish_reason=None, index=0, **more):
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish_reason, "logprobs": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1741000000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [choice],
    } | more


def sse(document, event=None):
    data = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
    return (f"event: {event}\n" if event else "") + f"data: {data}\n\n"


def streamed(*documents, done=True):
    return [sse(document) for document in documents] + (["data: [DONE]\n\n"] if done else [])


HELLO = (
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "On "}),
    chunk({"content": "its way."}),
    chunk(finish_reason="stop"),
)


def send(script, request=ASKED, provider=openai, base="base_url", **settings):
    """One call of a provider to a server that answers with `script`, over real sockets."""
    with Scripted([script]) as server, httpx2.HTTPTransport(verify=False) as transport:
        settings = {base: server.url, "timeout": WAITS} | settings
        return provider.send(request, Target("loopback", "openai", request.model, settings), transport)
