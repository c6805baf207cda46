"""Parameters of the Messages wire, and the words of Chat Completions for them.

A parameter that does not come back from the chat's words as it was stays as it is, under `native`. What the
chat says and this wire cannot (`seed`, `logprobs`, `n`, penalties, ...) is left out.
"""

from __future__ import annotations

from collections.abc import Callable

from replay.conversation import Json, Object
from replay.jsontext import same
from replay.providers import _native
from replay.providers._anthropic_blocks import WIRE

MAX_TOKENS = 4096  # asked for where a conversation sets no limit: the wire wants one, and all models take it
_EQUAL = ("temperature", "top_p", "top_k", "stream")
_CHOICE = {"auto": "auto", "required": "any", "none": "none"}
_TIER = {"auto": "auto", "default": "standard_only"}
_EFFORT = {"minimal": "low", "none": None}  # the others are called the same
_OUTPUT = "output_config"


def written(params: Object, *, tools: bool = False) -> Object:
    """Return the fields of a request that say the params; `tools` tells whether there are any to choose."""
    own = _native.own(params, WIRE)
    body = _limit(params) | _equal(params) | _stop(params) | _user(params) | _tier(params)
    body |= _choice(params, tools=tools)
    output = _output(params) | _object(own.get(_OUTPUT))
    body |= own | ({_OUTPUT: output} if output else {})
    return {name: value for name, value in body.items() if name != "max_tokens" or value is not None}


def _limit(params: Object) -> Object:
    return {"max_tokens": params.get("max_completion_tokens") or params.get("max_tokens") or MAX_TOKENS}


def _equal(params: Object) -> Object:
    body = {name: params[name] for name in _EQUAL if params.get(name) is not None}
    heat = body.get("temperature")
    warmer = isinstance(heat, int | float) and heat > 1  # the chat's goes up to 2
    return body | {"temperature": 1.0} if warmer else body


def _stop(params: Object) -> Object:
    given = params.get("stop")
    texts = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    stops = [text for text in texts if isinstance(text, str) and text.strip()]  # it takes no blank ones
    return {"stop_sequences": stops} if stops else {}


def _user(params: Object) -> Object:
    return {"metadata": {"user_id": params["user"]}} if isinstance(params.get("user"), str) else {}


def _tier(params: Object) -> Object:
    tier = _TIER.get(str(params.get("service_tier")))
    return {"service_tier": tier} if tier else {}


def _choice(params: Object, *, tools: bool) -> Object:
    parallel = params.get("parallel_tool_calls")
    said = _chosen(params.get("tool_choice") or params.get("function_call"))
    if said is None and parallel is False and tools:
        said = {"type": "auto"}
    if said and said["type"] != "none" and isinstance(parallel, bool):
        said["disable_parallel_tool_use"] = not parallel
    return {"tool_choice": said} if said else {}


def _chosen(choice: Json) -> Object | None:
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        choice = _object(choice.get("allowed_tools")).get("mode", "auto")
    if isinstance(choice, str):
        return {"type": _CHOICE[choice]} if choice in _CHOICE else None
    given = _object(choice)
    name = _object(given.get("function") or given.get("custom") or given).get("name")
    return {"type": "tool", "name": name} if isinstance(name, str) else None


def _output(params: Object) -> Object:
    """Return what of `output_config` the chat has words for: `format` and `effort`."""
    said: Object = {}
    shape = _object(params.get("response_format"))
    schema = _object(shape.get("json_schema")).get("schema")
    if shape.get("type") == "json_schema" and isinstance(schema, dict):
        said["format"] = {"type": "json_schema", "schema": schema}
    effort = params.get("reasoning_effort")
    effort = _EFFORT.get(effort, effort) if isinstance(effort, str) else None
    return said | {"effort": effort} if effort else said


def read(fields: Object) -> Object:
    """Return the params that the fields of a request say."""
    params: Object = {}
    native: Object = {} if "max_tokens" in fields else {"max_tokens": None}
    for name, value in fields.items():
        if name == _OUTPUT and isinstance(value, dict) and value:
            words, rest = _read_output(value)
            params |= words
            native |= {_OUTPUT: rest} if rest else {}
            continue
        said = _READ[name](value) if name in _READ else {}
        back = written(said)
        if said and name in back and same(back[name], value):
            params |= said
        else:
            native[name] = value
    return params | _native.keep(WIRE, native)


def _read_output(config: Object) -> tuple[Object, Object]:
    """Return the chat's words for an `output_config`, and what of it they do not say."""
    shape = {"name": "response", "schema": _object(config.get("format")).get("schema"), "strict": True}
    words: Object = {"response_format": {"type": "json_schema", "json_schema": shape}}
    words |= {"reasoning_effort": config.get("effort")}
    back = _output(words)
    kept = {"response_format": "format", "reasoning_effort": "effort"}
    told = {key for key in config if key in back and same(back[key], config[key])}
    words = {word: words[word] for word, key in kept.items() if key in told}
    return words, {key: value for key, value in config.items() if key not in told}


def _read_choice(choice: Json) -> Object:
    given = _object(choice)
    words = {native: word for word, native in _CHOICE.items()}
    if given.get("type") == "tool":
        said: Object = {"tool_choice": {"type": "function", "function": {"name": given.get("name")}}}
    else:
        said = {"tool_choice": words.get(str(given.get("type")))}
    alone = given.get("disable_parallel_tool_use")
    return said | {"parallel_tool_calls": not alone} if isinstance(alone, bool) else said


def _read_tier(tier: Json) -> Object:
    return {"service_tier": {native: word for word, native in _TIER.items()}.get(str(tier))}


def _object(value: Json) -> Object:
    return value if isinstance(value, dict) else {}


_READ: dict[str, Callable[[Json], Object]] = {
    "max_tokens": lambda value: {"max_completion_tokens": value} if type(value) is int else {},
    "temperature": lambda value: {"temperature": value},
    "top_p": lambda value: {"top_p": value},
    "top_k": lambda value: {"top_k": value},
    "stream": lambda value: {"stream": value},
    "stop_sequences": lambda value: {"stop": value},
    "metadata": lambda value: {"user": _object(value).get("user_id")},
    "service_tier": _read_tier,
    "tool_choice": _read_choice,
}
