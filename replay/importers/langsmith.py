"""LangSmith's runs: as `Client.list_runs` gives them, as exports write them, a line or an item each.

https://docs.langchain.com/langsmith/run-data-format. Runs of type `llm` are calls to a model, logged by
LangChain (messages serialised with `lc`, `generations`) or by the wrappers of SDKs (arguments and answer).
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
from replay.importers import Logged
from replay.importers._asked import asked
from replay.importers._calls import with_bodies
from replay.importers._failures import Failure, failure, thrown
from replay.importers._generation import Generation, built, usage
from replay.importers._inputs import requested
from replay.importers._items import items
from replay.importers._outputs import answered, counted
from replay.importers._params import params, tools
from replay.importers._records import mapping, text
from replay.importers._records import tree as read_json
from replay.importers._spans import seconds

_DERIVED = "LangSmith keeps messages, not bodies"
_LISTS = ("runs", "data")
_RUN = re.compile(rb'"run_type"\s*:\s*"(llm|chain|tool|retriever|embedding|prompt|parser)"')
_THREAD = ("session_id", "thread_id", "conversation_id")
_SAID = {  # what LangSmith adds to a run's metadata of its parameters
    "ls_temperature": "temperature",
    "ls_max_tokens": "max_tokens",
    "ls_stop": "stop",
}


def sniff(head: bytes) -> float:
    """Tell whether these are runs."""
    return 1.0 if _RUN.search(head) and b'"inputs"' in head else 0.0


def read(path: Path) -> Iterator[Logged]:
    """Yield every run of type `llm`, also those inside other runs; the others are counted."""
    others: Counter[str] = Counter()
    number = 0
    for item in items(path, *_LISTS):
        if item.wrong or not isinstance(item.value, dict):
            yield Logged(str(path), item.place, refused=item.wrong or "no run")
            continue
        for run in _runs(item.value):
            place = item.place if run is item.value else f"run {number} of {item.place}"
            number += run is not item.value
            what = run.get("run_type")
            if what == "llm":
                yield built(str(path), place, _DERIVED, partial(_generation, run))
            elif isinstance(what, str):
                others[what] += 1
            else:
                yield Logged(str(path), place, refused="no run: it has no run_type")
    if others:
        kinds = ", ".join(f"{count} {what}" for what, count in sorted(others.items()))
        yield Logged(str(path), "", refused=f"{others.total()} runs are no calls to a model ({kinds})")


def _runs(run: Object) -> Iterator[Object]:
    """Yield a run and those inside it."""
    waiting = [run]
    while waiting:
        one = waiting.pop()
        yield one
        inner = read_json(one.get("child_runs"))
        waiting += (
            [child for child in reversed(inner) if isinstance(child, dict)] if isinstance(inner, list) else []
        )


def _generation(run: Object) -> Generation:
    inputs, outputs = mapping(run.get("inputs")), _restored(mapping(run.get("outputs")))
    call = _told(run, inputs, outputs)
    bodies = with_bodies(call, inputs, outputs or None)
    if bodies is not None:
        return bodies
    if not inputs:
        return call
    wire = asked(call.provider, call.address, call.model)[0]
    request = requested(inputs, wire)
    invocation = _invocation(run)
    return replace(
        call,
        messages=request.messages,
        tools=request.tools
        or tools(invocation.get("tools"), wire)
        or tools(invocation.get("functions"), wire),
        params=call.params | request.params,
        choices=answered(outputs, wire) if outputs and call.failure is None else [],
    )


def _told(run: Object, inputs: Object, outputs: Object) -> Generation:
    metadata, invocation = _metadata(run), _invocation(run)
    named = (
        invocation.get("model"),
        invocation.get("model_name"),
        inputs.get("model"),
        metadata.get("ls_model_name"),
    )
    threads = (metadata.get(key) for key in _THREAD)
    tags = read_json(run.get("tags"))
    return Generation(
        params={
            key: value for key, value in _params(metadata, invocation).items() if key not in ("functions",)
        },
        usage=_usage(run, outputs),
        model=next((name for name in named if isinstance(name, str) and name), ""),
        served=_served(outputs),
        id=text(outputs.get("id")),
        provider=text(metadata.get("ls_provider")) or _kind(invocation),
        address=_address(invocation),
        failure=_failure(run),
        thread=next((one for one in threads if isinstance(one, str) and one), text(run.get("trace_id"))),
        at=seconds(run.get("start_time")),
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        source={"id": run["id"]} if isinstance(run.get("id"), str) else {},
    )


def _metadata(run: Object) -> Object:
    return mapping(mapping(run.get("extra")).get("metadata"))


def _invocation(run: Object) -> Object:
    extra = mapping(run.get("extra"))
    return mapping(_metadata(run).get("ls_invocation_params")) | mapping(extra.get("invocation_params"))


def _params(metadata: Object, invocation: Object) -> Object:
    said = {word: metadata[key] for key, word in _SAID.items() if metadata.get(key) is not None}
    found = params(said) | params(invocation)
    if "max_completion_tokens" in found:
        found.pop("max_tokens", None)
    return found


def _kind(invocation: Object) -> str:
    """Return the provider by LangChain's `_type` of a model: `openai-chat`, `azure-openai-chat`."""
    return text(invocation.get("_type")).removesuffix("-chat")


def _address(invocation: Object) -> str:
    names = ("base_url", "openai_api_base", "azure_endpoint", "api_base")
    return next((text(invocation[key]) for key in names if text(invocation.get(key))), "")


def _restored(outputs: Object) -> Object:
    """Give an answer back the usage that LangSmith's wrappers rename."""
    inner = outputs.get("output")
    if outputs.keys() == {"output"} and isinstance(inner, dict):
        outputs = inner
    if "usage" in outputs or not isinstance(outputs.get("usage_metadata"), dict):
        return outputs
    if isinstance(outputs.get("choices"), list):
        return _without(outputs) | {"usage": counted(outputs)}
    if outputs.get("object") == "response":
        return _without(outputs) | {"usage": _of_response(outputs["usage_metadata"])}
    return outputs


def _without(outputs: Object) -> Object:
    return {key: value for key, value in outputs.items() if key != "usage_metadata"}


def _of_response(told: Object) -> Object:
    cached = mapping(told.get("input_token_details")).get("cache_read", 0)
    thought = mapping(told.get("output_token_details")).get("reasoning", 0)
    counts = {key: told[key] for key in ("input_tokens", "output_tokens", "total_tokens") if key in told}
    details = {
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens_details": {"reasoning_tokens": thought},
    }
    return counts | details


def _usage(run: Object, outputs: Object) -> Object:
    found = counted(outputs) or counted({"usage_metadata": _metadata(run).get("usage_metadata")})
    counts = (run.get("prompt_tokens"), run.get("completion_tokens"), run.get("total_tokens"))
    return found or (usage(*counts) if any(counts) else {})


def _served(outputs: Object) -> str:
    """Return the model that answered, from wherever a framework keeps it."""
    generations: Any = outputs.get("generations")
    while isinstance(generations, list) and generations:
        generations = generations[0]
    message = mapping(mapping(generations).get("message"))
    told = mapping((mapping(message.get("kwargs")) or message).get("response_metadata"))
    spent = mapping(outputs.get("llm_output"))
    names: tuple[Json, ...] = (
        outputs.get("model"),
        told.get("model_name"),
        told.get("model"),
        spent.get("model_name"),
    )
    return next((name for name in names if isinstance(name, str) and name), "")


def _failure(run: Object) -> Failure | None:
    error = run.get("error")
    return failure(*thrown(error)) if isinstance(error, str) and error.strip() else None
