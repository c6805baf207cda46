"""Logs of Inspect (`.eval`, a zip of samples, and `.json`).

Each model event is a call; where Inspect kept the provider's own request and response, those are read by the
provider's codec, else Inspect's messages are. A sample without events is read from its messages. Epochs of
one sample are repeats. https://inspect.aisi.org.uk/eval-logs.html
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from replay.conversation import Json, Object
from replay.importers import Logged, _derived, _inspect_messages
from replay.importers._items import Item, items
from replay.importers._records import ODD, as_bytes, some
from replay.jsontext import parse

_ZIP = b"PK\x03\x04"
DERIVED = "Inspect keeps messages, not bodies, of this call"


def sniff(head: bytes) -> bool:
    """Tell a zip with Inspect's journal, or JSON that begins with its header."""
    if head.startswith(_ZIP):
        return b"_journal/" in head or b"samples/" in head or b"header.json" in head
    return head.lstrip()[:1] == b"{" and b'"eval"' in head and b'"task_id"' in head and b'"run_id"' in head


def read(path: Path) -> Iterator[Logged]:
    """Yield every call of every sample, as `sample 9 epoch 1, call 1`."""
    found = False
    try:
        for sample in _samples(path):
            found = True
            yield from _guarded(str(path), sample)
    except (OSError, zipfile.BadZipFile, NotImplementedError) as problem:
        hint = "; inspect log convert writes it as JSON" if isinstance(problem, NotImplementedError) else ""
        yield Logged(str(path), "", refused=f"the log cannot be read: {problem}{hint}")
        return
    if not found:
        yield Logged(str(path), "", refused="holds no samples")


def _samples(path: Path) -> Iterator[Item]:
    with path.open("rb") as file:
        zipped = file.read(4) == _ZIP
    if not zipped:
        yield from items(path, "samples")
        return
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist(), key=_in_order):
            if name.startswith("samples/") and name.endswith(".json"):
                yield _parsed(name, archive.read(name))


def _in_order(name: str) -> tuple[int, str]:
    number = re.search(r"/(\d+)_epoch", name)
    return (int(number[1]) if number else -1), name


def _parsed(name: str, data: bytes) -> Item:
    try:
        return Item(name, parse(data))
    except ValueError as problem:
        return Item(name, wrong=f"not JSON: {problem}")


def _guarded(path: str, item: Item) -> Iterator[Logged]:
    sample: Any = item.value
    if not isinstance(sample, dict):
        yield Logged(path, item.place, refused=item.wrong or "no sample")
        return
    place = f"sample {sample.get('id')} epoch {sample.get('epoch', 1)}"
    try:
        yield from _calls(path, place, sample)
    except ODD as problem:
        yield Logged(path, place, refused=f"the sample cannot be read: {problem!r}")


def _calls(path: str, place: str, sample: Object) -> Iterator[Logged]:
    transcript = sample.get("transcript") or {}
    kept = sample.get("attachments") or transcript.get("content") or {}
    events = [event for event in sample.get("events") or transcript.get("events") or () if _is_call(event)]
    known: Object = {"tags": _tags(sample), "thread": place}
    source = {"sample": sample.get("id"), "epoch": sample.get("epoch", 1)} | _scores(sample)
    if not events:
        yield from _from_messages(path, place, sample, known | {"source": source})
    for number, event in enumerate(events, 1):
        told = known | _derived.origin(None, event.get("timestamp"), **source)
        yield _call(path, f"{place}, call {number}", _inspect_messages.resolved(event, kept), told)


def _is_call(event: Any) -> bool:
    return isinstance(event, dict) and event.get("event") == "model" and not event.get("pending")


def _call(path: str, place: str, event: Object, known: Object) -> Logged:
    call = event.get("call") or {}
    asked, answered = call.get("request"), call.get("response")
    if isinstance(asked, dict) and isinstance(answered, dict) and ({"messages", "input"} & asked.keys()):
        known |= {"model": _model(event)[1]}
        body = as_bytes(_body(asked))
        return Logged(path, place, request=body, status=200, response=as_bytes(answered), **known)
    provider, model = _model(event)
    output = event.get("output") or {}
    choice = next(iter(output.get("choices") or ()), None)
    request = _inspect_messages.request(event) | {"model": model}
    if event.get("error") or choice is None:
        problem = event.get("error") or output.get("error") or "no answer is kept"
        return Logged(path, place, refused=f"the call failed without an HTTP answer: {problem}")
    answer = _derived.said(
        _inspect_messages.message(choice["message"]),
        _finish(choice.get("stop_reason")),
        _inspect_messages.usage(output) or None,
        model=output.get("model"),
    )
    return _derived.chat(path, place, request, answer, DERIVED, provider=provider, **known)


def _body(asked: Object) -> Object:
    """The body of a call that is kept as the arguments of the SDK's function."""
    beside = ("extra_headers", "extra_query", "extra_body", "timeout")
    body = {name: value for name, value in asked.items() if value is not None and name not in beside}
    return body | (asked.get("extra_body") or {})


def _from_messages(path: str, place: str, sample: Object, known: Object) -> Iterator[Logged]:
    messages = [_inspect_messages.message(message) for message in sample.get("messages") or ()]
    output = sample.get("output") or {}
    model = output.get("model") or next(iter(sample.get("model_usage") or {}), "").partition("/")[2]
    yield from _derived.turns(path, place, messages, some(model=model), DERIVED, **known)


# Inspect's names for providers whose wire is not the one of Chat Completions, by our names.
_PROVIDERS = {"anthropic": "anthropic", "google": "gemini", "bedrock": "bedrock"}


def _model(event: Object) -> tuple[str, str]:
    service, _, model = str(event.get("model") or "").partition("/")
    return _PROVIDERS.get(service, ""), model or service


def _finish(reason: Json) -> str | None:
    return reason if isinstance(reason, str) and reason != "unknown" else None


def _scores(sample: Object) -> Object:
    scores = sample.get("scores")
    if not isinstance(scores, dict):
        return {}
    return {"scores": {name: score.get("value") for name, score in scores.items() if isinstance(score, dict)}}


def _tags(sample: Object) -> tuple[str, ...]:
    scores = _scores(sample).get("scores") or {}
    return tuple(f"{name}:{value}" for name, value in scores.items() if isinstance(value, str | int | float))
