"""A provider's own bodies inside a trace: kept whole by an instrumentation, or as objects of its SDK."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from replay import providers
from replay.conversation import Json, Object
from replay.providers import Unreadable

_ROLES = {"system", "developer", "user", "assistant", "tool", "function"}
# Of a Responses answer: the parameters of its request, which it repeats.
_REPEATED = (
    *(
        "instructions",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "temperature",
        "top_p",
        "text",
        "reasoning",
    ),
    *(
        "max_output_tokens",
        "max_tool_calls",
        "previous_response_id",
        "truncation",
        "prompt_cache_key",
        "user",
    ),
)
_CONFIG = {"system_instruction", "tools", "tool_config", "safety_settings", "cached_content"}
_SNAKE = re.compile(r"(?<=[a-z0-9])_([a-z0-9])")
_OF_SDK = {"sdkHttpResponse", "automaticFunctionCallingHistory", "parsed"}  # no fields of the API
_NAMED_BY_USERS = {"args", "response", "properties", "$defs", "defs", "labels", "default", "example"}
_WHOLE_SCHEMAS = {"parametersJsonSchema", "responseJsonSchema", "responseSchema"}


def whole(asked: Json, answered: Json) -> tuple[str, Object, Json] | None:
    """Return the wire, the request and the response, where both are a provider's own, else None.

    `answered` None is for calls that failed.
    """
    for request, response in _forms(asked, answered):
        wire = claimed(request, None if response is None else json.dumps(response).encode())
        if wire:
            return wire, request, response
    return None


def claimed(request: Object, response: bytes | None) -> str:
    """Return the provider whose wire these bodies speak, empty where none reads them."""
    names = [name for name in providers.registry.names() if name != "openai"]
    for name in (*names, "openai"):
        codec = providers.registry.get(name)
        try:
            if codec.claims(request, response) and codec.decode_request(request).messages:
                return name
        except Unreadable:
            continue
    return ""


def _forms(asked: Json, answered: Json) -> Iterator[tuple[Object, Json]]:
    if not isinstance(answered, dict | None):
        return
    if isinstance(asked, dict) and _is_chat(asked):
        yield asked, _unstreamed(answered)
    elif isinstance(asked, dict) and asked.get("contents") is not None:
        yield _gemini_request(asked), answered and _gemini_answer(answered)
    elif answered and answered.get("object") == "response":
        yield _responses_request(asked, answered), answered


def _is_chat(asked: Object) -> bool:
    messages = asked.get("messages")
    plain = isinstance(messages, list) and all(
        isinstance(one, dict) and one.get("role") in _ROLES for one in messages
    )
    return plain and "model" in asked


def _unstreamed(answered: Object | None) -> Object | None:
    """Instrumentations put a stream together into one body and leave it the name of a chunk."""
    if answered and answered.get("object") == "chat.completion.chunk":
        return answered | {"object": "chat.completion"}
    return answered


def _responses_request(asked: Json, answered: Object) -> Object:
    """Return the request of a Responses answer: its input, and the parameters that the answer repeats."""
    body: Object = {"model": answered.get("model")}
    if isinstance(asked, dict):
        body |= {key: value for key, value in asked.items() if value is not None}
    else:
        body["input"] = asked
    told = {key: answered[key] for key in _REPEATED if key not in body and answered.get(key)}
    return body | {key: value for key, value in told.items() if not _is_empty(value)}


def _is_empty(value: Json) -> bool:
    return isinstance(value, dict) and all(inner is None for inner in value.values())


def _gemini_request(asked: Object) -> Object:
    """Return the body that google-genai sends for the arguments of its `generate_content`."""
    config = asked.get("config") or asked.get("generationConfig") or asked.get("generation_config")
    config = {k: v for k, v in config.items() if v is not None} if isinstance(config, dict) else {}
    body: Object = {"contents": _contents(asked["contents"])}
    body |= {key: config.pop(key) for key in list(config) if key in _CONFIG}
    body |= {key: asked[key] for key in asked if _snake(key) in _CONFIG and asked[key]}
    if "system_instruction" in body:
        body["system_instruction"] = _contents(body["system_instruction"])[0]
    found = _camel(body | ({"generationConfig": config} if config else {}))
    return found if isinstance(found, dict) else {}


def _gemini_answer(answered: Object) -> Object:
    return {key: value for key, value in _camel(answered).items() if key not in _OF_SDK}


def _contents(value: Json) -> Json:
    values = value if isinstance(value, list) else [value]
    return [item if isinstance(item, dict) and "parts" in item else _content(item) for item in values] or [{}]


def _content(item: Json) -> Object:
    return {"role": "user", "parts": [{"text": item} if isinstance(item, str) else item]}


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower()


def _camel(value: Json) -> Json:
    """Write the names of Gemini's fields as its API does; names that users gave stay, and so does nothing."""
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    found: Object = {}
    for key, item in value.items():
        name = _SNAKE.sub(lambda match: match[1].upper(), key)
        if item is not None:
            found[name] = item if name in _NAMED_BY_USERS or name in _WHOLE_SCHEMAS else _camel(item)
    return found
