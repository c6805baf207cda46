"""The Responses wire, both directions. All of it is pure.

https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from replay.conversation import Json, Message, Object
from replay.providers import (
    Unreadable,
    _errors,
    _native,
    _reading,
    _responses_items,
    _responses_params,
    _responses_tools,
    _shape,
)
from replay.providers._responses_events import Events, documents, is_end
from replay.providers._responses_parts import WIRE
from replay.turn import ApiError, Reply, Request, Usage

__all__ = ["claims", "decode", "decode_request", "decode_stream", "encode", "encode_reply", "is_end"]

FIRST_TOKEN = re.compile(rb'"delta"\s*:\s*"[^"]')

_FINISH_REASON = {"max_output_tokens": "length", "content_filter": "content_filter"}
_REASON = {"length": "max_output_tokens", "content_filter": "content_filter"}
# Codes of a response that has failed; all others blame the request.
# https://platform.openai.com/docs/api-reference/responses/object#responses/object-error
_FAILED = {"server_error": "server", "rate_limit_exceeded": "rate_limit", "vector_store_timeout": "timeout"}
_ANSWERED = re.compile(rb'"object"\s*:\s*"response"')
_ASKED = {
    "instructions",
    "previous_response_id",
    "max_output_tokens",
    "text",
    "reasoning",
    "tools",
    "include",
}


def claims(asked: Json, answered: bytes | None) -> bool:
    """Tell whether this was asked and answered as Responses are."""
    if not isinstance(asked, dict) or "messages" in asked or not ("input" in asked or "prompt" in asked):
        return False
    if answered and _ANSWERED.search(answered):
        return True
    return "input" in asked and bool(asked.keys() & _ASKED) and (not answered or b'"error"' in answered)


def encode(request: Request) -> Object:
    """Return the JSON body that asks for this."""
    form, messages = _form(request.params), request.messages
    body: Object = {"model": request.model} if request.model else {}
    if form.get("instructions") is True and messages and _instructs(messages[0]):
        body["instructions"], messages = messages[0].content, messages[1:]
    messages = tuple(message for message in messages if not _template(message))
    items = _responses_items.items(messages)
    match items:
        case [{"role": "user", "content": str(text)}] if form.get("input") == "text" and len(items[0]) == 2:
            body["input"] = text
        case _ if items or form.get("input") != "absent":
            body["input"] = items
    tools = [_responses_tools.written(tool) for tool in request.tools]
    if said := [tool for tool in tools if tool is not None]:
        body["tools"] = said
    elif request.params.get("tools") == []:
        body["tools"] = []
    for prompt in filter(None, map(_template, request.messages)):
        body["prompt"] = prompt
    fields = _responses_params.written(request.params)
    return body | {key: value for key, value in fields.items() if key != "form"}


def _form(params: Object) -> Object:
    form = _native.own(params, WIRE).get("form")
    return form if isinstance(form, dict) else {}


def _template(message: Message) -> Object | None:
    """The stored prompt that stands for a message: nothing else is said in it."""
    match message.content:
        case [{"type": _native.NATIVE, "openai_responses": {"prompt": dict(prompt)}}]:
            return prompt
    return None


def _instructs(message: Message) -> bool:
    return message.role == "system" and isinstance(message.content, str)


def decode_request(body: Object) -> Request:
    """Read a request body: the inverse of `encode`. Raises Unreadable (`invalid_request`)."""
    return _reading.request(body, _request)


def _request(body: Object) -> Request:
    if not isinstance(body.get("model"), str | None):
        raise ValueError("model is not text")
    rest, form, messages = dict(body), Object(), list[Message]()
    if isinstance(body.get("instructions"), str):
        messages.append(Message("system", rest.pop("instructions")))
        form["instructions"] = True
    if isinstance(body.get("input"), str):
        messages.append(Message("user", rest.pop("input")))
        form["input"] = "text"
    elif body.get("input") is not None:
        messages += _responses_items.messages(_shape.mappings(rest.pop("input"), "input"))
    elif "input" not in body:
        form["input"] = "absent"
    if not messages and isinstance(body.get("prompt"), dict):
        messages.append(Message("user", [_native.part(WIRE, {"prompt": rest.pop("prompt")})]))
    tools = [_responses_tools.read(item) for item in _shape.mappings(body.get("tools"), "tools")]
    if tools:
        del rest["tools"]
    empty = {"tools": rest.pop("tools")} if rest.get("tools") == [] else {}
    model = rest.pop("model", None)
    if model is None and "model" in body:
        rest["model"] = None
    params = _responses_params.read(rest | ({"form": form} if form else {})) | empty
    return Request(model or "", tuple(messages), tuple(tools), params)


def decode(body: Json) -> Reply:
    """Read a response body that came with a success status. Raises Unreadable."""
    try:
        reply = _reply(_shape.mapping(body, "the body"))
    except ValueError as problem:
        if _errors.is_error(body):
            raise Unreadable(_errors.told(body)) from None
        raise Unreadable(ApiError("bad_response", message=str(problem))) from None
    if error := _failure(body):
        raise Unreadable(error, reply if body["output"] else None)
    return reply


def _failure(body: Object) -> ApiError | None:
    """Why a response is none, None for one that is."""
    status, error = body.get("status"), body.get("error")
    if status == "cancelled":
        return ApiError("cut", message="the response was cancelled")
    if status != "failed" and not error:
        return None
    told = _errors.told({"error": error or {"message": "the response has failed, no error is given"}})
    return replace(
        told,
        kind=_FAILED.get(told.code or "", told.kind if told.kind != "bad_response" else "invalid_request"),
    )


def decode_stream(events: Iterable[Mapping[str, str]]) -> Reply:
    """Read server-sent events (`{"event", "data"}`) up to the one that ends the response.

    The reply is that of the event which ends it, else what the events before have told of it: that is the
    partial reply of a stream that was cut. Raises Unreadable.
    """
    seen, error = Events(), None
    try:
        for event in documents(events):
            seen.add(event)
    except Unreadable as told:
        error = told.error
    except (ValueError, RecursionError) as broken:
        error = ApiError("bad_response", message=str(broken))
    if error is None and not seen.ended:
        error = ApiError("cut", message="the stream ends before the response does")
    body = seen.body()
    try:
        reply = decode(body)
    except Unreadable as rest:
        raise Unreadable(error or replace(rest.error, kind="stream_error"), rest.partial) from None
    if error:
        raise Unreadable(error, reply if body["output"] else None)
    return reply


def _reply(body: Object) -> Reply:
    if "output" not in body:
        raise ValueError("there is no output" if body else "the body is an empty object")
    message = _responses_items.spoken(_shape.mappings(body["output"], "output"))
    finish_reason, native = _finish(body, message)
    rest = {
        key: value
        for key, value in body.items()
        if value is not None and key not in ("id", "model", "object", "output")
    }
    model, key = body.get("model"), body.get("id")
    return Reply(
        message,
        finish_reason,
        native,
        _usage(body.get("usage")),
        _logprobs(body["output"] or []),
        model if isinstance(model, str) else None,
        ({"id": key} if isinstance(key, str) else {}) | _native.keep(WIRE, rest),
    )


def _finish(body: Object, message: Message) -> tuple[str | None, str | None]:
    """The finish_reason, and the wire's own: the status, or for an incomplete response the reason."""
    status, details = body.get("status"), body.get("incomplete_details")
    if status == "completed":
        return "tool_calls" if message.tool_calls else "stop", status
    reason = details.get("reason") if isinstance(details, dict) else None
    native = reason if status == "incomplete" and isinstance(reason, str) else status
    native = native if isinstance(native, str) and native else None
    return _FINISH_REASON.get(native or ""), native


def _usage(said: Json) -> Usage | None:
    if not isinstance(said, dict):
        return None
    usage = Usage(
        _count(said, "input_tokens"),
        _count(said, "output_tokens"),
        _count(said, "total_tokens"),
        _count(said.get("input_tokens_details"), "cached_tokens"),
        _count(said.get("output_tokens_details"), "reasoning_tokens"),
    )
    return None if usage == Usage() else usage


def _count(said: Json, name: str) -> int | None:
    count = said.get(name) if isinstance(said, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None


def _logprobs(output: Iterable[Object]) -> Object | None:
    """The logprobs of all texts, one after another."""
    parts = (part for item in output if isinstance(item.get("content"), list) for part in item["content"])
    lists = (part.get("logprobs") for part in parts if isinstance(part, dict))
    tokens = [token for told in lists if isinstance(told, list) for token in told if isinstance(token, dict)]
    return {"content": tokens} if tokens else None


def encode_reply(reply: Reply) -> Object:
    """Return the body of a response that says this: the inverse of `decode`."""
    own = _native.own(reply.extra, WIRE)
    output = _responses_items.items([reply.message])
    body: Object = {"object": "response"} | ({} if own else _ended(reply)) | own | {"output": output}
    if isinstance(reply.extra.get("id"), str):
        body["id"] = reply.extra["id"]
    if reply.model is not None:
        body["model"] = reply.model
    if reply.usage is not None and "usage" not in body:
        body["usage"] = _counted(reply.usage)
    return body


def _ended(reply: Reply) -> Object:
    """How a reply of another wire has ended, in the words of this one."""
    if reason := _REASON.get(reply.finish_reason or ""):
        return {"status": "incomplete", "incomplete_details": {"reason": reason}}
    return {"status": "completed"} if reply.finish_reason else {}


def _counted(usage: Usage) -> Object:
    counts = {
        "input_tokens": usage.prompt_tokens,
        "output_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "input_tokens_details": usage.cached_tokens and {"cached_tokens": usage.cached_tokens},
        "output_tokens_details": usage.reasoning_tokens and {"reasoning_tokens": usage.reasoning_tokens},
    }
    return {name: value for name, value in counts.items() if value is not None}
