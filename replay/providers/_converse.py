"""The Converse wire of Amazon Bedrock, both directions. All of it is pure.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from replay.conversation import Json, Object, Tool
from replay.jsontext import parse, same
from replay.providers import _native, _reading, _shape
from replay.providers._converse_blocks import WIRE
from replay.providers._converse_messages import assistant, read, spoken, system, written
from replay.providers._converse_stream import body_of
from replay.turn import Reply, Request, Usage

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}
_MALFORMED = ("malformed_model_output", "malformed_tool_use")  # no common word
_NATIVE_FINISH = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_NATIVE_FINISH["content_filter"] = "content_filtered"
_INFERENCE = {"maxTokens": "max_completion_tokens", "temperature": "temperature", "topP": "top_p"}
_NOTHING: Object = {"type": "object", "properties": {}}


def encode(request: Request) -> Object:
    """Return the JSON body that asks for this. The model stands in the URL."""
    prompt = system(request.messages)
    body: Object = {"messages": written(request.messages)} | ({"system": prompt} if prompt else {})
    asked = _params(request.params) | {"toolConfig": _tools(request)}
    body |= {key: value for key, value in asked.items() if value}
    return _native.merged(body, _kept(_native.own(request.params, WIRE), body))


def _kept(own: Object, body: Object) -> Object:
    """What the params keep for this wire; the text of a schema counts only while it says the same."""
    try:
        held = own["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]
        now = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]
        changed = not same(parse(held), parse(now))
    except (LookupError, TypeError, ValueError):
        return own
    return {key: value for key, value in own.items() if key != "outputConfig"} if changed else own


def _params(params: Object) -> Object:
    limit = params.get("max_completion_tokens", params.get("max_tokens"))
    named = params | {"max_completion_tokens": limit}
    inference = {key: named[name] for key, name in _INFERENCE.items() if named.get(name) is not None}
    stop = params.get("stop")
    if stop is not None:
        inference["stopSequences"] = [stop] if isinstance(stop, str) else stop
    tier = params.get("service_tier")
    return {
        "inferenceConfig": inference,
        "requestMetadata": params.get("metadata"),
        "serviceTier": tier and {"type": tier},
        "outputConfig": _output(params.get("response_format")),
    }


def _output(wanted: Json) -> Object | None:
    held = wanted.get("json_schema") if isinstance(wanted, dict) else None
    if not isinstance(held, dict) or wanted.get("type") != "json_schema":
        return None
    named = {key: held[key] for key in ("name", "description") if held.get(key) is not None}
    schema = named | {"schema": json.dumps(held.get("schema") or {}, ensure_ascii=False)}
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}


def _tools(request: Request) -> Object | None:
    tools = [sent for tool in request.tools if (sent := _tool(tool)) is not None]
    choice = _choice(request.params.get("tool_choice"))
    return {"tools": tools} | ({"toolChoice": choice} if choice else {}) if tools else None


def _tool(tool: Tool) -> Object | None:
    if tool.type == _native.NATIVE:
        return tool.outer.get(WIRE)
    if tool.type != "function":
        return None
    spec: Object = {"name": tool.name} | ({"description": tool.description} if tool.description else {})
    strict = {"strict": tool.extra["strict"]} if isinstance(tool.extra.get("strict"), bool) else {}
    made = spec | {"inputSchema": {"json": tool.parameters or _NOTHING}} | strict
    return {"toolSpec": made}


def _choice(wanted: Json) -> Object | None:
    if isinstance(wanted, dict):
        named = wanted.get("function")
        return {"tool": {"name": named.get("name")}} if isinstance(named, dict) else None
    return {"auto": {"auto": {}}, "required": {"any": {}}}.get(str(wanted))


def decode_request(body: Object) -> Request:
    """Read a request body: the inverse of `encode`. Raises Unreadable (`invalid_request`)."""
    return _reading.request(body, _request)


def _request(body: Object) -> Request:
    messages = read(body.get("system"), _shape.mappings(body.get("messages"), "messages"))
    config = body.get("toolConfig") if isinstance(body.get("toolConfig"), dict) else {}
    tools = tuple(map(_read_tool, _shape.mappings((config or {}).get("tools"), "toolConfig.tools")))
    request = Request("", messages, tools, _read_params(body, config or {}))
    made = encode(request)
    said = {key: value for key, value in body.items() if key != "messages"}
    rest = _native.beyond(said, {key: value for key, value in made.items() if key != "messages"})
    return replace(request, params=request.params | _native.keep(WIRE, rest))


def _read_tool(held: Object) -> Tool:
    spec = held.get("toolSpec")
    if isinstance(spec, dict) and isinstance(spec.get("name"), str):
        schema = spec.get("inputSchema")
        strict = {"strict": spec["strict"]} if isinstance(spec.get("strict"), bool) else {}
        tool = Tool(
            spec["name"],
            spec.get("description") if isinstance(spec.get("description"), str) else None,
            schema.get("json") if isinstance(schema, dict) and isinstance(schema.get("json"), dict) else None,
            extra=strict,
        )
        if same(_tool(tool), held):
            return tool
    name = next(iter(held), "tool")
    inner = held.get(name)
    named = inner.get("name") if isinstance(inner, dict) else None
    return Tool(named if isinstance(named, str) else name, type=_native.NATIVE, outer={WIRE: held})


def _read_params(body: Object, config: Object) -> Object:
    """The parameters that Chat Completions has a word for."""
    inference = body.get("inferenceConfig")
    inference = inference if isinstance(inference, dict) else {}
    params: Object = {name: inference[key] for key, name in _INFERENCE.items() if _number(inference.get(key))}
    stop = inference.get("stopSequences")
    params |= {"stop": stop} if isinstance(stop, list) and all(isinstance(word, str) for word in stop) else {}
    choice = _read_choice(config.get("toolChoice"))
    params |= {"tool_choice": choice} if choice else {}
    if isinstance(body.get("requestMetadata"), dict) and body["requestMetadata"]:
        params["metadata"] = body["requestMetadata"]
    tier = body.get("serviceTier")
    if isinstance(tier, dict) and isinstance(tier.get("type"), str):
        params["service_tier"] = tier["type"]
    wanted = _read_output(body.get("outputConfig"))
    return params | ({"response_format": wanted} if wanted else {})


def is_end(event: Mapping[str, str]) -> bool:
    """Tell whether this is the last event: what was used, after the message has stopped."""
    return event["event"] == "metadata"


def claims(asked: Json, _: bytes | None) -> bool:
    """Tell whether this was asked as Converse is: content is a list of blocks that are named by their key."""
    messages = asked.get("messages") if isinstance(asked, dict) else None
    if not isinstance(messages, list) or not messages or "schemaVersion" in asked:
        return False
    blocks = [block for message in messages if isinstance(message, dict) for block in _blocks(message)]
    named = all(len(block) == 1 and not isinstance(block.get("type"), str) for block in blocks)
    return named and len(blocks) >= len(messages)


def _blocks(message: Object) -> list[Object]:
    held = message.get("content")
    return [block for block in held if isinstance(block, dict)] if isinstance(held, list) else []


def _number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read_choice(held: Json) -> Json:
    if not isinstance(held, dict) or len(held) != 1:
        return None
    named = held.get("tool")
    if isinstance(named, dict) and isinstance(named.get("name"), str):
        return {"type": "function", "function": {"name": named["name"]}}
    return {"auto": "auto", "any": "required"}.get(next(iter(held)))


def _read_output(held: Json) -> Object | None:
    try:
        said = held["textFormat"]["structure"]["jsonSchema"]
        schema = parse(said["schema"])
    except (LookupError, TypeError, ValueError):
        return None
    if held["textFormat"].get("type") != "json_schema" or not isinstance(schema, dict):
        return None
    named = {key: said[key] for key in ("name", "description") if isinstance(said.get(key), str)}
    return {"type": "json_schema", "json_schema": named | {"schema": schema}}


def decode(body: Json) -> Reply:
    """Read a response body that came with a success status. Raises Unreadable."""
    return _reading.reply(body, _reply)


def decode_stream(events: Iterable[Mapping[str, str]]) -> Reply:
    """Read the events of ConverseStream. Raises Unreadable with the partial reply.

    The reply is what `decode` makes of the same answer when it is not streamed; arguments of calls are as
    the model wrote them. A stream that ends without its `messageStop` is a reply without a finish_reason.
    """
    body, error = body_of(events)
    return _reading.streamed(body, error, decode)


def _reply(body: Object) -> Reply:
    output = body.get("output")
    if not isinstance(output, dict) or not isinstance(output.get("message"), dict):
        raise ValueError("there is no output.message" if body else "the body is an empty object")
    native = body.get("stopReason")
    native = native if isinstance(native, str) and native else None
    reply = Reply(
        spoken(output["message"], "output.message"),
        _FINISH.get(native or ""),
        native,
        _usage(body.get("usage")),
        model=_routed(body),
    )
    rest = body | {"output": {key: value for key, value in output.items() if key != "message"}}
    return replace(reply, extra=_native.keep(WIRE, _native.beyond(rest, encode_reply(reply))))


def _routed(body: Object) -> str | None:
    """The model that a prompt router chose."""
    held: Json = body
    for name in ("trace", "promptRouter", "invokedModelId"):
        held = held.get(name) if isinstance(held, dict) else None
    return held if isinstance(held, str) else None


def _usage(held: Json) -> Usage | None:
    """Read the usage; what is said of the prompt leaves out the tokens read from and written to a cache."""
    if not isinstance(held, dict):
        return None
    count: Callable[[str], int | None] = lambda name: _count(held.get(name))  # noqa: E731 - one short word
    fresh, cached = count("inputTokens"), count("cacheReadInputTokens")
    prompt = None if fresh is None else fresh + (cached or 0) + (count("cacheWriteInputTokens") or 0)
    usage = Usage(prompt, count("outputTokens"), count("totalTokens"), cached)
    return None if usage == Usage() else usage


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def encode_reply(reply: Reply) -> Object:
    """Return the body of a response that says this: the inverse of `decode`."""
    body: Object = {"output": {"message": assistant(reply.message)}}
    own = _native.own(reply.extra, WIRE)
    native = reply.native_finish_reason
    ours = native in _FINISH or native in _MALFORMED or reply.finish_reason is None
    stop = native if ours else _NATIVE_FINISH.get(reply.finish_reason or "")
    body |= {"stopReason": stop} if stop else {}
    body |= {"usage": _counted(reply.usage)} if reply.usage else {}
    return _native.merged(body, own)


def _counted(usage: Usage) -> Object:
    cached = usage.cached_tokens
    fresh = None if usage.prompt_tokens is None else max(0, usage.prompt_tokens - (cached or 0))
    counts = {
        "inputTokens": fresh,
        "outputTokens": usage.completion_tokens,
        "totalTokens": usage.total_tokens,
        "cacheReadInputTokens": cached,
    }
    return {name: count for name, count in counts.items() if count is not None}
