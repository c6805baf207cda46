"""Parameters of the Responses wire, and the words of Chat Completions for them.

What only this wire can say is kept by its name under `native`, as the fields that it has on the wire.
"""

from __future__ import annotations

from replay.conversation import Json, Object
from replay.providers import _native
from replay.providers._responses_parts import WIRE

_SAME = (
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "stream",
    "temperature",
    "top_logprobs",
    "top_p",
    "user",
)
_LOGPROBS = "message.output_text.logprobs"


def read(body: Object) -> Object:
    """Return the params that a body says (without its messages and tools)."""
    own = dict(body)
    params = {name: own.pop(name) for name in _SAME if own.get(name) is not None}
    if own.get("max_output_tokens") is not None:
        params["max_completion_tokens"] = own.pop("max_output_tokens")
    if (choice := _choice(own.get("tool_choice"))) is not None:
        params["tool_choice"] = choice
        del own["tool_choice"]
    match own.get("reasoning"):
        case {"effort": str(effort), **rest}:
            params["reasoning_effort"] = effort
            _leave(own, "reasoning", rest)
    match own.get("text"):
        case {"verbosity": str(verbosity), **rest}:
            params["verbosity"] = verbosity
            _leave(own, "text", rest)
    match own.get("text"):
        case {"format": dict(said), **rest} if form := _format(said):
            params["response_format"] = form
            _leave(own, "text", rest)
    match own.get("include"):
        case [*names] if _LOGPROBS in names:
            params["logprobs"] = True
            _leave(own, "include", names if names != [_LOGPROBS] else [])
    return params | _native.keep(WIRE, own)


def written(params: Object) -> Object:
    """Return the fields of a body that say these params: the inverse of `read`."""
    own = _native.own(params, WIRE)
    body = {name: params[name] for name in _SAME if name in params}
    limit = params.get("max_completion_tokens", params.get("max_tokens"))
    said = {
        "max_output_tokens": limit,
        "tool_choice": _chosen(params.get("tool_choice")),
        "reasoning": _merged(own.get("reasoning"), effort=params.get("reasoning_effort")),
        "text": _merged(
            own.get("text"), verbosity=params.get("verbosity"), format=_formed(params.get("response_format"))
        ),
        "include": _included(own.get("include"), params.get("logprobs")),
    }
    return body | own | {name: value for name, value in said.items() if value is not None}


def _leave(own: Object, name: str, rest: Json) -> None:
    """Keep what is left of a field, if anything is."""
    own[name] = rest
    if not rest:
        del own[name]


def _merged(own: Json, **more: Json) -> Object | None:
    said = {name: value for name, value in more.items() if value is not None}
    return (own if isinstance(own, dict) else {}) | said if said else None


def _included(own: Json, logprobs: Json) -> list[Json] | None:
    names = own if isinstance(own, list) else []
    return [*names, _LOGPROBS] if logprobs is True and _LOGPROBS not in names else None


def _format(said: Object) -> Object | None:
    """A format of `text` as a response_format; None for one that Chat Completions does not have."""
    match said:
        case {"type": "json_schema", "name": _, "schema": _, **rest}:
            return {"type": "json_schema", "json_schema": _without_type(said) | rest}
        case {"type": "text" | "json_object"} if len(said) == 1:
            return dict(said)
    return None


def _formed(form: Json) -> Object | None:
    match form:
        case {"type": "json_schema", "json_schema": dict(schema)}:
            return {"type": "json_schema", "name": "response"} | _without_type(schema)
        case {"type": "text" | "json_object"} if len(form) == 1:
            return dict(form)
    return None


def _without_type(data: Object) -> Object:
    return {key: value for key, value in data.items() if key != "type"}


def _choice(said: Json) -> Json:
    """A tool_choice as Chat Completions nests it; None for one that it does not have."""
    match said:
        case str():
            return said
        case {"type": "function" | "custom" as kind, "name": str(name)} if len(said) == 2:
            return {"type": kind, kind: {"name": name}}
        case {"type": "allowed_tools", "mode": str(mode), "tools": [*tools]} if len(said) == 3:
            nested = [_choice(tool) if isinstance(tool, dict) else None for tool in tools]
            return (
                None
                if None in nested
                else {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": nested}}
            )
    return None


def _chosen(choice: Json) -> Json:
    match choice:
        case str():
            return choice
        case {"type": "function", "function": {"name": str(name)}}:
            return {"type": "function", "name": name}
        case {"type": "custom", "custom": {"name": str(name)}}:
            return {"type": "custom", "name": name}
        case {"type": "allowed_tools", "allowed_tools": {"mode": str(mode), "tools": [*tools]}}:
            return {
                "type": "allowed_tools",
                "mode": mode,
                "tools": [said for tool in tools if (said := _chosen(tool))],
            }
    return None
