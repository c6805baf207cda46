"""Answers of three wires, as cassettes hold them, for the tests of faults and of the sweep."""

import json

from chat_wire import chunk, completion, streamed
from messages_wire import ended as ended_message
from messages_wire import message, sse, started, text, use

from replay.cassette.cassette import Cassette
from replay.cassette.file import save
from replay.cassette.interaction import Interaction, RecordedRequest, RecordedResponse

CHAT = "https://api.openai.com/v1/chat/completions"
MESSAGES = "https://api.anthropic.com/v1/messages"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:"

ASKED = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Where is my refund?"}]}
TOOLS = [{"type": "function", "function": {"name": "refund", "parameters": {"type": "object"}}}]
STREAMED = ASKED | {"stream": True, "stream_options": {"include_usage": True}}
SAID = "On its way — 3 days."
ARGUMENTS = '{"order_id": "A-1001", "amount": 12}'
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


def call(arguments=ARGUMENTS, **more):
    return {"id": "call_1", "type": "function", "function": {"name": "refund", "arguments": arguments}} | more


def chat_stream():
    return streamed(
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": piece}) for piece in ("On its ", "way — ", "3 days.")),
        chunk(finish_reason="stop"),
        chunk() | {"choices": [], "usage": USAGE},
    )


def call_stream():
    pieces = [ARGUMENTS[:10], ARGUMENTS[10:20], ARGUMENTS[20:]]
    return streamed(
        chunk({"role": "assistant", "tool_calls": [call("", index=0)]}),
        *(chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}) for piece in pieces),
        chunk(finish_reason="tool_calls"),
        chunk() | {"choices": [], "usage": USAGE},
    )


def message_stream():
    return sse([started(), *text(0, "On its ", "way — ", "3 days."), *ended_message()])


def use_stream():
    return sse([started(), *use(0, ARGUMENTS[:10], ARGUMENTS[10:]), *ended_message("tool_use")])


def gemini(said=SAID, **more):
    candidate = {"content": {"role": "model", "parts": [{"text": said}]}, "index": 0} | more
    return {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 9}, "modelVersion": "gemini"}


def gemini_stream():
    documents = gemini("On its "), gemini("way — "), gemini("3 days.", finishReason="STOP")
    return [f"data: {json.dumps(one, ensure_ascii=False)}\r\n\r\n" for one in documents]


CONVERSATION = {"contents": [{"role": "user", "parts": [{"text": "Where is my refund?"}]}]}
ASKED_OF_CLAUDE = ASKED | {"max_tokens": 100, "model": "claude-sonnet-5"}
WHOLE = {
    "chat": (CHAT, ASKED, [json.dumps(completion({"content": SAID}, usage=USAGE), ensure_ascii=False)]),
    "call": (CHAT, ASKED, [json.dumps(completion({"content": None, "tool_calls": [call()]}, "tool_calls"))]),
    "messages": (MESSAGES, ASKED_OF_CLAUDE, [json.dumps(message({"type": "text", "text": SAID}))]),
    "gemini": (GEMINI + "generateContent", CONVERSATION, [json.dumps(gemini(finishReason="STOP"))]),
}
STREAMS = {
    "chat": (CHAT, STREAMED, chat_stream()),
    "call": (CHAT, STREAMED | {"tools": TOOLS}, call_stream()),
    "messages": (MESSAGES, ASKED_OF_CLAUDE | {"stream": True}, message_stream()),
    "use": (MESSAGES, ASKED_OF_CLAUDE | {"stream": True}, use_stream()),
    "gemini": (GEMINI + "streamGenerateContent?alt=sse", CONVERSATION, gemini_stream()),
}


def interaction(url, body, pieces, status=200, content_type=None):
    """What a cassette holds of an exchange; each piece of the answer came 10 ms after the one before."""
    data = [piece.encode() if isinstance(piece, str) else piece for piece in pieces]
    kind = content_type or ("text/event-stream" if len(data) > 1 else "application/json")
    chunks = tuple((10.0 * number, len(piece)) for number, piece in enumerate(data, 1))
    headers = {"content-type": "application/json"}
    request = RecordedRequest("POST", url, headers, json.dumps(body).encode())
    return Interaction(request, RecordedResponse(200, "OK", {"content-type": [kind]}, b"".join(data), chunks))


def cassette(path, *exchanges):
    """A cassette on disk that holds these exchanges (`(url, body, pieces)`), opened to be played."""
    save(path, [interaction(*exchange) for exchange in exchanges])
    return Cassette(path)
