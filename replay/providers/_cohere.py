"""Cohere's Chat, version 2, both directions. All of it is pure.

https://docs.cohere.com/reference/chat

It is close to Chat Completions: what a message, the request or a reply says beside that stands in `native`
(`tool_plan`, `citations`, `documents`, `safety_mode`, ...), and so does a part that only Cohere knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from replay.conversation import Json, Message, Object, Tool
from replay.jsontext import parse
from replay.providers import _native, _reading, _shape
from replay.providers._cohere_stream import body_of
from replay.turn import Reply, Request, Usage

WIRE = "cohere"
FINISH = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "ERROR_LIMIT": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
    "USER_CANCEL": None,
    "TIMEOUT": None,
    "ERROR": None,
}
NATIVE_FINISH = {"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_calls": "TOOL_CALL"}
NATIVE_FINISH["content_filter"] = "ERROR_TOXIC"
PARAMS = {
    "max_tokens": "max_completion_tokens",
    "stop_sequences": "stop",
    "k": "top_k",
    "p": "top_p",
}
SAME = ("temperature", "seed", "frequency_penalty", "presence_penalty", "logprobs", "stream")
_CHOICES = {"REQUIRED": "required", "NONE": "none"}
_ROLES = {"developer": "system", "function": "tool"}
_OWN_NAME = "response"  # of a schema, which has none here
_NOTHING: Object = {"type": "object", "properties": {}}


def encode(request: Request) -> Object:
    """Return the JSON body that asks for this."""
    body: Object = {"model": request.model} if request.model else {}
    body["messages"] = [_sent(message) for message in request.messages]
    tools = [sent for tool in request.tools if (sent := _tool(tool)) is not None]
    body |= {"tools": tools} if tools else {}
    body |= {"strict_tools": True} if any(tool.extra.get("strict") is True for tool in request.tools) else {}
    body |= params_of(request.params)
    choices = {word: native for native, word in _CHOICES.items()}
    choice = choices.get(str(request.params.get("tool_choice", "")))
    body |= {"tool_choice": choice} if choice else {}
    wanted = _format(request.params.get("response_format"))
    body |= {"response_format": wanted} if wanted else {}
    return _native.merged(body, _native.own(request.params, WIRE))


def params_of(params: Object) -> Object:
    """Return the parameters that are numbers, texts and flags, in Cohere's words."""
    named = params | {"max_completion_tokens": params.get("max_completion_tokens", params.get("max_tokens"))}
    if isinstance(named.get("stop"), str):
        named["stop"] = [named["stop"]]
    words = PARAMS | {name: name for name in SAME}
    return {native: named[name] for native, name in words.items() if named.get(name) is not None}


def read_params(body: Object) -> Object:
    """Return the parameters of `params_of` in the words of Chat Completions."""
    words = PARAMS | {name: name for name in SAME}
    return {name: body[native] for native, name in words.items() if body.get(native) is not None}


def _sent(message: Message) -> Object:
    data: Object = {"role": _ROLES.get(message.role, message.role)}
    content = _content(message.content)
    if content is not None:
        data["content"] = content
    if message.tool_calls:
        calls = (replace(call, type="function") for call in message.tool_calls)
        data["tool_calls"] = [_native.plain(call.to_json()) for call in calls]
    if message.tool_call_id is not None:
        data["tool_call_id"] = message.tool_call_id
    return data | _native.own(message.extra, WIRE)


def _content(content: str | list[Object] | None) -> Json:
    if not isinstance(content, list):
        return content
    return [sent for part in content if (sent := _part(part)) is not None]


def _part(part: Object) -> Object | None:
    own = _native.said(part, WIRE)
    if own is not None:
        return own
    if part.get("type") == "refusal":
        return {"type": "text", "text": part.get("refusal")}
    fields = {"text": ("type", "text"), "image_url": ("type", "image_url")}.get(str(part.get("type")))
    return {key: part[key] for key in fields if key in part} if fields else None


def _tool(tool: Tool) -> Object | None:
    if tool.type != "function":
        return tool.outer.get(WIRE) if tool.type == _native.NATIVE else None
    named = {"name": tool.name, "description": tool.description}
    function = {key: value for key, value in named.items() if value is not None}
    return {"type": "function", "function": function | {"parameters": tool.parameters or _NOTHING}}


def _format(wanted: Json) -> Object | None:
    if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
        return wanted if isinstance(wanted, dict) else None
    held = wanted.get("json_schema")
    schema = held.get("schema") if isinstance(held, dict) else None
    return {"type": "json_object"} | ({"json_schema": schema} if schema is not None else {})


def decode_request(body: Object) -> Request:
    """Read a request body: the inverse of `encode`. Raises Unreadable (`invalid_request`)."""
    return _reading.request(body, _request)


def _request(body: Object) -> Request:
    if not isinstance(body.get("model"), str | None):
        raise ValueError("model is not text")
    messages = _shape.mappings(body.get("messages"), "messages")
    strict = {"strict": True} if body.get("strict_tools") is True else {}
    tools = [_read_tool(tool, strict) for tool in _shape.mappings(body.get("tools"), "tools")]
    params = read_params(body)
    choice = _CHOICES.get(str(body.get("tool_choice", "")).upper())
    params |= {"tool_choice": choice} if choice else {}
    wanted = _read_format(body.get("response_format"))
    params |= {"response_format": wanted} if wanted else {}
    request = Request(
        body.get("model") or "",
        tuple(_read(message, f"messages[{number}]") for number, message in enumerate(messages)),
        tuple(tools),
        params,
    )
    rest = _native.beyond(body, encode(request))
    return replace(request, params=params | _native.keep(WIRE, rest))


def _read(held: Object, where: str) -> Message:
    """Return a message; what it says beside Chat Completions is native. Raises ValueError."""
    held = _shape.message(held, where)
    known = {key: held[key] for key in ("role", "tool_calls", "tool_call_id") if held.get(key) is not None}
    message = Message.from_json(known)
    content = held.get("content")
    if isinstance(content, list):
        content = [_read_part(part) for part in content] or None
    message = replace(message, content=content)
    own = _native.keep(WIRE, _native.beyond(held, _sent(message)))
    return replace(message, extra=_thought(content) | own)


def _read_part(part: Object) -> Object:
    plain = part.get("type") in ("text", "image_url") and _part(part) == part
    plain = plain and isinstance(part.get("text", ""), str)
    return part if plain else _native.part(WIRE, part)


def _thought(content: Json) -> Object:
    """Return the text of what was thought as chat dialects show it."""
    said = (_native.said(part, WIRE) or {} for part in (content if isinstance(content, list) else ()))
    texts = [one["thinking"] for one in said if one.get("thinking") and isinstance(one["thinking"], str)]
    return {"reasoning_content": "\n\n".join(texts)} if texts else {}


def _read_tool(held: Object, strict: Object) -> Tool:
    function = held.get("function")
    if isinstance(function, dict) and isinstance(function.get("name"), str):
        description, schema = function.get("description"), function.get("parameters")
        if isinstance(description, str | None) and isinstance(schema, dict):
            tool = Tool(function["name"], description, schema, extra=dict(strict))
            if _tool(tool) == held:
                return tool
    return Tool("tool", type=_native.NATIVE, outer={WIRE: held})


def _read_format(held: Json) -> Object | None:
    if not isinstance(held, dict) or held.get("type") not in ("text", "json_object"):
        return None
    schema = held.get("json_schema")
    if isinstance(schema, dict) and held["type"] == "json_object":
        return {"type": "json_schema", "json_schema": {"name": _OWN_NAME, "schema": schema}}
    return {"type": held["type"]}


def claims(asked: Json, answered: bytes | None) -> bool:
    """Tell whether this was asked as Chat Completions are and answered as Cohere does."""
    if not isinstance(asked, dict) or not isinstance(asked.get("messages"), list) or answered is None:
        return False
    head = answered[:2000].lstrip()
    if head.startswith((b"event: message-start", b'data: {"type":"message-start"')):
        return True
    try:
        document = parse(answered)
    except ValueError:
        return False
    return (
        isinstance(document, dict)
        and isinstance(document.get("message"), dict)
        and document.get("finish_reason") in FINISH
    )


def is_end(event: Mapping[str, str]) -> bool:
    """Tell whether this ends the stream: the message's end, and the [DONE] that some servers add."""
    return event["event"] == "message-end" or event["data"].lstrip().startswith("[DONE]")


def decode(body: Json) -> Reply:
    """Read a response body that came with a success status. Raises Unreadable."""
    return _reading.reply(body, _reply)


def decode_stream(events: Iterable[Mapping[str, str]]) -> Reply:
    """Read server-sent events. Raises Unreadable with the partial reply.

    The reply is what `decode` makes of the same answer when it is not streamed.
    """
    body, error = body_of(events)
    return _reading.streamed(body, error, decode)


def _reply(body: Object) -> Reply:
    if not isinstance(body.get("message"), dict):
        raise ValueError("there is no message" if body else "the body is an empty object")
    native = body.get("finish_reason")
    native = native if isinstance(native, str) and native else None
    message = _read(body["message"] | {"role": "assistant"}, "message")
    reply = Reply(_said(message), FINISH.get(native or ""), native, usage_of(body.get("usage")))
    rest = {key: value for key, value in body.items() if key != "message"}
    return replace(reply, extra=_native.keep(WIRE, _native.beyond(rest, encode_reply(reply))))


def _said(message: Message) -> Message:
    """A reply whose content is one text, as text."""
    content = message.content
    if not isinstance(content, list) or len(content) != 1 or content[0].keys() != {"type", "text"}:
        return message if content or message.tool_calls else replace(message, content="")
    return replace(message, content=content[0]["text"] or content)


def encode_reply(reply: Reply) -> Object:
    """Return the body of a response that says this: the inverse of `decode`."""
    message = _sent(replace(reply.message, role="assistant"))
    if isinstance(message.get("content"), str):
        text = message.pop("content")
        message |= {"content": [{"type": "text", "text": text}]} if text else {}
    body: Object = {"message": message}
    finish = native_finish(reply)
    body |= {"finish_reason": finish} if finish else {}
    body |= {"usage": counted(reply.usage)} if reply.usage else {}
    return _native.merged(body, _native.own(reply.extra, WIRE))


def native_finish(reply: Reply) -> str | None:
    """Return Cohere's word for why a reply ended."""
    native = reply.native_finish_reason
    ours = native in FINISH or reply.finish_reason is None
    return native if ours else NATIVE_FINISH.get(reply.finish_reason or "")


def usage_of(held: Json) -> Usage | None:
    """Read the usage: tokens as the model counted them, else those that are billed."""
    if not isinstance(held, dict):
        return None
    places = [held.get(name) for name in ("tokens", "billed_units")]
    counts = next((place for place in places if isinstance(place, dict) and place), {})
    usage = Usage(
        _count(counts.get("input_tokens")),
        _count(counts.get("output_tokens")),
        cached_tokens=_count(held.get("cached_tokens")),
    )
    return None if usage == Usage() else usage


def counted(usage: Usage) -> Object:
    """Return the usage in Cohere's words."""
    counts = {"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens}
    tokens = {name: count for name, count in counts.items() if count is not None}
    cached = {} if usage.cached_tokens is None else {"cached_tokens": usage.cached_tokens}
    return ({"tokens": tokens} if tokens else {}) | cached


def _count(value: Json) -> int | None:
    """A number of tokens, which older servers write as 57.0."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
