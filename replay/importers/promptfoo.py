"""promptfoo: configurations, whose requests are still to be recorded, and results (`promptfoo eval -o`).

Its assertions become ours where they mean the same; the others are named. A result holds the prompt and the
text of the answer, not the bodies. https://www.promptfoo.dev/docs/configuration/reference/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from replay import documents
from replay.conversation import Json, Object
from replay.errors import BadInput
from replay.importers import Logged, _derived, _lines
from replay.importers._promptfoo_assertions import carried
from replay.importers._promptfoo_config import planned
from replay.importers._records import ODD, each, some
from replay.jsontext import parse

DERIVED = "promptfoo keeps the prompt and the text of the answer, not bodies"
_CONFIG = re.compile(rb"^(prompts|providers|targets|tests|defaultTest)\s*:", re.MULTILINE)
# promptfoo's names of providers whose wire is not the one of Chat Completions, by ours.
_PROVIDERS = {"anthropic": "anthropic", "google": "gemini", "vertex": "gemini", "bedrock": "bedrock"}
_OPTIONS = (
    "frequency_penalty",
    "max_completion_tokens",
    "max_tokens",
    "parallel_tool_calls",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "stop",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
)


def sniff(head: bytes) -> bool:
    """Tell a configuration by its keys, results by theirs."""
    if head.lstrip()[:1] == b"{":
        return b'"evalId"' in head or (b'"testCase"' in head and b'"provider"' in head)
    return len({found[1] for found in _CONFIG.finditer(head)}) >= 2


def read(path: Path) -> Iterator[Logged]:
    """Yield every request of a configuration (`test 2`), or every result (`item 5`)."""
    if _lines.head(path).lstrip()[:1] == b"{":
        return each(path, _result, "results.results", "results")
    return _configured(path)


def _configured(path: Path) -> Iterator[Logged]:
    try:
        config: Any = documents.read(path).data
        for plan in planned(path, config):
            asked = _asked(plan.prompt, plan.provider)
            known = _known(plan.provider, plan.asserted, plan.test)
            yield _derived.chat(str(path), plan.place, asked, None, "", **known)
    except BadInput as damage:
        fault = damage.faults[0]
        yield Logged(str(path), "", refused=f"line {fault.line}: {fault.message}")
    except (*ODD, *_lines.DAMAGE) as problem:
        yield Logged(str(path), "", refused=f"the configuration cannot be read: {problem}")


def _result(path: str, place: str, result: Object) -> Logged:
    test, response = result.get("testCase") or {}, result.get("response") or {}
    asked = _asked(result["prompt"]["raw"], result.get("provider"))
    known = _known(result.get("provider"), test.get("assert") or [], test)
    known |= _derived.origin(result.get("id"), result.get("timestamp"), **known["source"])
    if response.get("output") is None:
        why = result.get("error") or response.get("error") or "no output is kept"
        return Logged(path, place, refused=f"the call failed without an HTTP answer: {why}")
    answer = _derived.said(
        {"role": "assistant"} | _said(response["output"]),
        response.get("finishReason"),
        _usage(response.get("tokenUsage") or {}) or None,
    )
    return _derived.chat(path, place, asked, answer, DERIVED, **known)


def _asked(prompt: str, provider: Any) -> Object:
    settings = provider.get("config") if isinstance(provider, dict) else None
    options = settings if isinstance(settings, dict) else {}
    params = {name: options[name] for name in _OPTIONS if name in options}
    return {"model": _named(provider)[1], "messages": _messages(prompt)} | params


def _known(provider: Json, asserted: list[Any], test: Object) -> Object:
    ours, notes = carried(asserted)
    wire = _PROVIDERS.get(_named(provider)[0], "")
    source = some(description=test.get("description"), vars=test.get("vars"))
    return {"provider": wire, "assertions": tuple(ours), "notes": tuple(notes), "source": source}


def _named(provider: Any) -> tuple[str, str]:
    """Return the service and the model of a provider: `openai:chat:gpt-4o`, `{id: ...}` or `{ID: {...}}`."""
    if isinstance(provider, dict):
        provider = provider.get("id") or next(iter(provider), "")
    service, _, model = str(provider or "").partition(":")
    return service, model.rpartition(":")[2] if service in ("openai", "anthropic", "azure") else model


def _messages(prompt: str) -> list[Json]:
    """A prompt is a text, or messages as JSON or YAML."""
    text = prompt.strip()
    if text.startswith("["):
        try:
            return _checked(parse(text), prompt)
        except ValueError:
            pass
    if text.startswith("- role:"):
        return _checked(documents.parse(text).data, prompt)
    return [{"role": "user", "content": prompt}]


def _checked(messages: Json, prompt: str) -> list[Json]:
    whole = isinstance(messages, list) and all(isinstance(item, dict) and "role" in item for item in messages)
    return messages if whole else [{"role": "user", "content": prompt}]


def _said(output: Json) -> Object:
    """The answer: a text, tool calls, or JSON that the answer's text was."""
    calls = output if isinstance(output, list) else [output]
    if output and all(isinstance(call, dict) and isinstance(call.get("function"), dict) for call in calls):
        return {"content": None, "tool_calls": calls}
    return {"content": output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)}


def _usage(said: Object) -> Object:
    details = said.get("completionDetails")
    reasoning = details.get("reasoning") if isinstance(details, dict) else None
    return some(
        prompt_tokens=said.get("prompt"),
        completion_tokens=said.get("completion"),
        total_tokens=said.get("total"),
        completion_tokens_details=some(reasoning_tokens=reasoning),
    )
