"""OpenTelemetry's attributes and events of calls to models, of all their generations.

- `gen_ai.input.messages`, `gen_ai.output.messages`, `gen_ai.system_instructions`, `gen_ai.tool.definitions`
  (1.37 and newer; on a span, or on the event `gen_ai.client.inference.operation.details`):
  https://github.com/open-telemetry/semantic-conventions-genai
- an event for each message (before 1.37): `gen_ai.user.message`, `gen_ai.choice`, ...:
  https://github.com/open-telemetry/semantic-conventions/blob/v1.36.0/docs/gen-ai/gen-ai-events.md
- `gen_ai.prompt` and `gen_ai.completion` as events (before 1.28)
- OpenLLMetry's `gen_ai.prompt.0.content`, `gen_ai.completion.0...`, `llm.request.functions.0...`:
  https://github.com/traceloop/openllmetry/tree/main/packages/opentelemetry-semantic-conventions-ai
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from replay.conversation import Json, Object
from replay.importers._attributes import branch, get, text, tree, under
from replay.importers._generation import Generation, choices, usage
from replay.importers._messages import chat
from replay.importers._params import params, tools
from replay.importers._parts import NotCaptured
from replay.importers._spans import Event

DETAILS = "gen_ai.client.inference.operation.details"
_MESSAGES = {f"gen_ai.{role}.message": role for role in ("system", "developer", "user", "assistant", "tool")}
_CHOICE = "gen_ai.choice"
_WHOLE = {"gen_ai.content.prompt": "gen_ai.prompt", "gen_ai.content.completion": "gen_ai.completion"}
EVENTS = {*_MESSAGES, _CHOICE, DETAILS, *_WHOLE}
_INPUT = ("gen_ai.input.messages", "gen_ai.input_messages")
_OUTPUT = ("gen_ai.output.messages", "gen_ai.output_messages")
_SYSTEM = ("gen_ai.system_instructions", "gen_ai.system.instructions")
_TOOLS = ("gen_ai.tool.definitions", "gen_ai.request.tools", "gen_ai.tool_definitions")


def facts(attributes: Object) -> Generation:
    """Return what the attributes say beside the content: who was asked, with which parameters, ..."""
    server, port = text(attributes, "server.address"), get(attributes, "server.port")
    return Generation(
        params=_params(attributes),
        usage=_usage(attributes),
        model=text(attributes, "gen_ai.request.model", "llm.request.model"),
        served=text(attributes, "gen_ai.response.model"),
        id=text(attributes, "gen_ai.response.id", "gen_ai.completion.id"),
        provider=text(attributes, "gen_ai.provider.name", "gen_ai.system"),
        address=text(attributes, "gen_ai.openai.api_base") or _address(server, port),
        thread=text(attributes, "gen_ai.conversation.id", "session.id", "langfuse.session.id", "thread.id"),
    )


def _address(server: str, port: Json) -> str:
    if "." not in server and server != "localhost" and ":" not in server:
        return ""  # "Unknown" is what some frameworks write
    return f"{server}:{port}" if port and str(port) != "443" else server


def _params(attributes: Object) -> Object:
    found = params(
        under(attributes, "gen_ai.request.", "llm.request.", "gen_ai.openai.request.", "openai.request.")
    )
    older = {"presence_penalty": "llm.presence_penalty", "frequency_penalty": "llm.frequency_penalty"}
    older |= {"top_k": "llm.top_k", "stop": "llm.chat.stop_sequences", "user": "gen_ai.user"}
    older |= {"stream": "gen_ai.is_streaming", "reasoning_effort": "gen_ai.request.reasoning_effort"}
    found = params({word: get(attributes, name) for word, name in older.items()}) | found
    return {key: value for key, value in found.items() if not (key == "stream" and value is False)}


def _usage(attributes: Object) -> Object:
    at = "gen_ai.usage."
    return usage(
        get(attributes, f"{at}input_tokens", f"{at}prompt_tokens"),
        get(attributes, f"{at}output_tokens", f"{at}completion_tokens"),
        get(attributes, f"{at}total_tokens", "llm.usage.total_tokens"),
        get(
            attributes,
            f"{at}cache_read.input_tokens",
            f"{at}cache_read_input_tokens",
            f"{at}input_tokens.cached",
        ),
        get(
            attributes,
            f"{at}reasoning.output_tokens",
            f"{at}reasoning_tokens",
            f"{at}output_tokens.reasoning",
        ),
    )


def reasons(attributes: Object) -> list[Any]:
    """Return the reasons why the choices ended."""
    found = tree(
        attributes,
        "gen_ai.response.finish_reasons",
        "gen_ai.response.finish_reason",
        "llm.response.finish_reason",
    )
    return found if isinstance(found, list) else [found] if found else []


def content(call: Generation, attributes: Object, events: Sequence[Event], wire: str) -> Generation | None:
    """Return a call with its messages, tools and choices, None where none of these conventions says them.

    Raises ValueError for what is cut or no message.
    """
    for event in events:
        if event.name == DETAILS:
            attributes = attributes | event.attributes
    if get(attributes, *_INPUT, *_OUTPUT) is not None:
        return _newest(call, attributes, wire)
    if any(event.name in _MESSAGES or event.name == _CHOICE for event in events):
        return _of_events(call, attributes, events, wire)
    return _oldest(call, attributes, events, wire)


def _newest(call: Generation, attributes: Object, wire: str) -> Generation:
    system = chat(_system(tree(attributes, *_SYSTEM)), "system", wire)
    asked = chat(tree(attributes, *_INPUT), "user", wire)
    output = tree(attributes, *_OUTPUT)
    own = (
        [item.get("finish_reason") for item in output if isinstance(item, dict)]
        if isinstance(output, list)
        else []
    )
    many = len(own) > 1 and (len(reasons(attributes)) == len(own) or all(own))
    return replace(
        call,
        messages=asked if _begins(asked, system) else system + asked,
        tools=tools(tree(attributes, *_TOOLS), wire),
        choices=choices(chat(output, "assistant", wire), _either(own, attributes), many=many),
    )


def _begins(messages: list[Object], system: list[Object]) -> bool:
    """Tell whether the system's instructions are among the messages as well."""
    first = messages[0] if messages else {}
    return bool(system) and (first.get("role"), first.get("content")) == ("system", system[0].get("content"))


def _either(own: list[Any], attributes: Object) -> list[Any]:
    """Return the reasons that choices say themselves, else those that the attributes say."""
    return [one or other for one, other in zip_longest(own, reasons(attributes))]


def _system(value: Json) -> Json:
    """System instructions are parts without a message around them."""
    return {"role": "system", "parts": value} if isinstance(value, list) and value else value or None


def _of_events(call: Generation, attributes: Object, events: Iterable[Event], wire: str) -> Generation:
    messages: list[Object] = []
    answers: list[tuple[Object, Json]] = []
    for event in events:
        body = _body(event)
        if event.name == _CHOICE:
            answers.append(_choice(body, wire))
        elif event.name in _MESSAGES:
            role = _MESSAGES[event.name]
            if role != "assistant" and body.get("content") is None:
                raise NotCaptured
            messages += chat({"role": role} | body, role, wire)
    return replace(
        call,
        messages=messages,
        tools=tools(tree(attributes, *_TOOLS), wire),
        choices=choices(
            [message for message, _ in answers],
            _either([reason for _, reason in answers], attributes),
            many=True,
        ),
    )


def _body(event: Event) -> Object:
    """Return an event's body; in spans, where events have none, its attributes (JSON in text is read)."""
    if isinstance(event.body, dict):
        return event.body
    if isinstance(event.body, str) and event.body[:1] == "{":
        found = tree({"body": event.body}, "body")
        return found if isinstance(found, dict) else {}
    names = (
        "content",
        "role",
        "tool_calls",
        "id",
        "name",
        "index",
        "finish_reason",
        "message",
        "tool_call_id",
    )
    said = {name: get(event.attributes, name, f"gen_ai.event.{name}") for name in names}
    plain = {
        name: tree(said, name) if name in ("tool_calls", "message") else value for name, value in said.items()
    }
    return {name: value for name, value in plain.items() if value is not None}


def _choice(body: Object, wire: str) -> tuple[Object, Json]:
    said = body.get("message")
    said = {"content": said} if isinstance(said, str) else said if isinstance(said, dict) else body
    said = {key: value for key, value in said.items() if key not in ("index", "finish_reason")}
    if "tool_calls" in body:
        said = {"tool_calls": body["tool_calls"]} | said
    message = chat({"role": "assistant", "content": None} | said, "assistant", wire)[-1]
    return message, body.get("finish_reason")


def _oldest(call: Generation, attributes: Object, events: Iterable[Event], wire: str) -> Generation | None:
    found: Object = {}
    for event in events:
        if event.name in _WHOLE:
            found[_WHOLE[event.name]] = tree(event.attributes, _WHOLE[event.name])
    prompt = found.get("gen_ai.prompt", branch(attributes, "gen_ai.prompt"))
    answer = found.get("gen_ai.completion", branch(attributes, "gen_ai.completion"))
    if prompt is None and answer is None:
        return None
    answers = [item for item in answer if isinstance(item, dict)] if isinstance(answer, list) else []
    said = (
        [chat(_unfolded(item), "assistant", wire)[-1] for item in answers]
        if answers
        else chat(answer, "assistant", wire)
    )
    return replace(
        call,
        messages=chat(
            [_unfolded(item) for item in prompt] if isinstance(prompt, list) else prompt, "user", wire
        ),
        tools=tools(branch(attributes, "llm.request.functions") or tree(attributes, *_TOOLS), wire),
        choices=choices(
            said, _either([item.get("finish_reason") for item in answers], attributes), many=True
        ),
    )


def _unfolded(item: Json) -> Json:
    """OpenLLMetry writes content that is no text as JSON."""
    if not isinstance(item, dict):
        return item
    content = item.get("content")
    if isinstance(content, str) and content[:2] in ("[{", "[ ") and '"type"' in content:
        item = item | {"content": tree(item, "content")}
    return {key: value for key, value in item.items() if key != "finish_reason"}
