"""What all views of a comparison say in the same words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from replay.comparison import OVERALL, Amount, Change, Comparison, Judged, Versus
from replay.conversation import Json
from replay.report import numbers
from replay.stats import Interval

HEADLINES = {
    "switch": "Switch to {}",
    "do not switch": "Do not switch to {}",
    "undecided": "Not enough evidence for {}",
}
TONES = {"switch": "passed", "do not switch": "failed", "undecided": "error"}
TITLES = {
    "prompt_tokens": "Prompt tokens",
    "completion_tokens": "Completion tokens",
    "cost": "Cost",
    "latency": "Latency",
    "first_token": "First token",
}
KINDS = ("lost", "won", "changed")


def headline(versus: Versus, name: Callable[[str], str] = str) -> str:
    """Say the decision; `name` writes the candidate's name as the view needs it."""
    return HEADLINES[versus.decision].format(name(versus.candidate))


def span(interval: Interval, form: Callable[[float], str]) -> str:
    """`−9.1 to −1.9`; empty where nothing can be said."""
    if interval.low is None or interval.high is None:
        return ""
    return f"{form(interval.low)} to {form(interval.high)}"


def estimate(interval: Interval, form: Callable[[float], str]) -> str:
    """`−5.5 (−9.1 to −1.9)`."""
    ends = span(interval, form)
    return f"{form(interval.value)} ({ends})" if ends else form(interval.value)


def quantity(name: str, value: float) -> str:
    """Write an amount in its unit."""
    if name == "cost":
        return numbers.dollars(value)
    return numbers.compact(value) if name.endswith("tokens") else numbers.milliseconds(value)


def title(name: str) -> str:
    """The name of an amount."""
    return TITLES.get(name, name.replace("_", " ").capitalize())


def ratios(amounts: Iterable[Amount]) -> Iterator[str]:
    """`cost ×0.42 (×0.40 to ×0.45)`, of each amount that has a ratio."""
    for amount in amounts:
        if not math.isnan(amount.ratio.value):
            yield f"{title(amount.name).lower()} {estimate(amount.ratio, numbers.factor)}"


def missing(versus: Versus) -> Iterator[tuple[str, str]]:
    """Yield the assertions that more evidence would settle, and how much, unless the reasons have told it."""
    for one in versus.judged:
        more = evidence(one)
        told = any(one.assertion in reason and more in reason for reason in versus.reasons)
        if more and versus.decision == "undecided" and not told:
            yield one.assertion, more


def evidence(judged: Judged) -> str:
    """`about 40 more conversations or 3 more repeats`; empty where nothing is needed, or would help."""
    if judged.needed is None:
        return ""
    counts = ((judged.needed.conversations, "more conversation"), (judged.needed.repeats, "more repeat"))
    ways = [numbers.plural(count, word) for count, word in counts if count]
    return f"about {' or '.join(ways)}" if ways else ""


def changed(versus: Versus) -> str:
    """`12 lost, 3 won, 40 changed of 100 conversations`."""
    counts = [f"{versus.changed[kind]:,} {kind}" for kind in KINDS if versus.changed.get(kind)]
    return f"{', '.join(counts) or 'none changed'} of {numbers.plural(versus.conversations, 'conversation')}"


def in_order(changes: Iterable[Change]) -> list[Change]:
    """The changes as people want them: what was lost first."""
    return sorted(changes, key=lambda change: KINDS.index(change.kind))


def first(changes: Iterable[Change], most: int) -> list[Change]:
    """The first of them, what was lost first."""
    return list(islice(in_order(changes), most))


def passed(change: Change) -> str:
    """`5/5 → 1/5`."""
    before, after = (
        f"{count}/{attempts}" for count, attempts in zip(change.passed, change.attempts, strict=True)
    )
    return f"{before} → {after}"


def failures(change: Change) -> list[str]:
    """`tool_calls missing`: the failures that come more often on one side."""
    return [f"{assertion} {kind}".strip() for assertion, kind in change.identities]


def overall(versus: Versus) -> Judged | None:
    """What came of all assertions together."""
    return next((one for one in versus.judged if one.assertion == OVERALL), None)


def confidence(comparison: Comparison) -> str:
    """`95% intervals`, as far as the run says how sure they are."""
    asked: Json = comparison.header.get("compare")
    alpha = asked.get("alpha") if isinstance(asked, dict) else None
    return f"{100 * (1 - alpha):.3g}% intervals" if isinstance(alpha, int | float) else "intervals"
