"""Inspect's messages, tools and usage in the words of Chat Completions.

https://inspect.aisi.org.uk/reference/inspect_ai.model.html
"""

from __future__ import annotations

import re
from typing import Any

from replay.conversation import Json, Object
from replay.importers import _derived
from replay.importers._records import some

_REFERENCE = re.compile(r"(?:attachment|tc)://([0-9a-f]{8,})")
# Inspect's names of generate options, where they differ.
_OPTIONS = {
    "max_tokens": "max_completion_tokens",
    "stop_seqs": "stop",
    "num_choices": "n",
    "response_schema": "",
    "max_connections": "",
    "max_retries": "",
    "timeout": "",
    "attempt_timeout": "",
    "cache": "",
    "batch": "",
    "system_message": "",
    "max_tool_output": "",
    "internal_tools": "",
    "cache_prompt": "",
    "reasoning_history": "",
}


def resolved(value: Json, kept: Object) -> Any:
    """Return a value with the long texts that a sample keeps apart put back in their places."""
    if isinstance(value, dict):
        return {name: resolved(item, kept) for name, item in value.items()}
    if isinstance(value, list):
        return [resolved(item, kept) for item in value]
    if isinstance(value, str) and "://" in value:
        return _REFERENCE.sub(lambda found: str(kept.get(found[1], found[0])), value)
    return value


def request(event: Object) -> Object:
    """Return what a model event asked: messages, tools, params."""
    options = event.get("config") or {}
    params = {_OPTIONS.get(name, name): value for name, value in options.items() if value is not None}
    params.pop("", None)
    schema = options.get("response_schema")
    tools = [_tool(tool) for tool in event.get("tools") or ()]
    return some(
        messages=[message(item) for item in event["input"]],
        tools=tools,
        tool_choice=_choice(event.get("tool_choice")) if tools else None,
        response_format=_format(schema) if isinstance(schema, dict) else None,
    ) | {name: value for name, value in params.items() if value != []}


def message(said: Object) -> Object:
    """Return a message; reasoning stays readable, but cannot be sent back."""
    role, content = said["role"], said.get("content")
    parts = content if isinstance(content, list) else []
    reasoning = "".join(part.get("reasoning") or "" for part in parts if part.get("type") == "reasoning")
    found: Object = {"role": role, "content": content if not parts else _content(parts)}
    calls = [
        _derived.tool_call(call["function"], call.get("arguments") or {}, call.get("id"))
        for call in said.get("tool_calls") or ()
    ]
    if calls:
        found["tool_calls"] = calls
    if role == "tool":
        failure = said.get("error")
        text = found["content"] or (failure.get("message") if isinstance(failure, dict) else "") or ""
        found |= {"tool_call_id": said.get("tool_call_id") or "", "content": text}
    return found | ({"reasoning_content": reasoning} if reasoning else {})


def usage(output: Object) -> Object:
    """Return the tokens of a model's output."""
    said = output.get("usage") or {}
    return some(
        prompt_tokens=said.get("input_tokens"),
        completion_tokens=said.get("output_tokens"),
        total_tokens=said.get("total_tokens"),
        prompt_tokens_details=some(cached_tokens=said.get("input_tokens_cache_read")),
        completion_tokens_details=some(reasoning_tokens=said.get("reasoning_tokens")),
    )


def _content(parts: list[Object]) -> Json:
    known = [_part(part) for part in parts if part.get("type") != "reasoning"]
    if all(part["type"] == "text" for part in known):
        return "".join(part["text"] for part in known) or None
    return known


def _part(part: Object) -> Object:
    kind = part.get("type")
    if kind == "image":
        return {
            "type": "image_url",
            "image_url": {"url": part["image"]} | some(detail=part.get("detail")),
        }
    if kind == "audio":
        data = str(part["audio"]).rpartition(",")[2]
        return {"type": "input_audio", "input_audio": {"data": data, "format": part.get("format") or "mp3"}}
    if kind == "document":
        return {
            "type": "file",
            "file": some(filename=part.get("filename"), file_data=part["document"]),
        }
    return {"type": "text", "text": part.get("text") or f"[{kind}]"}


def _tool(tool: Object) -> Object:
    function = some(name=tool["name"], description=tool.get("description"), parameters=tool.get("parameters"))
    return {"type": "function", "function": function}


def _choice(choice: Json) -> Json:
    if isinstance(choice, dict):
        return {"type": "function", "function": {"name": choice.get("name")}}
    return {"any": "required"}.get(str(choice), choice)


def _format(schema: Object) -> Object:
    return {
        "type": "json_schema",
        "json_schema": some(
            name=schema.get("name") or "answer", schema=schema.get("json_schema"), strict=schema.get("strict")
        ),
    }
