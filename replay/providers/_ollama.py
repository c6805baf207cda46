"""Ollama's own chat, both directions. All of it is pure.

https://docs.ollama.com/api/chat

What a message, the request or a reply says beside Chat Completions stands in `native` (`keep_alive`, `think`,
options, durations, ...); `unsaid` names there what we would say and it did not. A call without an id is given
one. An answer is streamed unless the request forbids it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from replay.conversation import Json, Message, Object, Tool, ToolCall
from replay.jsontext import same
from replay.providers import _native, _ollama_parts, _reading, _shape
from replay.providers._ollama_parts import (
    content,
    finish,
    first_of,
    is_end,
    kept,
    restored,
    restored_request,
    spoken,
)
from replay.turn import Reply, Request

__all__ = ["claims", "decode", "decode_request", "decode_stream", "encode", "encode_reply", "is_end"]

WIRE = "ollama"
_ROLES = {"developer": "system", "function": "tool"}
_NOTHING: Object = {"type": "object", "properties": {}}


def encode(request: Request) -> Object:
    """Return the JSON body that asks for this."""
    names = {call.id: call.name for message in request.messages for call in message.tool_calls}
    body: Object = {"model": request.model} if request.model else {}
    body["messages"] = [_sent(message, names) for message in request.messages]
    tools = [sent for tool in request.tools if (sent := _tool(tool)) is not None]
    body |= ({"tools": tools} if tools else {}) | _ollama_parts.asked(request.params)
    return restored_request(body, request.params, WIRE)


def _sent(message: Message, names: Mapping[str, str]) -> Object:
    text, images = spoken(message)
    data: Object = {"role": _ROLES.get(message.role, message.role), "content": text}
    data |= {"images": images} if images else {}
    thought = message.extra.get("reasoning_content")
    data |= {"thinking": thought} if isinstance(thought, str) else {}
    if message.tool_calls:
        data["tool_calls"] = [_call(call) for call in message.tool_calls]
    if data["role"] == "tool":
        name = message.extra.get("name") or names.get(message.tool_call_id or "")
        data |= {"tool_name": name} if name else {}
        data |= {"tool_call_id": message.tool_call_id} if message.tool_call_id else {}
    return restored(data, _native.own(message.extra, WIRE))


def _call(call: ToolCall) -> Object:
    try:
        arguments = call.parsed()
    except ValueError:
        arguments = call.arguments
    data = {"id": call.id, "function": {"name": call.name, "arguments": arguments}}
    return restored(data, _native.own(call.extra, WIRE))


def _tool(tool: Tool) -> Object | None:
    if tool.type != "function":
        return tool.outer.get(WIRE) if tool.type == _native.NATIVE else None
    named = {"name": tool.name, "description": tool.description}
    function = {key: value for key, value in named.items() if value is not None}
    return {"type": "function", "function": function | {"parameters": tool.parameters or _NOTHING}}


def decode_request(body: Object) -> Request:
    """Read a request body: the inverse of `encode`. Raises Unreadable (`invalid_request`)."""
    return _reading.request(body, _request)


def _request(body: Object) -> Request:
    if not isinstance(body.get("model"), str | None):
        raise ValueError("model is not text")
    calls = _Calls()
    held = _shape.mappings(body.get("messages"), "messages")
    messages = [calls.read(message, f"messages[{number}]") for number, message in enumerate(held)]
    tools = tuple(map(_read_tool, _shape.mappings(body.get("tools"), "tools")))
    request = Request(body.get("model") or "", tuple(messages), tools, _ollama_parts.read_asked(body))
    own = _native.keep(WIRE, kept(body, encode(request)))
    return replace(request, params=request.params | own)


def _read_tool(held: Object) -> Tool:
    function = held.get("function")
    if isinstance(function, dict) and isinstance(function.get("name"), str):
        description, schema = function.get("description"), function.get("parameters")
        if isinstance(description, str | None) and isinstance(schema, dict):
            tool = Tool(function["name"], description, schema)
            if same(_tool(tool), held):
                return tool
    return Tool("tool", type=_native.NATIVE, outer={WIRE: held})


class _Calls:
    """The calls that were read so far, and those that are still to be answered."""

    def __init__(self) -> None:
        self._open: list[ToolCall] = []
        self._names: dict[str, str] = {}

    def read(self, held: Object, where: str) -> Message:
        """Return a message; what it says beside Chat Completions is native. Raises ValueError."""
        role, text = held.get("role"), held.get("content")
        if not isinstance(role, str) or not isinstance(text, str | None):
            raise ValueError(f"{where} has no role, or content that is no text")
        said = _shape.mappings(held.get("tool_calls"), f"{where}.tool_calls")
        calls = tuple(self._call(call, f"{where}.tool_calls[{number}]") for number, call in enumerate(said))
        thought = held.get("thinking")
        extra = {"reasoning_content": thought} if isinstance(thought, str) else {}
        answered = self._answered(held) if role == "tool" else None
        told = content(text or "", held.get("images")) or (None if calls else "")
        message = Message(role, told, calls, answered, extra)
        own = _native.keep(WIRE, kept(held, _sent(message, self._names)))
        return replace(message, extra=extra | own)

    def _call(self, held: Object, where: str) -> ToolCall:
        function = _shape.mapping(held.get("function"), f"{where}.function")
        if not isinstance(function.get("name"), str):
            raise ValueError(f"{where}.function.name is no text")
        given = held.get("id")
        known = given if isinstance(given, str) and given else f"call_{len(self._names) + 1}"
        call = ToolCall(known, function["name"], json.dumps(function.get("arguments"), ensure_ascii=False))
        call = replace(call, extra=_native.keep(WIRE, kept(held, _call(call))))
        self._open.append(call)
        self._names[known] = call.name
        return call

    def _answered(self, held: Object) -> str | None:
        """Return the id of the call that a result answers: as it says, or the first open one of its name."""
        given, name = held.get("tool_call_id"), held.get("tool_name", held.get("name"))
        fits = [call for call in self._open if given == call.id or (not given and name in (None, call.name))]
        if fits:
            self._open.remove(fits[0])
            return fits[0].id
        return given if isinstance(given, str) else None


def claims(asked: Json, answered: bytes | None) -> bool:
    """Tell whether this was asked and answered as Ollama's chat is."""
    if not isinstance(asked, dict) or not isinstance(asked.get("messages"), list):
        return False
    first = first_of(answered)
    return "done" in first and isinstance(first.get("message"), dict)


def decode(body: Json) -> Reply:
    """Read a response body that came with a success status. Raises Unreadable."""
    return _reading.reply(body, _reply)


def decode_stream(events: Iterable[Mapping[str, str]]) -> Reply:
    """Read a stream of objects. Raises Unreadable with the partial reply.

    The reply is what `decode` makes of the same answer when it is not streamed.
    """
    return _ollama_parts.decode_stream(events, decode)


def _reply(body: Object) -> Reply:
    if not isinstance(body.get("message"), dict):
        raise ValueError("there is no message" if body else "the body is an empty object")
    message = _Calls().read(body["message"] | {"role": "assistant"}, "message")
    reply = Reply(
        message,
        *finish(body, called=bool(message.tool_calls)),
        _ollama_parts.usage_of(body),
        _ollama_parts.logprobs(body),
        body["model"] if isinstance(body.get("model"), str) else None,
    )
    rest = {key: value for key, value in body.items() if key != "message"}
    made = {key: value for key, value in encode_reply(reply).items() if key != "message"}
    return replace(reply, extra=_native.keep(WIRE, kept(rest, made)))


def encode_reply(reply: Reply) -> Object:
    """Return the body of a response that says this: the inverse of `decode`."""
    message = _sent(replace(reply.message, role="assistant"), {})
    body = {"message": message} | _ollama_parts.ending(reply)
    return restored(body, _native.own(reply.extra, WIRE))
