"""The Chat Completions wire, both directions. All of it is pure.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from replay.conversation import Json, Message, Object, Tool
from replay.jsontext import parse
from replay.providers import Unreadable, _errors, _events, _native, _reading, _shape
from replay.providers._chunks import Chunks
from replay.turn import ApiError, Reply, Request, Usage

# What servers call the four ways to end, beside the wire's own words.
_FINISH = {
    "stop": ("stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete", "completed"),
    "length": ("length", "max_tokens", "model_length", "max_output_tokens"),
    "tool_calls": ("tool_calls", "function_call", "tool_use", "tool_call"),
    "content_filter": ("content_filter", "content_filtered", "safety"),
}
_FINISH_REASON = {native: word for word, natives in _FINISH.items() for native in natives}
# Where servers say how many tokens of the prompt were cached and how many of the completion were reasoning.
_CACHED = (
    ("prompt_tokens_details", "cached_tokens"),
    ("prompt_token_details", "cached_tokens"),
    ("prompt_cache_hit_tokens",),
    ("cached_tokens",),
    ("num_cached_tokens",),
)
_OURS = ("choice", _native.NATIVE)  # of a reply's `extra`: not fields of the response itself
_CHUNK = re.compile(rb'^data:\s*\{.*"choices"\s*:', re.MULTILINE)
_REASONING = (
    ("completion_tokens_details", "reasoning_tokens"),
    ("completion_token_details", "reasoning_tokens"),
    ("reasoning_tokens",),
)


def encode(request: Request) -> Object:
    """Return the JSON body that asks for this."""
    body: Object = {"model": request.model} if request.model else {}
    body["messages"] = [_sent(message) for message in request.messages if _native.speaks(message, "openai")]
    tools = [_native.plain(tool.to_wire()) for tool in request.tools if tool.type != _native.NATIVE]
    if tools:
        body["tools"] = tools
    return body | _native.plain(request.params)


def _sent(message: Message) -> Object:
    """A message without what only other wires can say."""
    data = _native.plain(message.to_json())
    if isinstance(message.content, list) and message.content:
        parts = [_native.plain(part) for part in message.content if part.get("type") != _native.NATIVE]
        if len(parts) < len(message.content):  # thinking that another wire signed is not this one's to repeat
            data.pop("reasoning_content", None)
        data["content"] = parts or (None if message.role == "assistant" else "")
    if message.tool_calls and "tool_calls" in data:
        data["tool_calls"] = [_native.plain(call) for call in data["tool_calls"]]
    return data


def encode_reply(reply: Reply) -> Object:
    """Return the body of a response that says this: the inverse of `decode`."""
    body = {"object": "chat.completion"} | {k: v for k, v in reply.extra.items() if k not in _OURS}
    body["choices"] = [_said(choice, number) for number, choice in enumerate(reply.choices())]
    if reply.model is not None:
        body["model"] = reply.model
    if reply.usage is not None and "usage" not in body:
        body["usage"] = _counted(reply.usage)
    return body


def _said(choice: Reply, number: int) -> Object:
    data: Object = {
        "index": number,
        "message": _sent(choice.message),
        "finish_reason": choice.native_finish_reason or choice.finish_reason,
    }
    if choice.logprobs is not None:
        data["logprobs"] = choice.logprobs
    rest: Object = choice.extra.get("choice") or {}
    return data | rest


def _counted(usage: Usage) -> Object:
    counts = usage.to_json()
    for count, place in (("cached_tokens", "prompt"), ("reasoning_tokens", "completion")):
        if count in counts:
            counts[f"{place}_tokens_details"] = {count: counts.pop(count)}
    return counts


def claims(asked: Json, answered: bytes | None) -> bool:
    """Tell whether this was asked and answered as Chat Completions are."""
    if not isinstance(asked, dict) or not isinstance(asked.get("messages"), list):
        return False
    if answered is None:
        return True
    try:
        document = parse(answered)
    except ValueError:
        return _CHUNK.search(answered) is not None
    return isinstance(document, dict) and bool(document.keys() & {"choices", "error"})


def is_end(event: Mapping[str, str]) -> bool:
    """Tell whether this is the stream's [DONE]."""
    return event["data"].lstrip().startswith("[DONE]")


def decode_request(body: Object) -> Request:
    """Read a request body: the inverse of `encode`. Raises Unreadable (`invalid_request`)."""
    return _reading.request(body, _request)


def decode(body: Json) -> Reply:
    """Read a response body that came with a success status. Raises Unreadable."""
    reply = None
    try:
        reply = _reply(_shape.mapping(body, "the body"))
    except ValueError as problem:
        if not _errors.is_error(body):
            raise Unreadable(ApiError("bad_response", message=str(problem))) from None
    if reply is None or _errors.is_error(body):
        raise Unreadable(_errors.told(body), reply)
    if "error" in reply.extra.get("choice", {}):
        raise Unreadable(_errors.told(reply.extra["choice"]), reply)
    return reply


def decode_stream(events: Iterable[Mapping[str, str]]) -> Reply:
    """Read server-sent events (`{"event", "data"}`) up to [DONE]. Raises Unreadable with the partial reply.

    The reply is what `decode` makes of the same answer when it is not streamed. A stream that ends without
    a finish_reason is a reply without one: servers exist that never send it.
    """
    chunks, error = Chunks(), None
    try:
        for chunk in _events.chunks(events, is_end):
            chunks.add(chunk)
    except Unreadable as told:
        error = told.error
    except (ValueError, RecursionError) as broken:
        error = ApiError("bad_response", message=str(broken))
    try:
        reply = decode(chunks.body())
    except Unreadable as rest:  # with a partial reply it is the error of a choice
        own = replace(rest.error, kind="stream_error") if rest.partial else rest.error
        raise Unreadable(error or own, rest.partial) from None
    if error:
        raise Unreadable(error, reply)
    return reply


def _request(body: Object) -> Request:
    messages = [_shape.message(item, f"messages[{n}]") for n, item in enumerate(_items(body, "messages"))]
    tools = [_shape.tool(item, f"tools[{n}]") for n, item in enumerate(_items(body, "tools"))]
    if not isinstance(body.get("model"), str | None):
        raise ValueError("model is not text")
    own = ("model", "messages", "tools") if tools else ("model", "messages")  # `tools: []` is sent again
    params = {key: value for key, value in body.items() if key not in own}
    return Request(
        body.get("model") or "",
        tuple(map(Message.from_json, messages)),
        tuple(map(Tool.from_json, tools)),
        params,
    )


def _items(body: Object, name: str) -> list[Object]:
    return _shape.mappings(body.get(name), name)


def _reply(body: Object) -> Reply:
    choices = _items(body, "choices")
    if not choices:
        raise ValueError("there are no choices" if body else "the body is an empty object")
    first, *others = (_choice(choice, f"choices[{number}]") for number, choice in enumerate(choices))
    usage = _usage(body)
    extra = _known(body, but=("choices", "model", "usage"))
    if body.get("usage") and (usage is None or usage.to_json() != body["usage"]):
        extra["usage"] = body["usage"]
    model = body.get("model") if isinstance(body.get("model"), str) else None
    return replace(first, usage=usage, model=model, extra=extra | first.extra, others=tuple(others))


def _choice(choice: Object, where: str) -> Reply:
    native = choice.get("finish_reason")
    native = native if isinstance(native, str) and native else None
    finish_reason = _FINISH_REASON.get((native or "").lower())
    said = choice.get("delta") if choice.get("message") is None else choice["message"]
    if said is None and finish_reason == "content_filter":
        said = {}
    logprobs = choice.get("logprobs")
    rest = _known(choice, but=("message", "delta", "finish_reason", "logprobs", "index"))
    return Reply(
        _message(_shape.message(said, f"{where}.message")),
        finish_reason,
        native,
        logprobs=logprobs if isinstance(logprobs, dict) else None,
        extra={"choice": rest} if rest else {},
    )


def _message(said: Object) -> Message:
    unnamed = not (said.get("function_call") or {}).get("name")  # some servers send both forms, one empty
    data = _known(said, but=("tool_calls", "function_call") if unnamed else ("tool_calls",))
    calls = sorted(said.get("tool_calls") or (), key=_index)
    data["role"] = data.get("role") or "assistant"
    return Message.from_json(data | {"tool_calls": [_known(call, but=("index",)) for call in calls]})


def _index(call: Object) -> int:
    index = call.get("index")
    return index if isinstance(index, int) else 0


def _known(data: Object, but: tuple[str, ...]) -> Object:
    """The fields that say something, without those that have a place of their own."""
    return {key: value for key, value in data.items() if value is not None and key not in but}


def _usage(body: Object) -> Usage | None:
    # Groq and Moonshot have streamed it in places of their own
    places = (body, body.get("x_groq"), body["choices"][0])
    data = next((place["usage"] for place in places if isinstance(place, dict) and place.get("usage")), None)
    if not isinstance(data, dict):
        return None
    usage = Usage(
        _count(data.get("prompt_tokens")),
        _count(data.get("completion_tokens")),
        _count(data.get("total_tokens")),
        _first(data, _CACHED),
        _first(data, _REASONING),
    )
    return None if usage == Usage() else usage


def _first(data: Object, places: Iterable[tuple[str, ...]]) -> int | None:
    for place in places:
        value: Json = data
        for name in place:
            value = value.get(name) if isinstance(value, dict) else None
        if (count := _count(value)) is not None:
            return count
    return None


def _count(value: Json) -> int | None:
    """A number of tokens: text, fractions, infinities and what is below zero are not."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
