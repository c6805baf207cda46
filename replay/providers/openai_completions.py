"""The legacy Completions wire: a prompt in, text out. OpenAI, Azure's deployments, vLLM, llama.cpp, gateways.

A prompt is a user message; a list of prompts is one message for each. What has no place in Chat Completions
(`echo`, `suffix`, `best_of`, tokens as a prompt) is `native`. Settings of a target: those of
`replay.providers._servers`.

https://platform.openai.com/docs/api-reference/completions
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from replay.conversation import Json, Message, Object
from replay.jsontext import parse
from replay.providers import Place, Unreadable, _chat, _native, _servers, _shape
from replay.providers._batches import Batches
from replay.providers._chat import is_end
from replay.providers._streamed import event as written
from replay.providers._streamed import pieces
from replay.turn import ApiError, Reply, Request, Target, Turn

__all__ = [
    "batches",
    "claims",
    "decode",
    "decode_request",
    "decode_stream",
    "encode",
    "encode_reply",
    "encode_stream",
    "is_end",
    "place",
    "secrets",
    "send",
]

_WIRE = "openai_completions"
_PATH = "/completions"
HOME = "https://api.openai.com"
_ENGINE = re.compile(r".*/engines/([^/]+)")
_ANSWERED = re.compile(rb'"text_completion"|"choices"\s*:\s*\[\s*\{[^{}]*"text"\s*:|^data: *\{"value":')
_SAME = (
    "frequency_penalty",
    "logit_bias",
    "n",
    "presence_penalty",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "top_k",
    "top_p",
    "user",
)


def place(method: str, url: str) -> Place | None:
    """Read the URL of a call to any server, `/engines/<model>/completions` among them."""
    found = _servers.place(method, url, _PATH)
    base = found.settings.get("base_url", "") if found else ""
    if found is None or base.endswith("/chat") or found.settings.get("deployment", "").endswith("/chat"):
        return None
    engine = _ENGINE.fullmatch(base)
    return replace(found, model=engine[1]) if engine else found


def claims(asked: Json, answered: bytes | None) -> bool:
    """Tell whether this was asked and answered as completions are; what has no answer could be others'."""
    if not isinstance(asked, dict) or not isinstance(asked.get("prompt"), str | list):
        return False
    return answered is not None and _ANSWERED.search(answered) is not None


def encode(request: Request) -> Object:
    """Return the JSON body that asks for this. Several messages are one prompt, with blank lines between."""
    own, params = _native.own(request.params, _WIRE), request.params
    body: Object = {"model": request.model} if request.model else {}
    prompts = [_prompt(message) for message in request.messages]
    if own.get("form") == {"prompt": "list"}:
        body["prompt"] = prompts
    elif prompts:
        texts = (prompt for prompt in prompts if isinstance(prompt, str) and prompt)
        body["prompt"] = prompts[0] if len(prompts) == 1 else "\n\n".join(texts)
    body |= {name: params[name] for name in _SAME if name in params}
    limit = params.get("max_completion_tokens", params.get("max_tokens"))
    body |= {"max_tokens": limit} if limit is not None else {}
    body |= {"logprobs": params.get("top_logprobs") or 0} if params.get("logprobs") is True else {}
    return body | {name: value for name, value in own.items() if name != "form"}


def _prompt(message: Message) -> Json:
    parts = message.content if isinstance(message.content, list) else ()
    tokens = [own["prompt"] for part in parts if (own := _native.said(part, _WIRE)) and "prompt" in own]
    return tokens[0] if tokens else message.text


def decode_request(body: Object) -> Request:
    """Read a request body: the inverse of `encode`. Raises Unreadable (`invalid_request`)."""
    try:
        own = dict(_shape.mapping(body, "the request"))
        if not isinstance(own.get("model", ""), str):
            raise ValueError("model is not text")
    except ValueError as problem:
        raise Unreadable(ApiError("invalid_request", message=str(problem))) from None
    model, prompt = own.pop("model", ""), own.pop("prompt", None)
    prompts = prompt if isinstance(prompt, list) and not _is_tokens(prompt) else [prompt]
    if prompt is None:
        own |= {"prompt": None} if "prompt" in body else {}
        prompts = []
    params = {name: own.pop(name) for name in _SAME if own.get(name) is not None}
    if own.get("max_tokens") is not None:
        params["max_completion_tokens"] = own.pop("max_tokens")
    if type(own.get("logprobs")) is int:
        params |= {"logprobs": True, "top_logprobs": own.pop("logprobs")}
    own |= {"form": {"prompt": "list"}} if prompts is prompt else {}
    messages = tuple(map(_message, prompts))
    return Request(model, messages, params=params | _native.keep(_WIRE, own))


def _is_tokens(prompt: list[Json]) -> bool:
    return any(isinstance(token, int) for token in prompt)


def _message(prompt: Json) -> Message:
    return Message("user", prompt if isinstance(prompt, str) else [_native.part(_WIRE, {"prompt": prompt})])


def decode(body: Json) -> Reply:
    """Read a response body that came with a success status. Raises Unreadable."""
    return _read(lambda: _chat.decode(_as_chat(body)))


def decode_stream(events: Iterable[Mapping[str, str]]) -> Reply:
    """Read server-sent events up to [DONE]. Raises Unreadable with the partial reply."""
    return _read(lambda: _chat.decode_stream(_chunks(events)))


def _read(read: Any) -> Reply:
    try:
        return _own(read())
    except Unreadable as told:
        raise Unreadable(told.error, told.partial and _own(told.partial)) from None


def _chunks(events: Iterable[Mapping[str, str]]) -> Iterator[Mapping[str, str]]:
    for event in events:
        try:
            yield {**event, "data": json.dumps(_as_chat(parse(event["data"])))}
        except ValueError:
            yield event


def _as_chat(body: Json) -> Json:
    """A body, or an event, as Chat Completions has it: its text is a message."""
    if not isinstance(body, dict):
        return body
    if isinstance(body.get("value"), str) and "choices" not in body:  # a whole event at Writer
        return {"choices": [_choice({"text": body["value"]})]}
    choices = body.get("choices")
    return body | {"choices": list(map(_choice, choices))} if isinstance(choices, list) else body


def _choice(choice: Json) -> Json:
    if not isinstance(choice, dict) or "text" not in choice:
        return choice
    rest = {key: value for key, value in choice.items() if key != "text"}
    return rest | {"message": {"role": "assistant", "content": choice["text"]}}


def _own(reply: Reply) -> Reply:
    """A reply with its logprobs as Chat Completions has them; as they came, they are `native`."""
    raw = reply.logprobs
    extra = {key: value for key, value in reply.extra.items() if key != "object"}
    extra |= _native.keep(_WIRE, {"logprobs": raw} if raw else {})
    return replace(reply, logprobs=_logprobs(raw or {}), extra=extra, others=tuple(map(_own, reply.others)))


def _logprobs(raw: Object) -> Object | None:
    tokens, values, tops = (raw.get(name) for name in ("tokens", "token_logprobs", "top_logprobs"))
    if not isinstance(tokens, list) or not isinstance(values, list):
        return None
    others = [*(tops if isinstance(tops, list) else ()), *[None] * len(tokens)]
    return {"content": [_token(*told) for told in zip(tokens, values, others, strict=False)]}


def _token(token: Json, logprob: Json, others: Json) -> Object:
    top = others.items() if isinstance(others, dict) else ()
    named = [{"token": other, "logprob": value} for other, value in top]
    return {"token": token, "logprob": logprob, "top_logprobs": named}


def encode_reply(reply: Reply) -> Object:
    """Return the body of a response that says this: the inverse of `decode`."""
    body = _chat.encode_reply(reply)
    choices = zip(body["choices"], reply.choices(), strict=True)
    return body | {"object": "text_completion", "choices": [_said(data, choice) for data, choice in choices]}


def _said(data: Object, choice: Reply) -> Object:
    rest = {key: value for key, value in data.items() if key not in ("message", "logprobs")}
    return rest | {"text": choice.message.text} | _native.own(choice.extra, _WIRE)


def encode_stream(reply: Reply, _: Place) -> Iterator[bytes]:
    """Yield the events of a stream that says this: what `decode_stream` reads."""
    body = encode_reply(reply)
    choices, usage = body.pop("choices"), body.pop("usage", None)
    for choice in choices:
        going = {"index": choice["index"], "finish_reason": None}
        parts = [*(going | {"text": piece} for piece in pieces(choice["text"])), choice | {"text": ""}]
        yield from (written(body | {"choices": [part]}) for part in parts)
    if usage is not None:
        yield written(body | {"choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def secrets(target: Target) -> dict[str, str | None]:
    """Return the API key by its environment variable."""
    return _servers.secrets(target)


def batches(target: Target, transport: Any) -> Batches:
    """Return the Batch API, which answers within a day at half the price."""
    from replay.providers._openai_batches import OpenAIBatches

    return OpenAIBatches(target, transport, *_servers.client(target), f"/v1{_PATH}")


def send(request: Request, target: Target, transport: Any) -> Turn:
    """Send one request, once, through the official SDK. Raises SeamError, and BadInput for the settings."""
    from replay.providers._openai import call

    path = _servers.path(target, _PATH)
    return call(request, target, transport, sys.modules[__name__], *_servers.client(target), path)
