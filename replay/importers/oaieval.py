"""Logs of the open-source evals framework (`oaieval --record_path`): an event a line.

The first line is the run's `spec`; an event `sampling` has a prompt and what was sampled, an event `match` of
the same sample whether that was right, which becomes a tag. Nothing else is a call.
https://github.com/openai/evals/blob/main/evals/record.py
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from replay.conversation import Json, Object
from replay.importers import Logged, _lines
from replay.importers._derived import chat, origin, said
from replay.importers._items import beginnings
from replay.importers._join import Halves, Join
from replay.importers._records import given, mapping, mappings, text

_DERIVED = "evals keeps the prompt and the text that was sampled, not the bodies of the call"
_EVENT = {"event_id", "sample_id", "type", "data"}


def sniff(head: bytes) -> bool:
    """Tell whether records are events of a run."""
    found = beginnings(head) if b'"sample_id"' in head or b'"completion_fns"' in head else []
    return any(record.keys() >= _EVENT or bool(_functions(record)) for record in found)


def read(path: Path) -> Iterator[Logged]:
    """Yield every event that sampled a model; its match is found again by the sample."""
    functions = _functions(next(iter(beginnings(_lines.head(path))), {}))
    model = text(functions[0]) if len(functions) == 1 else ""
    return Join([path], Halves(_other, _sampled, partial(_logged, model), missing="")).read(path)


def _functions(record: Object) -> list[Json]:
    named = mapping(record.get("spec")).get("completion_fns")
    return named if isinstance(named, list) else []


def _sampled(record: Object) -> str:
    return text(record.get("sample_id")) if record.get("type") == "sampling" else ""


def _other(record: Object) -> str:
    return text(record.get("sample_id")) if record.get("type") != "sampling" else ""


def _logged(model: str, path: str, place: str, others: list[Object], sampled: Object | None) -> Logged:
    if sampled is None or sampled.get("type") != "sampling":
        return Logged(path, place, refused="an event, or what frames them, that is no call")
    data = mapping(sampled.get("data"))
    prompt, answers = data.get("prompt"), data.get("sampled")
    asked = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else mappings(prompt)
    if not asked:
        return Logged(path, place, refused="its prompt is neither text nor messages")
    request = given({"model": data.get("model") or model or None, "messages": asked})
    texts = [
        answer for answer in (answers if isinstance(answers, list) else [answers]) if isinstance(answer, str)
    ]
    messages = [{"role": "assistant", "content": one} for one in texts]
    answer = said(messages[0], usage=data.get("usage"), model=data.get("model")) if messages else None
    right = [mapping(other.get("data")).get("correct") for other in others if other.get("type") == "match"]
    tags = tuple(f"eval:{'pass' if correct else 'fail'}" for correct in right[-1:])
    more = origin(text(sampled.get("sample_id")), sampled.get("created_at"), run=text(sampled.get("run_id")))
    return chat(path, place, request, answer, _DERIVED, tags=tags, **more)
