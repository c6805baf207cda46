"""Cohere's Chat, version 1, both directions. All of it is pure.

https://docs.cohere.com/v1/reference/chat

The last thing said stands apart from the history, calls have no ids, results repeat the call they answer.
Where a body is not what a conversation would be sent as, its messages say so in their `native`: `history` (a
system message that is no preamble), `asked` (the user's message of a body that ends with results), `implied`
(calls that only their results tell of).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby

from replay.conversation import Json, Message, Object, Tool, ToolCall
from replay.jsontext import parse, same
from replay.providers import Unreadable, _errors, _native, _reading, _shape
from replay.providers._cohere import FINISH, counted, native_finish, params_of, read_params, usage_of
from replay.providers._events import documents
from replay.turn import ApiError, Reply, Request

WIRE = "cohere_v1"
_ROLES = {"user": "USER", "assistant": "CHATBOT", "system": "SYSTEM", "developer": "SYSTEM"}
_TYPES = {"str": "string", "float": "number", "int": "integer", "bool": "boolean", "list": "array"}
_TYPES["dict"] = "object"
_TYPE_OF = {name: kind for kind, name in _TYPES.items()}


def encode(request: Request) -> Object:
    """Return the JSON body that asks for this."""
    messages = [message for message in request.messages if not _own(message).get("implied")]
    body: Object = {"model": request.model} if request.model else {}
    if messages and messages[0].role in ("system", "developer") and not _own(messages[0]).get("history"):
        body["preamble"] = messages.pop(0).text
    calls = {call.id: call for message in request.messages for call in message.tool_calls}
    turns = [_turn(turn, calls) for turn in _turns(messages)]
    last = messages[-1].role if messages else ""
    if last in ("tool", "function"):
        body["tool_results"] = turns.pop()["tool_results"]
    asked = last == "user" or (len(turns) > 0 and _own(_before_results(messages)).get("asked"))
    body["message"] = turns.pop()["message"] if asked else ""
    body |= {"chat_history": turns} if turns else {}
    tools = [sent for tool in request.tools if (sent := _tool(tool)) is not None]
    body |= ({"tools": tools} if tools else {}) | params_of(request.params)
    return _native.merged(body, _native.own(request.params, WIRE))


def _own(message: Message) -> Object:
    return _native.own(message.extra, WIRE)


def _before_results(messages: list[Message]) -> Message:
    return next((one for one in reversed(messages) if one.role not in ("tool", "function")), messages[-1])


def _turns(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Group the results that follow each other; every other message stands alone."""
    for is_result, group in groupby(messages, lambda message: message.role in ("tool", "function")):
        together = list(group)
        yield from [together] if is_result else ([message] for message in together)


def _turn(group: list[Message], calls: Mapping[str, ToolCall]) -> Object:
    first = group[0]
    if first.role in ("tool", "function"):
        return {"role": "TOOL", "tool_results": [_result(message, calls) for message in group]}
    called = [_call(call) for call in first.tool_calls]
    said: Object = {"role": _ROLES.get(first.role, "USER"), "message": first.text}
    said |= {"tool_calls": called} if called else {}
    return said | dict(_own(first).get("fields", {}))


def _call(call: ToolCall) -> Object:
    return {"name": call.name, "parameters": _value(call.arguments or "{}")} | _native.own(call.extra, WIRE)


def _result(message: Message, calls: Mapping[str, ToolCall]) -> Object:
    outputs = _value(message.text)
    if not isinstance(outputs, list):
        outputs = [outputs if isinstance(outputs, dict) else {"output": outputs}]
    call = calls.get(message.tool_call_id or "", ToolCall("", "", "{}"))
    return {"call": _call(call), "outputs": outputs} | dict(_own(message).get("fields", {}))


def _value(text: str) -> Json:
    try:
        return parse(text)
    except ValueError:
        return text


def _tool(tool: Tool) -> Object | None:
    if tool.type != "function":
        return tool.outer.get(WIRE) if tool.type == _native.NATIVE else None
    schema = tool.parameters or {}
    needed = schema.get("required") if isinstance(schema.get("required"), list) else []
    held = schema.get("properties")
    defined = {
        name: _defined(value if isinstance(value, dict) else {}, required=name in (needed or ()))
        for name, value in (held.items() if isinstance(held, dict) else ())
    }
    named = {"name": tool.name, "description": tool.description or ""}
    return named | ({"parameter_definitions": defined} if defined else {})


def _defined(value: Object, *, required: bool) -> Object:
    told = {"description": value["description"]} if value.get("description") else {}
    return told | {"type": _TYPE_OF.get(str(value.get("type")), "str"), "required": required}


def decode_request(body: Object) -> Request:
    """Read a request body: the inverse of `encode`. Raises Unreadable (`invalid_request`)."""
    return _reading.request(body, _request)


def _request(body: Object) -> Request:
    if not isinstance(body.get("message"), str) or not isinstance(body.get("model"), str | None):
        raise ValueError("message is no text" if "message" in body else "there is no message")
    tools = tuple(map(_read_tool, _shape.mappings(body.get("tools"), "tools")))
    request = Request(body.get("model") or "", tuple(_Reading().messages(body)), tools, read_params(body))
    rest = _native.beyond(body, encode(request))
    return replace(request, params=request.params | _native.keep(WIRE, rest))


@dataclass
class _Reading:
    """The calls that were read so far, and those that are still to be answered."""

    count: int = 0
    open: list[ToolCall] = field(default_factory=list)

    def messages(self, body: Object) -> Iterator[Message]:
        if isinstance(body.get("preamble"), str):
            yield Message("system", body["preamble"])
        turns = _shape.mappings(body.get("chat_history"), "chat_history")
        for number, turn in enumerate(turns):
            yield from self.turn(turn, f"chat_history[{number}]")
        results = _shape.mappings(body.get("tool_results"), "tool_results")
        if body["message"] or not results:
            extra = _native.keep(WIRE, {"asked": True}) if results else {}
            yield Message("user", body["message"], extra=extra)
        yield from self.results(results, "tool_results")

    def turn(self, turn: Object, where: str) -> Iterator[Message]:
        role, said = turn.get("role"), turn.get("message")
        if role == "TOOL":
            yield from self.results(
                _shape.mappings(turn.get("tool_results"), f"{where}.tool_results"), f"{where}.tool_results"
            )
            return
        word = next((word for word, native in _ROLES.items() if native == role), None)
        if word is None or not isinstance(said, str):
            raise ValueError(f"{where} has no role or no message")
        calls = [
            self.call(call, f"{where}.tool_calls")
            for call in _shape.mappings(turn.get("tool_calls"), f"{where}.tool_calls")
        ]
        rest = {key: value for key, value in turn.items() if key not in ("role", "message", "tool_calls")}
        own = ({"fields": rest} if rest else {}) | ({"history": True} if word == "system" else {})
        yield Message(word, said, tuple(calls), extra=_native.keep(WIRE, own))

    def call(self, held: Object, where: str) -> ToolCall:
        if not isinstance(held.get("name"), str):
            raise ValueError(f"{where} has a call without a name")
        self.count += 1
        rest = {key: value for key, value in held.items() if key not in ("name", "parameters")}
        arguments = json.dumps(held.get("parameters"), ensure_ascii=False)
        call = ToolCall(f"call_{self.count}", held["name"], arguments, extra=_native.keep(WIRE, rest))
        self.open.append(call)
        return call

    def results(self, results: list[Object], where: str) -> Iterator[Message]:
        held = [_shape.mapping(result.get("call"), f"{where}[{n}].call") for n, result in enumerate(results)]
        answered = [self.answered(call) for call in held]
        implied = [self.call(call, where) for call, known in zip(held, answered, strict=True) if not known]
        if implied:
            yield Message("assistant", None, tuple(implied), extra=_native.keep(WIRE, {"implied": True}))
        told = iter(implied)
        for result, known in zip(results, answered, strict=True):
            text = json.dumps(result.get("outputs"), ensure_ascii=False)
            rest = {key: value for key, value in result.items() if key not in ("call", "outputs")}
            own = _native.keep(WIRE, {"fields": rest} if rest else {})
            yield Message("tool", text, tool_call_id=(known or next(told)).id, extra=own)

    def answered(self, held: Object) -> ToolCall | None:
        """Return the open call that a result repeats."""
        for call in self.open:
            if same(_call(call), held):
                self.open.remove(call)
                return call
        return None


def _read_tool(held: Object) -> Tool:
    defined = held.get("parameter_definitions")
    if isinstance(held.get("name"), str) and isinstance(defined, dict | None):
        properties = {name: _property(value) for name, value in (defined or {}).items()}
        needed = [
            name
            for name, value in (defined or {}).items()
            if isinstance(value, dict) and value.get("required")
        ]
        schema = {"type": "object", "properties": properties, "required": needed}
        description = held.get("description")
        tool = Tool(held["name"], description if isinstance(description, str) else None, schema)
        if same(_tool(tool), held):
            return tool
    name = held.get("name")
    return Tool(name if isinstance(name, str) and name else "tool", type=_native.NATIVE, outer={WIRE: held})


def _property(value: Json) -> Object:
    if not isinstance(value, dict):
        return {}
    told = {"description": value["description"]} if "description" in value else {}
    return {"type": _TYPES.get(str(value.get("type")), "string")} | told


def claims(asked: Json, _: bytes | None) -> bool:
    """Tell whether this was asked as version 1 is: one message, and the history beside it."""
    if not isinstance(asked, dict) or not isinstance(asked.get("message"), str) or "messages" in asked:
        return False
    return bool(
        asked.keys() & {"chat_history", "preamble", "connectors", "documents", "tool_results", "tools"}
    )


def is_end(event: Mapping[str, str]) -> bool:
    """Tell whether this is the stream's last event."""
    try:
        said = parse(event["data"])
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("event_type") == "stream-end"


def decode(body: Json) -> Reply:
    """Read a response body that came with a success status. Raises Unreadable."""
    return _reading.reply(body, _reply)


def decode_stream(events: Iterable[Mapping[str, str]]) -> Reply:
    """Read events, one JSON object each; the last one repeats the whole answer. Raises Unreadable."""
    body: Object = {}
    pieces: list[str] = []
    error = None
    try:
        for _, said in documents(events):
            if error := _add(body, pieces, said):
                break
    except Unreadable as problem:
        error = problem.error
    return _reading.streamed({"text": "".join(pieces)} | body, error, decode)


def _add(body: Object, pieces: list[str], said: Object) -> ApiError | None:
    """Take in an event; return the error that it is."""
    kind = said.get("event_type")
    if kind is None:
        return _errors.told(said, "stream_error")
    if kind == "text-generation" and isinstance(said.get("text"), str):
        pieces.append(said["text"])
    elif kind == "tool-calls-generation":
        body["tool_calls"] = said.get("tool_calls")
    elif kind == "stream-end":
        whole = said.get("response")
        body |= (whole if isinstance(whole, dict) else {}) | {"finish_reason": said.get("finish_reason")}
        if said.get("finish_reason") == "ERROR":
            return ApiError("stream_error", message="the stream ended with finish_reason ERROR")
    return None


def _reply(body: Object) -> Reply:
    if not isinstance(body.get("text"), str):
        raise ValueError("there is no text" if body else "the body is an empty object")
    reading, native = _Reading(), body.get("finish_reason")
    native = native if isinstance(native, str) and native else None
    calls = [
        reading.call(call, "tool_calls") for call in _shape.mappings(body.get("tool_calls"), "tool_calls")
    ]
    message = Message("assistant", body["text"], tuple(calls))
    finish = "tool_calls" if calls and native == "COMPLETE" else FINISH.get(native or "")
    reply = Reply(message, finish, native, usage_of(body.get("meta")))
    return replace(reply, extra=_native.keep(WIRE, _native.beyond(body, encode_reply(reply))))


def encode_reply(reply: Reply) -> Object:
    """Return the body of a response that says this: the inverse of `decode`."""
    body: Object = {"text": reply.message.text}
    calls = [_call(call) for call in reply.message.tool_calls]
    body |= {"tool_calls": calls} if calls else {}
    finish = native_finish(reply)
    body |= {"finish_reason": finish} if finish else {}
    body |= {"meta": counted(reply.usage)} if reply.usage else {}
    return _native.merged(body, _native.own(reply.extra, WIRE))
