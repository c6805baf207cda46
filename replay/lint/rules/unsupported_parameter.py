"""The model is documented to refuse a parameter."""

from __future__ import annotations

from collections.abc import Iterator

from replay.conversation import Json
from replay.lint._models import Refusal, refusal
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Found]:
    """Find parameters that `models.toml` lists for the model; a request that was answered has none."""
    refused = refusal(subject.request.model)
    if refused is None or subject.taken:
        return
    for name, only in refused.params.items():
        given = subject.params.get(name)
        if given not in (None, False, only):
            yield _found(subject.request.model, name, given, only, refused)


def _found(model: str, name: str, given: Json, only: float | None, refused: Refusal) -> Found:
    reason = f"{model} refuses {name}" if only is None else f"{model} takes {name} {only:g} only, not {given}"
    other = refused.instead.get(name)
    mend = f"use {other}" if other else f"leave {name} out for this model"
    return Found(("params", name), f"{reason} ({refused.source})", mend)
