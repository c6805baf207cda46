"""The parameters of a request: generationConfig, toolConfig, and what stands beside them.

https://ai.google.dev/api/generate-content#generationconfig. What has no common word, or is not exactly what
the common word is written as, stays in Gemini's own words under `native`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from replay.conversation import Json, Object
from replay.providers import _native
from replay.providers._gemini_schema import FIELD, TYPES, read_schema, write_schema
from replay.providers._gemini_words import SPELLING, WIRE, beyond, completed, in_camel

_NUMBERS = {
    "candidateCount": "n",
    "frequencyPenalty": "frequency_penalty",
    "logprobs": "top_logprobs",
    "maxOutputTokens": "max_completion_tokens",
    "presencePenalty": "presence_penalty",
    "seed": "seed",
    "temperature": "temperature",
    "topK": "top_k",
    "topP": "top_p",
}
_MODES = {"AUTO": "auto", "ANY": "required", "NONE": "none"}
_MODALITIES = ("TEXT", "AUDIO")
_EFFORTS = ("minimal", "low", "medium", "high")
# How many tokens Gemini 2.5 may think for an effort: https://ai.google.dev/gemini-api/docs/openai#thinking
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
_UNTHINKING = re.compile(r"gemini-(?:1|2\.0)")
_TIERS = ("flex", "priority", "standard")
_JSON, _TEXT = "application/json", "text/plain"
_FIELDS = ("responseSchema", "responseJsonSchema")


def read(raw: Object, snake: set[str]) -> Object:
    """Return the params that a request's body gives, without its contents and tools.

    `snake` are the other fields of the body that are spelled so.
    """
    snake = set(snake)
    body = in_camel(raw, snake)
    params: Object = {}
    notes: Object = {}
    for name, value, noted in _words(body):
        if beyond(body, _written(params | {name: value}, notes | noted)) is not None:
            params[name] = value
            notes |= noted
    rest = beyond(body, _written(params, notes)) or {}
    spelling = {SPELLING: sorted(snake)} if snake else {}
    return params | _native.keep(WIRE, notes | rest | spelling)


def write(params: Object, model: str) -> Object:
    """Return the fields of a body that give these params: the inverse of `read`."""
    own = _native.own(params, WIRE)
    rest = {name: value for name, value in own.items() if name not in (FIELD, TYPES)}
    return completed(_written(params, own, model), _native.keep(WIRE, rest))


def _words(body: Object) -> Iterator[tuple[str, Json, Object]]:
    """Yield what may be said in common words: `(name, value, notes)`."""
    config = _mapping(body.get("generationConfig"))
    for field, name in _NUMBERS.items():
        if isinstance(config.get(field), int | float):
            yield name, config[field], {}
    if isinstance(config.get("responseLogprobs"), bool):
        yield "logprobs", config["responseLogprobs"], {}
    if _texts(config.get("stopSequences")):
        yield "stop", config["stopSequences"], {}
    if _texts(config.get("responseModalities")):
        yield "modalities", [name.lower() for name in config["responseModalities"]], {}
    if (effort := _mapping(config.get("thinkingConfig")).get("thinkingLevel")) in _EFFORTS:
        yield "reasoning_effort", effort, {}
    yield from _formats(config)
    yield from _choices(_mapping(_mapping(body.get("toolConfig")).get("functionCallingConfig")))
    if body.get("serviceTier") in _TIERS:
        yield "service_tier", body["serviceTier"], {}


def _formats(config: Object) -> Iterator[tuple[str, Json, Object]]:
    found = read_schema(config, _FIELDS)
    if found:
        schema, notes = found
        body = {"name": "response", "schema": schema}
        yield "response_format", {"type": "json_schema", "json_schema": body}, notes
    elif config.get("responseMimeType") in (_JSON, _TEXT):
        kind = "json_object" if config["responseMimeType"] == _JSON else "text"
        yield "response_format", {"type": kind}, {}


def _choices(calling: Object) -> Iterator[tuple[str, Json, Object]]:
    word = _MODES.get(str(calling.get("mode")))
    if word and "allowedFunctionNames" not in calling:
        yield "tool_choice", word, {}
    elif word == "required" and _texts(calling["allowedFunctionNames"]):
        tools = [{"type": "function", "function": {"name": name}} for name in calling["allowedFunctionNames"]]
        several = {"type": "allowed_tools", "allowed_tools": {"mode": word, "tools": tools}}
        yield "tool_choice", tools[0] if len(tools) == 1 else several, {}


def _written(params: Object, notes: Object, model: str = "") -> Object:
    config = {field: params.get(name) for field, name in _NUMBERS.items()}
    if config["maxOutputTokens"] is None:
        config["maxOutputTokens"] = params.get("max_tokens")
    stop = params.get("stop")
    config |= {
        "responseLogprobs": params.get("logprobs"),
        "stopSequences": [stop] if isinstance(stop, str) else stop,
        "responseModalities": _modalities(params.get("modalities")),
        "thinkingConfig": _thinking(params.get("reasoning_effort"), model),
    }
    config |= _format(_mapping(params.get("response_format")), notes)
    config = {name: value for name, value in config.items() if value is not None}
    calling = _calling(params.get("tool_choice"))
    body: Object = {"generationConfig": config} if config else {}
    body |= {"toolConfig": {"functionCallingConfig": calling}} if calling else {}
    tier = params.get("service_tier")
    return body | ({"serviceTier": tier} if tier in _TIERS else {})


def _modalities(wanted: Json) -> list[str] | None:
    names = [str(name).upper() for name in wanted] if isinstance(wanted, list) else []
    return names if names and set(names) <= set(_MODALITIES) else None


def _thinking(effort: Json, model: str) -> Object | None:
    """How hard to think: Gemini 2.5 takes a number of tokens, later ones a level."""
    if "gemini-2.5" in model:
        budget = _BUDGETS.get(str(effort))
        return None if budget is None else {"thinkingBudget": budget}
    return {"thinkingLevel": effort} if effort in _EFFORTS and not _UNTHINKING.search(model) else None


def _format(wanted: Object, notes: Object) -> Object:
    kind, body = wanted.get("type"), _mapping(wanted.get("json_schema"))
    if kind == "text":
        return {"responseMimeType": _TEXT}
    if kind not in ("json_object", "json_schema"):
        return {}
    schema = _mapping(body.get("schema"))
    return {"responseMimeType": _JSON} | (write_schema(schema, _FIELDS, notes) if schema else {})


def _calling(choice: Json) -> Object:
    if isinstance(choice, str):
        return next(({"mode": mode} for mode, word in _MODES.items() if word == choice), {})
    allowed = _mapping(_mapping(choice).get("allowed_tools"))
    tools = allowed.get("tools") if allowed else [choice]
    functions = [_mapping(_mapping(tool).get("function")) for tool in _list(tools)]
    names = [function["name"] for function in functions if function.get("name")]
    return {"mode": "ANY", "allowedFunctionNames": names} if names else {}


def _texts(value: Json) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _mapping(value: Json) -> Object:
    return value if isinstance(value, dict) else {}
