"""OpenInference's attributes of a call to a model.

https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from replay.conversation import Json, Object
from replay.importers._attributes import branch, get, text, tree
from replay.importers._generation import Generation, choices, usage
from replay.importers._messages import chat
from replay.importers._params import params, tools

KIND = "openinference.span.kind"


def facts(call: Generation, attributes: Object) -> Generation:
    """Add to a call what these attributes say beside its content."""
    at = "llm.token_count."
    counts = usage(
        get(attributes, f"{at}prompt"),
        get(attributes, f"{at}completion"),
        get(attributes, f"{at}total"),
        get(attributes, f"{at}prompt_details.cache_read"),
        get(attributes, f"{at}completion_details.reasoning"),
    )
    given = _invocation(attributes)
    named = given.get("model") or given.get("model_name")
    served = text(attributes, "llm.response.model_name", "llm.model_name")
    return replace(
        call,
        model=call.model
        or text(attributes, "llm.request.model_name")
        or (named if isinstance(named, str) else "")
        or served,
        served=call.served or served,
        provider=call.provider or text(attributes, "llm.provider", "llm.system"),
        usage=call.usage | counts,
        params=params(given) | call.params,
        thread=call.thread or text(attributes, "session.id"),
    )


def _invocation(attributes: Object) -> Object:
    try:
        given = tree(attributes, "llm.invocation_parameters")
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def content(call: Generation, attributes: Object, wire: str) -> Generation | None:
    """Return a call with its messages, tools and choices, None where these attributes do not say them."""
    asked = branch(attributes, "llm.input_messages")
    asked = _prompts(branch(attributes, "llm.prompts")) if asked is None else asked
    if asked is None:
        return None
    answered = branch(attributes, "llm.output_messages")
    reason = get(attributes, "llm.finish_reason", "gen_ai.response.finish_reasons")
    given = _invocation(attributes)
    return replace(
        call,
        messages=chat(asked, "user", wire),
        tools=tools(_schemas(branch(attributes, "llm.tools")), wire) or tools(given.get("tools"), wire),
        choices=choices(chat(answered, "assistant", wire), [reason] if isinstance(reason, str) else []),
    )


def _prompts(items: Json) -> Json:
    """Return the texts of completions that are not chat: `llm.prompts.0.prompt.text`."""
    if not isinstance(items, list):
        return None
    inner: list[Any] = [item.get("prompt", item) for item in items if isinstance(item, dict)]
    return [item.get("text", "") if isinstance(item, dict) else item for item in inner]


def _schemas(items: Json) -> Json:
    if not isinstance(items, list):
        return []
    found: list[Any] = [
        get(item, "tool.json_schema", "json_schema") for item in items if isinstance(item, dict)
    ]
    return [item for item in found if item is not None]
