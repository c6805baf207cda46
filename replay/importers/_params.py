"""Parameters and tools as any framework logs them, in the words of Chat Completions."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from replay.conversation import Json, Object
from replay.jsontext import parse

_SAME = (
    *("temperature", "top_p", "top_k", "max_tokens", "max_completion_tokens", "stop", "seed", "n", "user"),
    *("presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "response_format"),
    *("tool_choice", "parallel_tool_calls", "reasoning_effort", "service_tier", "stream", "stream_options"),
    *("store", "modalities", "audio", "prediction", "verbosity", "web_search_options", "prompt_cache_key"),
    *("safety_identifier", "function_call", "functions", "repetition_penalty", "min_p"),
)
_OTHER = {
    "max_output_tokens": "max_completion_tokens",
    "stop_sequences": "stop",
    "choice_count": "n",
    "candidate_count": "n",
    "is_streaming": "stream",
    "is_stream": "stream",
    "structured_output_schema": "response_format",
    "response_schema": "response_format",
    "output_schema": "response_format",
}
_WORDS = dict.fromkeys(_SAME) | _OTHER
_PLAIN_TEXT = {"user", "stop", "prompt_cache_key", "safety_identifier"}
_CHOICES = {"any": "required", "ANY": "required", "AUTO": "auto", "NONE": "none"}


def params(data: Json) -> Object:
    """Return what `data` says of a request's parameters, but what is empty, infinite or no parameter.

    Names may be written in any case (`topP`, `choice.count`), values as the text of JSON.
    """
    found: Object = {}
    for name, given in data.items() if isinstance(data, dict) else ():
        snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", str(name)).lower().replace(".", "_")
        if snake in _WORDS:
            word = _WORDS[snake] or snake
            value = _SHAPES.get(word, _same)(_value(word, given))
            if value is not None and value not in ([], {}):
                found[word] = value
    return found


def _value(word: str, value: Json) -> Json:
    if isinstance(value, str) and (word not in _PLAIN_TEXT or value[:1] == "["):
        with suppress(ValueError):
            value = parse(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _choice(value: Json) -> Json:
    """Read a `tool_choice` of any wire."""
    if isinstance(value, str):
        return _CHOICES.get(value, value)
    if not isinstance(value, dict) or "function" in value:
        return value
    name = value.get("toolName") or value.get("name")
    if name:
        return {"type": "function", "function": {"name": name}}
    kind = value.get("type")
    return _CHOICES.get(kind, kind) if isinstance(kind, str) else value


def _format(value: Json) -> Json:
    """Read a `response_format`, or the bare schema that stands for one."""
    if isinstance(value, str):
        return {"type": value} if value in ("text", "json_object") else None
    if not isinstance(value, dict) or value.get("type") in ("text", "json_object", "json_schema", "grammar"):
        return value
    name = re.sub(r"[^A-Za-z0-9_-]", "_", str(value.get("title") or "")) or "response"
    return {"type": "json_schema", "json_schema": {"name": name[:64], "schema": value}}


def _same(value: Json) -> Json:
    return value


_SHAPES = {"tool_choice": _choice, "response_format": _format}


def tools(value: Json, wire: str = "openai") -> list[Object]:
    """Return the definitions of tools as items of `tools`.

    `wire` is the provider whose own tools those are that Chat Completions does not know.
    """
    if isinstance(value, dict):
        value = _listed(value)
    return [tool for item in value for tool in _tool(_tree(item), wire)] if isinstance(value, list) else []


def _listed(value: Object) -> list[Any]:
    """One definition, or definitions by their name or number."""
    if value.keys() & {
        "name",
        "function",
        "type",
        "functionDeclarations",
        "function_declarations",
        "toolSpec",
    }:
        return [value]
    items = ((key, item) for key, item in value.items() if isinstance(item, dict))
    return [item if "name" in item else {"name": key} | item for key, item in items]


def _tool(item: Json, wire: str) -> Iterator[Object]:
    if not isinstance(item, dict):
        return
    declared = item.get("functionDeclarations") or item.get("function_declarations")
    if isinstance(declared, list):
        yield from (_function(one) for one in declared if isinstance(one, dict))
    elif isinstance(item.get("function"), dict):
        yield {"type": "function"} | item
    elif isinstance(item.get("toolSpec"), dict):
        yield _function(item["toolSpec"])
    elif (
        item.get("name")
        and (item.get("type") or "function") in ("function", "custom")
        and _schema(item) is not None
    ):
        yield _function(item)
    elif item.get("type") == "function" and item.get("name"):
        yield {
            "type": "function",
            "function": {key: v for key, v in item.items() if key != "type" and v is not None},
        }
    elif isinstance(item.get("type"), str) and wire == "openai":
        yield item
    else:
        yield {"type": "native", "name": str(item.get("name") or next(iter(item), "")), wire: item}


_SCHEMAS = ("parameters", "inputSchema", "input_schema", "parameters_json_schema", "parametersJsonSchema")


def _schema(item: Object) -> Json:
    schemas = (_tree(item.get(key)) for key in _SCHEMAS)
    return next((schema for schema in schemas if isinstance(schema, dict)), None)


def _function(item: Object) -> Object:
    """Make a function of its name, description and schema, wherever the schema stands."""
    schema = _schema(item)
    if isinstance(schema, dict) and isinstance(schema.get("json"), dict) and schema.keys() == {"json"}:
        schema = schema["json"]  # Bedrock
    if isinstance(schema, dict) and isinstance(schema.get("jsonSchema"), dict):
        schema = schema["jsonSchema"]  # the AI SDK before 5
    said = {"name": item.get("name"), "description": item.get("description"), "parameters": schema}
    strict = {"strict": item["strict"]} if isinstance(item.get("strict"), bool) else {}
    outer = {"cache_control": item["cache_control"]} if item.get("cache_control") else {}
    function = {key: value for key, value in said.items() if value is not None} | strict
    return {"type": "function", "function": function} | outer


def _tree(value: Json) -> Json:
    if isinstance(value, str):
        try:
            return parse(value)
        except ValueError:
            return None
    return value
