"""Ollama's completion of one prompt, both directions. All of it is pure.

https://docs.ollama.com/api/generate

A conversation is the prompt and what the system says before it; earlier messages are put before the prompt.
What is said beside stands in `native`, as in `_ollama` (`context`, `template`, `raw`, `suffix`, ...).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from replay.conversation import Json, Message, Object
from replay.providers import _native, _ollama_parts, _reading
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

WIRE = "ollama_generate"
_SYSTEM = ("system", "developer")


def encode(request: Request) -> Object:
    """Return the JSON body that asks for this."""
    body: Object = {"model": request.model} if request.model else {}
    system = [message.text for message in request.messages if message.role in _SYSTEM]
    said = [spoken(message) for message in request.messages if message.role not in _SYSTEM]
    body["prompt"] = "\n\n".join(text for text, _ in said)
    images = [image for _, held in said for image in held]
    body |= ({"images": images} if images else {}) | ({"system": "\n\n".join(system)} if system else {})
    body |= _ollama_parts.asked(request.params)
    return restored_request(body, request.params, WIRE)


def decode_request(body: Object) -> Request:
    """Read a request body: the inverse of `encode`. Raises Unreadable (`invalid_request`)."""
    return _reading.request(body, _request)


def _request(body: Object) -> Request:
    for name in ("model", "prompt", "system"):
        if not isinstance(body.get(name), str | None):
            raise ValueError(f"{name} is not text")
    prompt = Message("user", content(body.get("prompt") or "", body.get("images")))
    system = (Message("system", body["system"]),) if body.get("system") else ()
    request = Request(body.get("model") or "", (*system, prompt), params=_ollama_parts.read_asked(body))
    own = _native.keep(WIRE, kept(body, encode(request)))
    return replace(request, params=request.params | own)


def claims(asked: Json, answered: bytes | None) -> bool:
    """Tell whether this was asked and answered as a completion of Ollama's is."""
    first = first_of(answered)
    return isinstance(asked, dict) and "prompt" in asked and "done" in first and "response" in first


def decode(body: Json) -> Reply:
    """Read a response body that came with a success status. Raises Unreadable."""
    return _reading.reply(body, _reply)


def decode_stream(events: Iterable[Mapping[str, str]]) -> Reply:
    """Read a stream of objects. Raises Unreadable with the partial reply.

    The reply is what `decode` makes of the same answer when it is not streamed.
    """
    return _ollama_parts.decode_stream(events, decode)


def _reply(body: Object) -> Reply:
    if not isinstance(body.get("response"), str):
        raise ValueError("there is no response" if body else "the body is an empty object")
    thought = body.get("thinking")
    extra = {"reasoning_content": thought} if isinstance(thought, str) else {}
    reply = Reply(
        Message("assistant", body["response"], extra=extra),
        *finish(body),
        _ollama_parts.usage_of(body),
        _ollama_parts.logprobs(body),
        body["model"] if isinstance(body.get("model"), str) else None,
    )
    return replace(reply, extra=_native.keep(WIRE, kept(body, encode_reply(reply))))


def encode_reply(reply: Reply) -> Object:
    """Return the body of a response that says this: the inverse of `decode`."""
    thought = reply.message.extra.get("reasoning_content")
    body: Object = {"response": reply.message.text}
    body |= {"thinking": thought} if isinstance(thought, str) else {}
    return restored(body | _ollama_parts.ending(reply), _native.own(reply.extra, WIRE))
