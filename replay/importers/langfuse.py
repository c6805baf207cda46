"""Langfuse's exports: traces with their observations, observations alone, the answers of its public API.

https://api.reference.langfuse.com (`GET /api/public/traces/:id`, `/observations`, `/v2/observations`),
https://langfuse.com/docs/api-and-data-platform/features/export-from-ui. Every GENERATION is a call to a
model, whatever framework its input and output come from; what OpenTelemetry's attributes say beside them
stands in its metadata.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from replay.conversation import Json, Object
from replay.importers import Logged, _lines
from replay.importers._asked import asked
from replay.importers._attributes import branch, text, tree
from replay.importers._calls import WRAPPER, facts, kind, with_bodies
from replay.importers._failures import failure, thrown
from replay.importers._gen_ai import reasons
from replay.importers._generation import Generation, built, usage
from replay.importers._inputs import requested
from replay.importers._items import frame, items
from replay.importers._logfire import offered
from replay.importers._messages import chat
from replay.importers._outputs import answered
from replay.importers._params import params, tools
from replay.importers._records import mapping
from replay.importers._records import tree as read_json
from replay.importers._seen import Seen
from replay.importers._spans import Span, seconds

_DERIVED = "Langfuse keeps messages, not bodies"
_LISTS = ("observations", "data")
_TYPES = "GENERATION|SPAN|EVENT|AGENT|TOOL|CHAIN|RETRIEVER|EVALUATOR|EMBEDDING|GUARDRAIL"
_TYPE = re.compile(rf'"type"\s*:\s*"({_TYPES})"'.encode())
_OWN = re.compile(
    rb'"(traceId|trace_id|usageDetails|usage_details|parentObservationId|observations|modelParameters)"\s*:'
)
# What the SDK for OpenAI writes where the app set nothing: the API's own defaults.
_DEFAULTS = {"temperature": 1, "top_p": 1, "frequency_penalty": 0, "presence_penalty": 0}


def sniff(head: bytes) -> float:
    """Tell whether these are observations of Langfuse's."""
    sure = _TYPE.search(head) and len(set(_OWN.findall(head))) > 1
    return 1.0 if sure else 0.7 * bool(b'"observations"' in head and b'"projectId"' in head)


def read(path: Path) -> Iterator[Logged]:
    """Yield every GENERATION of a file; observations of other types are counted."""
    trace = _trace(path)
    wrapped = _Wrapped(path)
    others: Counter[str] = Counter()
    for place, observation, why in _observations(path):
        what = "" if why else str(observation.get("type") or "").upper()
        if why or (what == "" and not why):
            yield Logged(
                str(path),
                place,
                refused=why or "no observation: a trace without its observations says no calls",
            )
        elif what != "GENERATION":
            others[what] += 1
        elif kind(_attributes(observation)) == WRAPPER and str(observation.get("id")) in wrapped:
            others["GENERATION that wraps others"] += 1
        else:
            yield built(str(path), place, _DERIVED, partial(_generation, observation, trace))
    if others:
        counts = ", ".join(f"{count} {what}" for what, count in sorted(others.items()))
        yield Logged(
            str(path), "", refused=f"{others.total()} observations are no calls to a model ({counts})"
        )


def _trace(path: Path) -> Object:
    """Return the trace that a document's observations belong to, as far as it is said beside them."""
    if not _lines.head(path).lstrip().startswith(b"{"):
        return {}
    beside = frame(path, *_LISTS)
    return _camel(mapping(beside.get("trace")) or beside)


def _observations(path: Path) -> Iterator[tuple[str, Object, str]]:
    """Yield each observation with its place, or why there is none; traces may hold theirs inside."""
    number = 0
    for item in items(path, *_LISTS):
        if item.wrong or not isinstance(item.value, dict):
            yield item.place, {}, item.wrong or "no observation"
            continue
        inner = read_json(item.value.get("observations"))
        if not isinstance(inner, list):
            yield item.place, _camel(item.value), ""
            continue
        beside = {key: item.value[key] for key in ("sessionId", "tags") if item.value.get(key)}
        for one in inner:
            found = isinstance(one, dict)
            yield (
                f"observation {number} of {item.place}",
                beside | _camel(one) if found else {},
                "" if found else "no observation",
            )
            number += 1


class _Wrapped:
    """The ids of observations that other GENERATIONs stand below; found when they are asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: Seen | None = None

    def __contains__(self, name: str) -> bool:
        if self._seen is None:
            self._seen = Seen(
                str(one.get("parentObservationId"))
                for _, one, _ in _observations(self._path)
                if one.get("type") == "GENERATION"
            )
        return name in self._seen


def _generation(one: Object, trace: Object) -> Generation:
    metadata, attributes = mapping(one.get("metadata")), _attributes(one)
    call = _told(one, metadata, attributes, trace)
    asked_for, said = _tree(one.get("input")), _tree(one.get("output"))
    if said == "" or (call.failure and not isinstance(said, dict)):
        said = None
    bodies = with_bodies(call, asked_for, said)
    if bodies is not None:
        return bodies
    if asked_for in (None, ""):
        return call
    wire = asked(call.provider, call.address, call.model)[0]
    request = requested(asked_for, wire)
    call = offered(call, attributes, wire)
    system = chat(_system(attributes), "system", wire) if _has_no_system(request.messages) else []
    ended = reasons(attributes) or _reasons(one, metadata, attributes)
    return replace(
        call,
        messages=system + request.messages,
        tools=request.tools or _tools(one, metadata, attributes, wire) or call.tools,
        params=call.params | request.params,
        choices=answered(said, wire, ended),
    )


def _told(one: Object, metadata: Object, attributes: Object, trace: Object) -> Generation:
    failed = one.get("level") == "ERROR"
    span = Span(
        trace=_text(one, "traceId"),
        id=_text(one, "id"),
        at=seconds(one.get("startTime")),
        attributes=attributes,
    )
    call = facts(span)
    given, noted = _params(mapping(one.get("modelParameters")))
    own = _text(one, "traceId") in ("", _text(trace, "id"))
    tags = read_json(one.get("tags") or one.get("traceTags") or (trace.get("tags") if own else None))
    return replace(
        call,
        model=text(attributes, "gen_ai.request.model")
        or _text(one, "providedModelName", "model")
        or call.model,
        provider=call.provider or text(metadata, "ls_provider"),
        params=params({"response_format": metadata.get("response_format")}) | call.params | given,
        usage=_usage(mapping(one.get("usageDetails"))) or _usage(mapping(one.get("usage"))) or call.usage,
        thread=_thread(one, metadata, trace if own else {}),
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        failure=failure(*thrown(one.get("statusMessage"))) if failed else None,
        notes=noted,
    )


def _params(given: Object) -> tuple[Object, tuple[str, ...]]:
    found = params(given)
    # a parameter at its default says nothing when all of them are written
    if found.keys() >= _DEFAULTS.keys():
        found = {key: value for key, value in found.items() if _DEFAULTS.get(key) != value}
        return found, (
            "parameters at the API's defaults are left out: Langfuse writes them where the app set none",
        )
    return found, ()


def _usage(details: Object) -> Object:
    """Return the counts: `input_cached_tokens` and its like are no part of `input`."""
    prompt = details.get(
        "input", details.get("prompt_tokens", details.get("promptTokens", details.get("input_tokens")))
    )
    completion = details.get(
        "output",
        details.get("completion_tokens", details.get("completionTokens", details.get("output_tokens"))),
    )
    total = details.get("total", details.get("total_tokens", details.get("totalTokens")))
    if (
        isinstance(total, int)
        and isinstance(prompt, int)
        and isinstance(completion, int)
        and prompt + completion != total
    ):
        prompt, completion = prompt + _parts(details, "input_"), completion + _parts(details, "output_")
    cached = _first(details, ("cached_tokens", "cache_read", "cache_read_input_tokens", "cached"))
    return usage(
        prompt, completion, total or None, cached, _first(details, ("reasoning", "reasoning_tokens"))
    )


def _parts(details: Object, start: str) -> int:
    return sum(
        count
        for key, count in details.items()
        if key.startswith(start) and key != f"{start}tokens" and isinstance(count, int)
    )


def _first(details: Object, ends: tuple[str, ...]) -> Json:
    return next(
        (count for key, count in details.items() if key.endswith(ends) and isinstance(count, int)), None
    )


def _thread(one: Object, metadata: Object, trace: Object) -> str:
    named = (_text(place, "sessionId", "thread_id", "threadId") for place in (one, trace, metadata))
    return next(filter(None, named), _text(one, "traceId"))


def _tools(one: Object, metadata: Object, attributes: Object, wire: str) -> list[Object]:
    places = (
        read_json(one.get("toolDefinitions")),
        read_json(metadata.get("tools")),
        tree(attributes, "gen_ai.tool.definitions"),
        branch(attributes, "ai.prompt.tools"),
        [
            tree(item, "tool.json_schema")
            for item in branch(attributes, "llm.tools") or ()
            if isinstance(item, dict)
        ],
    )
    return next((found for place in places if (found := tools(place, wire))), [])


def _system(attributes: Object) -> Json:
    parts = tree(attributes, "gen_ai.system_instructions")
    return {"role": "system", "parts": parts} if isinstance(parts, list) and parts else None


def _has_no_system(messages: list[Object]) -> bool:
    return not any(message.get("role") in ("system", "developer") for message in messages)


def _reasons(one: Object, metadata: Object, attributes: Object) -> list[Any]:
    places = (
        text(attributes, "ai.response.finishReason", "llm.finish_reason"),
        metadata.get("finish_reason"),
    )
    given = mapping(one.get("modelParameters")).get("finishReason")
    return [reason for reason in (*places, given) if isinstance(reason, str) and reason][:1]


def _attributes(one: Object) -> Object:
    metadata = mapping(one.get("metadata"))
    return mapping(metadata.get("attributes"))


def _tree(value: Json) -> Json:
    """Read an input or an output, which is JSON in text, sometimes twice."""
    for _ in range(2):
        if not isinstance(value, str) or value.strip()[:1] not in ("{", "[", '"'):
            return value
        value = read_json(value)
    return value


def _text(data: Object, *keys: str) -> str:
    return next((data[key] for key in keys if isinstance(data.get(key), str) and data[key]), "")


def _camel(data: Object) -> Object:
    """Name the fields as the API does; exports to a bucket write them with underscores."""
    return {re.sub(r"_([a-z])", lambda match: match[1].upper(), key): value for key, value in data.items()}
