"""Calls of functions, and the responses to them.

https://ai.google.dev/gemini-api/docs/function-calling. Most calls have no id: ours are then minted by their
place in the conversation and never sent; a response answers the first open call of its name. What a part says
beside its common words stands under `native` in the tool call or the tool message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace

from replay.conversation import Json, Message, Object, ToolCall
from replay.jsontext import parse, same
from replay.providers import _native
from replay.providers._gemini_parts import read_part, write_part
from replay.providers._gemini_words import WIRE, completed, in_camel, left_over

_MINTED = re.compile(r"gemini_call_\d+")


def read_call(raw: Object, number: int) -> ToolCall | None:
    """Read a part that calls a function, the conversation's `number`th; None for any other."""
    snake: set[str] = set()
    part = in_camel(raw, snake)
    asked = part.get("functionCall")
    if not isinstance(asked, dict) or not isinstance(asked.get("name"), str):
        return None
    key = asked.get("id")
    key = key if isinstance(key, str) and key and not _MINTED.fullmatch(key) else f"gemini_call_{number}"
    arguments = json.dumps(asked["args"], ensure_ascii=False) if "args" in asked else ""
    call = ToolCall(key, asked["name"], arguments)
    rest = left_over(part, _called(call), snake)
    call = replace(call, extra=rest or {})
    return call if rest is not None and same(write_call(call), raw) else None


def write_call(call: ToolCall) -> Object:
    """Return a tool call as a part."""
    return completed(_called(call), call.extra)


def _called(call: ToolCall) -> Object:
    key = {"id": call.id} if call.id and not _MINTED.fullmatch(call.id) else {}
    return {"functionCall": key | {"name": call.name} | _arguments(call)}


def _arguments(call: ToolCall) -> Object:
    """The arguments, which have to be an object: text that is none is the object's only field."""
    if call.type == "custom":
        return {"args": {"input": call.arguments}}
    if not call.arguments.strip():
        return {}
    try:
        found = parse(call.arguments, strict=True)
    except ValueError:
        found = None
    return {"args": found if isinstance(found, dict) else {"arguments": call.arguments}}


class Calls:
    """The calls so far: which of them a response answers, and what they called."""

    def __init__(self) -> None:
        self.count = 0
        self._names: dict[str, str] = {}
        self._open: list[str] = []

    def add(self, calls: Iterable[ToolCall]) -> None:
        """Note calls of the model."""
        for call in calls:
            self.count += 1
            self._names[call.id] = call.name
            self._open.append(call.id)

    def name(self, key: str | None) -> str | None:
        """Return the name of the function that was called with this id."""
        return self._names.get(key or "")

    def answered(self, key: Json, name: Json) -> str | None:
        """Take the call that a response answers: by its id, else the first open one of its name, else any."""
        if isinstance(key, str) and key in self._names:
            found = key
        else:
            same_name = (call for call in self._open if self._names[call] == name)
            found = next(same_name, next(iter(self._open), ""))
        if found in self._open:
            self._open.remove(found)
        return found or None


def read_response(raw: Object, calls: Calls) -> Message | None:
    """Read a part that answers a call; None for any other, and where nothing was called."""
    snake: set[str] = set()
    part = in_camel(raw, snake)
    said = part.get("functionResponse")
    if not isinstance(said, dict) or not isinstance(said.get("response"), dict):
        return None
    key = calls.answered(said.get("id"), said.get("name"))
    if key is None:
        return None
    named = {} if calls.name(key) == said.get("name") else {"name": said.get("name")}
    content = _content(said["response"], said.get("parts"))
    message = Message("tool", content, tool_call_id=key, extra=named)
    rest = left_over(part, _answered(message, calls), snake)
    message = replace(message, extra=named | (rest or {}))
    return message if rest is not None and same(write_response(message, calls), raw) else None


def write_response(message: Message, calls: Calls) -> Object:
    """Return a tool message as a part."""
    return completed(_answered(message, calls), message.extra)


def _answered(message: Message, calls: Calls) -> Object:
    key = message.tool_call_id or ""
    name = message.extra.get("name") or calls.name(key) or key
    body: Object = {"name": name, "response": _response(message.text)}
    if key and not _MINTED.fullmatch(key):
        body["id"] = key
    media = [write_part(part) for part in _parts(message) if part.get("type") != "text"]
    return {"functionResponse": body | ({"parts": [item for item in media if item]} if media else {})}


def _parts(message: Message) -> list[Object]:
    return message.content if isinstance(message.content, list) else []


def _content(response: Object, media: Json) -> str | list[Object]:
    """Text as it is, any other object as JSON; with media, all of it as parts."""
    text = response.get("output")
    if response.keys() != {"output"} or not isinstance(text, str) or not same(_response(text), response):
        text = json.dumps(response, ensure_ascii=False)
    if not isinstance(media, list) or not all(isinstance(item, dict) for item in media):
        return text
    return [{"type": "text", "text": text}, *(_medium(item) for item in media)]


def _medium(raw: Object) -> Object:
    part = read_part(raw)
    return _native.part(WIRE, raw) if part.get("type") == "text" else part


def _response(text: str) -> Object:
    """A result as the object it has to be: JSON of an object as it is, anything else under `output`.

    Only text that says the object exactly as it is written here is taken for one: other text stays text.
    """
    try:
        found = parse(text, strict=True)
    except ValueError:
        found = None
    plain = isinstance(found, dict) and json.dumps(found, ensure_ascii=False) == text
    return found if plain and isinstance(found, dict) else {"output": text}
