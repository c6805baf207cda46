"""What was heard of each target beside its replies' words: who answered, and with which errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from textwrap import shorten

from replay.compare._attempts import Attempt
from replay.conversation import Object

LONGEST = 160  # characters of an error's message
_USAGE = (
    "their tokens and cost are not known (a stream tells them with stream_options: {include_usage: true})"
)


@dataclass(slots=True)
class Heard:
    """Of one target: models, fingerprints, and errors by kind; `such` is the first message of each kind.

    `uncounted` attempts were answered without usage.
    """

    models: Counter[str] = field(default_factory=Counter)
    fingerprints: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    uncounted: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    such: dict[str, str] = field(default_factory=dict)

    def add(self, attempt: Attempt) -> None:
        """Count an attempt."""
        self.models.update(attempt.models)
        self.fingerprints.update(attempt.fingerprints)
        self.attempts += 1
        kind, message = attempt.error
        self.uncounted += not kind and bool(attempt.passed) and "prompt_tokens" not in attempt.amounts
        if kind:
            self.errors[kind] += 1
            self.such.setdefault(kind, message)


def notes(heard: dict[str, Heard], header: Object) -> Iterator[str]:
    """Yield what a reader should know beside the decision."""
    for target, one in heard.items():
        if one.errors:
            yield f"{target}: {one.errors.total():,} of {one.attempts:,} attempts had errors: {_errors(one)}"
        if one.uncounted:
            yield f"{target}: {one.uncounted:,} of {one.attempts:,} attempts came without usage; {_USAGE}"
        if len(one.models) > 1:
            yield f"{target} was served by {len(one.models)} models: {', '.join(sorted(one.models))}"
        if len(one.fingerprints) > 1:
            yield f"{target} answered with {len(one.fingerprints)} system fingerprints"
    if header.get("mode") == "none" and any(one.errors["seam"] for one in heard.values()):
        yield "what is not recorded is asked by the same command without --offline"
    if header.get("shard"):
        yield f"this is shard {header['shard']}: join all of them with replay merge"
    yield from map(str, header.get("faults") or ())


def _errors(one: Heard) -> str:
    """`3 × server (503), Try later.; 1 × timeout`, the most frequent first."""
    told = (
        (f"{times:,} × {kind}", shorten(one.such[kind].partition("\n")[0], LONGEST, placeholder=" …"))
        for kind, times in one.errors.most_common()
    )
    return "; ".join(", ".join(filter(None, both)) for both in told)
