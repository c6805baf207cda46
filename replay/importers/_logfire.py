"""Logfire's own attributes beside OpenTelemetry's: bodies as they were sent, and events kept as an attribute.

`request_data` is the body of a call through an SDK's integration, `response_data` its message and usage
(https://logfire.pydantic.dev/docs/integrations/llms/openai/); `events` and `all_messages_events` are lists of
what are events in OpenTelemetry (https://ai.pydantic.dev/logfire/#using-opentelemetry).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from replay.conversation import Json, Object
from replay.importers._attributes import get, tree
from replay.importers._gen_ai import reasons
from replay.importers._generation import Generation, choices
from replay.importers._inputs import requested
from replay.importers._messages import chat
from replay.importers._params import params, tools
from replay.importers._spans import Event


def events(attributes: Object) -> list[Event]:
    """Return the events that stand in an attribute."""
    found = tree(attributes, "events", "all_messages_events")
    items = found if isinstance(found, list) else []
    return [
        Event(str(item.get("event.name") or ""), body=_body(item)) for item in items if isinstance(item, dict)
    ]


def _body(item: Object) -> Object:
    beside = ("event.name", "gen_ai.message.index", "gen_ai.system")
    return {key: value for key, value in item.items() if key not in beside}


def offered(call: Generation, attributes: Object, wire: str) -> Generation:
    """Add the tools and the schema that pydantic-ai keeps in `model_request_parameters`."""
    asked = tree(attributes, "model_request_parameters")
    if not isinstance(asked, dict):
        return call
    listed: list[Any] = [
        tool
        for key in ("function_tools", "output_tools")
        for tool in asked.get(key) or ()
        if isinstance(tool, dict)
    ]
    flat = [
        {
            "name": tool.get("name"),
            "description": tool.get("description"),
            "parameters": tool.get("parameters_json_schema"),
            "strict": tool.get("strict"),
        }
        for tool in listed
    ]
    output = asked.get("output_object")
    schema = (
        output.get("json_schema")
        if isinstance(output, dict) and asked.get("output_mode") == "native"
        else None
    )
    format_ = params({"response_schema": schema}) if isinstance(schema, dict) else {}
    return replace(call, tools=call.tools or tools(flat, wire), params=format_ | call.params)


def content(call: Generation, attributes: Object, wire: str) -> Generation | None:
    """Return a call as `request_data` and `response_data` have it, None where they are not there."""
    asked, answered = tree(attributes, "request_data"), tree(attributes, "response_data")
    if not isinstance(asked, dict) or not asked.keys() & {"messages", "contents", "input", "prompt"}:
        return None
    request = requested(asked, wire)
    said = _said(answered)
    return replace(
        call,
        messages=request.messages,
        tools=request.tools,
        params=call.params | request.params,
        choices=choices(chat(said, "assistant", wire), reasons(attributes)) if said else [],
    )


def _said(answered: Json) -> Json:
    if not isinstance(answered, dict):
        return None
    message = answered.get("message")
    if isinstance(message, dict):
        return {"role": "assistant"} | message
    words = get(answered, "combined_chunk_content", "text")
    return {"role": "assistant", "content": words} if isinstance(words, str) else None
