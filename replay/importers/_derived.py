"""Calls that a log keeps without the bodies that went over the wire, in the form of Chat Completions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from replay import providers
from replay.conversation import Json, Object
from replay.importers import Logged
from replay.importers._exchange import iso, when_was
from replay.importers._records import as_bytes, given

# What other tools call the providers that have a wire of their own. https://docs.litellm.ai/docs/providers
_OWN = {
    "anthropic": "anthropic",
    "bedrock": "bedrock",
    "bedrock_converse": "bedrock",
    "aws": "bedrock",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "gemini": "gemini",
    "google": "gemini",
    "vertex_ai": "gemini",
    "ollama": "ollama",
    "ollama_chat": "ollama",
}


def chat(path: str, place: str, request: Object, answer: Object | None, derived: str, **more: Any) -> Logged:
    """Return a call whose bodies an importer has put into the form of Chat Completions."""
    return Logged(
        path,
        place,
        request=as_bytes(request),
        status=None if answer is None else 200,
        response=None if answer is None else as_bytes(answer),
        wire="openai",
        derived=derived,
        **more,
    )


def said(message: Object, finish_reason: Any = None, usage: Any = None, **more: Any) -> Object:
    """Return the body of an answer that says this; what is None was not logged and is left out."""
    choice = given({"index": 0, "message": message, "finish_reason": finish_reason})
    return given({"object": "chat.completion", **more, "choices": [choice], "usage": usage})


def turns(
    path: str, place: str, messages: list[Object], asked: Object, derived: str, **more: Any
) -> Iterator[Logged]:
    """Yield one call for each assistant message of a whole conversation: what came before it, and it.

    Their place is `<place>, turn 1`, ...; they share `thread`, which is the place where `more` names none.
    """
    more = {"thread": place} | more
    answers = [number for number, message in enumerate(messages) if message.get("role") == "assistant"]
    for turn, number in enumerate(answers, 1):
        request = asked | {"messages": messages[:number]}
        yield chat(path, f"{place}, turn {turn}", request, said(messages[number]), derived, **more)
    if not answers:
        yield Logged(path, place, refused="no assistant message is kept")


def tool_call(name: str, arguments: Json, key: str | None) -> Object:
    """Return a tool call; arguments that a log keeps as JSON, not as the model's own text, become text."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"id": key or "", "type": "function", "function": {"name": name, "arguments": text}}


def origin(name: Any = None, when: Any = None, **more: Any) -> dict[str, Any]:
    """Return `source` and `at` of a call: its id in the log and when it was asked, where they are known."""
    moment = when_was(when)
    source = {"id": name, "recorded_at": iso(moment) if moment else None, **more}
    return {
        "source": {key: value for key, value in source.items() if value},
        "at": moment.timestamp() if moment else None,
    }


def asked_of(name: str, address: str, model: str) -> dict[str, Any]:
    """Return `provider`, `settings` and `notes` of a call that another tool says went to `name` at `address`.

    Where that is neither a provider we have nor an address to reach it at, OpenAI stands in for it, and a
    note says so.
    """
    name = name.lower()
    own = _OWN.get(name)
    if own in providers.registry.names():
        return {"provider": own}
    if not own and address.startswith("http") and (there := _at(address.rstrip("/"), model)):
        return there
    stands_in = f"it was asked of {name}; openai stands in for it"
    return {"provider": "openai", "notes": (stands_in,) if name not in ("", "openai") else ()}


def _at(address: str, model: str) -> dict[str, Any]:
    """Tell the provider by an address of any length: a host, a base URL or the call's own."""
    deployment = f"{address}/openai/deployments/{model}/chat/completions"
    for provider, urls in (
        ("azure", (address, deployment if ".azure.com" in address else "")),
        ("openai", (address, f"{address}/chat/completions")),
        ("openai_compatible", (address, f"{address}/chat/completions")),
    ):
        for url in filter(None, urls):
            if place := providers.registry.get(provider).place("POST", url):
                return {"provider": provider, "settings": place.settings}
    return {}
