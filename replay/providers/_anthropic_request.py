"""A request of the Messages wire, both directions.

https://docs.claude.com/en/api/messages
"""

from __future__ import annotations

from replay.conversation import Object, Tool
from replay.providers import (
    _anthropic_messages,
    _anthropic_params,
    _anthropic_tools,
    _reading,
    _shape,
)
from replay.turn import Request


def encode(request: Request) -> Object:
    """Return the JSON body that asks for this.

    A request of another wire comes out legal: without a limit of its own it asks for 4096 tokens.
    """
    body: Object = {"model": request.model} if request.model else {}
    prompt = _anthropic_messages.system(request.messages)
    body |= {"system": prompt} if prompt else {}
    body["messages"] = _anthropic_messages.written(request.messages)
    tools = _anthropic_tools.written((*request.tools, *_functions(request.params)))
    body |= {"tools": tools} if tools else {}
    return body | _anthropic_params.written(request.params, tools=bool(tools))


def _functions(params: Object) -> list[Tool]:
    """The tools of the chat's first form, a parameter `functions`."""
    given = params.get("functions")
    return (
        [Tool.from_json(item) for item in given if isinstance(item, dict)] if isinstance(given, list) else []
    )


def decode_request(body: Object) -> Request:
    """Read a request body: the inverse of `encode`. Raises Unreadable (`invalid_request`)."""
    return _reading.request(body, _request)


def _request(body: Object) -> Request:
    if "messages" not in body:
        raise ValueError("messages is missing" + (" (a text completion)" if "prompt" in body else ""))
    if not isinstance(body.get("model"), str | None):
        raise ValueError("model is not text")
    messages = _shape.mappings(body["messages"], "messages")
    tools = _shape.mappings(body.get("tools"), "tools")
    prompt = body.get("system") or None
    prompt = None if isinstance(prompt, str) and not prompt.strip() else prompt
    said = {"model": body.get("model"), "system": prompt, "messages": messages, "tools": tools}
    # what is empty is no system prompt and no tool, and is sent again as it was
    fields = {name: value for name, value in body.items() if not said.get(name)}
    return Request(
        body.get("model") or "",
        _anthropic_messages.read(prompt, messages),
        tuple(map(_anthropic_tools.read, tools)),
        _anthropic_params.read(fields),
    )
