"""The attributes of the Vercel AI SDK: https://ai-sdk.dev/docs/ai-sdk-core/telemetry#collected-data.

`ai.generateText.doGenerate` and its like are calls to a model; `ai.generateText` wraps them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from replay.conversation import Json, Object
from replay.importers._attributes import branch, get, text, tree, under
from replay.importers._generation import Generation, choices, usage
from replay.importers._messages import chat
from replay.importers._params import params, tools


def facts(call: Generation, attributes: Object) -> Generation:
    """Add to a call what these attributes say beside its content."""
    at = "ai.usage."
    counts = usage(
        get(attributes, f"{at}inputTokens", f"{at}promptTokens"),
        get(attributes, f"{at}outputTokens", f"{at}completionTokens"),
        get(attributes, f"{at}totalTokens", f"{at}tokens"),
        get(attributes, f"{at}cachedInputTokens", f"{at}inputTokenDetails.cacheReadTokens"),
        get(attributes, f"{at}reasoningTokens", f"{at}outputTokenDetails.reasoningTokens"),
    )
    return replace(
        call,
        model=call.model or text(attributes, "ai.model.id"),
        served=call.served or text(attributes, "ai.response.model"),
        id=call.id or text(attributes, "ai.response.id"),
        provider=text(attributes, "ai.model.provider") or call.provider,
        usage=call.usage | counts,
        params=params(under(attributes, "ai.settings.")) | call.params | _params(attributes),
        thread=call.thread
        or text(attributes, "ai.telemetry.metadata.sessionId", "ai.telemetry.metadata.threadId"),
    )


def _params(attributes: Object) -> Object:
    found = params({"tool_choice": get(attributes, "ai.prompt.toolChoice"), "schema": None})
    schema = tree(attributes, "ai.schema")
    stream = {"stream": True} if text(attributes, "ai.operationId").endswith(".doStream") else {}
    return found | params({"response_schema": schema} if isinstance(schema, dict) else {}) | stream


def content(call: Generation, attributes: Object, wire: str) -> Generation | None:
    """Return a call with its messages, tools and choice, None where these attributes do not say them."""
    asked = tree(attributes, "ai.prompt.messages") or _prompt(tree(attributes, "ai.prompt"))
    if asked is None:
        return None
    reason = text(attributes, "ai.response.finishReason", "ai.finishReason")
    said = _said(attributes, wire)
    return replace(
        call,
        messages=chat(asked, "user", wire),
        tools=tools(branch(attributes, "ai.prompt.tools"), wire),
        choices=choices([said], [reason]) if said else [],
    )


def _prompt(prompt: Json) -> Json:
    """Return the messages of `{system, prompt | messages}`."""
    if not isinstance(prompt, dict):
        return prompt
    system = [{"role": "system", "content": prompt["system"]}] if prompt.get("system") else []
    rest = prompt.get("messages") or prompt.get("prompt")
    return [*system, *(rest if isinstance(rest, list) else [rest] if rest else [])] or None


def _said(attributes: Object, wire: str) -> Object | None:
    words = get(attributes, "ai.response.text", "ai.result.text", "ai.response.object", "ai.result.object")
    calls: Any = tree(attributes, "ai.response.toolCalls", "ai.result.toolCalls")
    thought = get(attributes, "ai.response.reasoning")
    if words is None and not calls and not thought:
        return None
    pieces: list[Any] = (
        [{"type": "reasoning", "text": thought}] if isinstance(thought, str) and thought else []
    )
    pieces += [{"type": "text", "text": words}] if words is not None else []
    pieces += calls if isinstance(calls, list) else []
    pieces = [
        piece | {"type": "tool-call"} if "toolCallId" in piece else piece
        for piece in pieces
        if isinstance(piece, dict)
    ]
    return chat({"role": "assistant", "content": pieces}, "assistant", wire)[-1]
