"""A response of the Messages wire that is not streamed, both directions."""

from __future__ import annotations

from replay.conversation import Json, Message, Object
from replay.providers import Unreadable, _errors, _shape
from replay.providers._anthropic_calls import speech, spoken
from replay.providers._anthropic_messages import thought
from replay.turn import ApiError, Reply, Usage

# `pause_turn`: the servers' own tools were called as often as they may be in one reply.
_FINISH = {
    "stop": ("end_turn", "stop_sequence"),
    "length": ("max_tokens", "model_context_window_exceeded", "pause_turn"),
    "tool_calls": ("tool_use",),
    "content_filter": ("refusal",),
}
_FINISH_REASON = {native: word for word, natives in _FINISH.items() for native in natives}
_STOP_REASON = {word: natives[0] for word, natives in _FINISH.items()}
_OTHERS = ("choice", "native", "object", "created")  # of a reply's `extra`: what Chat Completions has there
_APART = ("type", "role", "content", "model", "stop_reason")  # have a place of their own, or say nothing
_PROMPT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def decode(body: Json) -> Reply:
    """Read a response body that came with a success status. Raises Unreadable."""
    if _errors.is_error(body):
        raise Unreadable(_errors.told(body))
    try:
        return reply(_shape.mapping(body, "the body"))
    except ValueError as problem:
        raise Unreadable(ApiError("bad_response", message=str(problem))) from None


def reply(body: Object) -> Reply:
    """Read a message; the `input` of a call may be the text that a stream spelled. Raises ValueError."""
    if not isinstance(body.get("content"), list):
        raise ValueError("content is not a list" if "content" in body else "the body has no content")
    content, calls = spoken(_shape.mappings(body["content"], "content"), reply=True)
    native = body.get("stop_reason")
    native = native if isinstance(native, str) and native else None
    model = body.get("model")
    return Reply(
        Message("assistant", content, tuple(calls), extra=thought(content)),
        _FINISH_REASON.get(native or ""),
        native,
        _usage(body.get("usage")),
        model=model if isinstance(model, str) else None,
        extra={key: value for key, value in body.items() if value is not None and key not in _APART},
    )


def encode_reply(said: Reply) -> Object:
    """Return the body of a response, not streamed, that says this: the inverse of `decode`.

    Arguments come back as compact JSON.
    """
    body: Object = {"type": "message", "role": "assistant", "content": _content(said.message)}
    body |= {"model": said.model} if said.model is not None else {}
    native = said.native_finish_reason
    stop = native if native in _FINISH_REASON else _STOP_REASON.get(said.finish_reason or "", native)
    body |= {"stop_reason": stop, "stop_sequence": None}
    body |= {key: value for key, value in said.extra.items() if key not in _OTHERS}
    if _usage(body.get("usage")) != said.usage:
        body["usage"] = _counted(said.usage or Usage())
    return body


def _content(message: Message) -> list[Object]:
    blocks = speech(message, reply=True)
    reasoning = message.extra.get("reasoning_content")
    if reasoning and not thought(message.content):
        return [{"type": "thinking", "thinking": reasoning, "signature": ""}, *blocks]
    return blocks


def _usage(data: Json) -> Usage | None:
    if not isinstance(data, dict):
        return None
    fresh, written, cached = (_count(data.get(name)) for name in _PROMPT)
    prompt = None if fresh is None else fresh + (written or 0) + (cached or 0)
    completion = _count(data.get("output_tokens"))
    details = data.get("output_tokens_details")
    reasoning = _count(details.get("thinking_tokens")) if isinstance(details, dict) else None
    total = None if prompt is None or completion is None else prompt + completion
    usage = Usage(prompt, completion, total, cached, reasoning)
    return None if usage == Usage() else usage


def _counted(usage: Usage) -> Object:
    cached = usage.cached_tokens
    fresh = None if usage.prompt_tokens is None else max(usage.prompt_tokens - (cached or 0), 0)
    reasoning = None if usage.reasoning_tokens is None else {"thinking_tokens": usage.reasoning_tokens}
    counts = {
        "input_tokens": fresh,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": reasoning,
    }
    return {name: count for name, count in counts.items() if count is not None}


def _count(value: Json) -> int | None:
    """A number of tokens: text, fractions and what is below zero are not."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
