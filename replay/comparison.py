"""What comes of comparing two targets on the same conversations: a decision, and all that it rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal, NamedTuple

from replay.conversation import Json, Object
from replay.stats import Interval, Needed, Spread

Decision = Literal["switch", "do not switch", "undecided"]
Finding = Literal["not worse", "worse", "undecided"]
Changed = Literal["lost", "won", "changed"]

OVERALL = "overall"  # the name of "every assertion passed"
AMOUNTS = ("prompt_tokens", "completion_tokens", "cost", "latency", "first_token")


class Table(NamedTuple):
    """Conversations by what most of their attempts came to: `lost` passed at the baseline alone."""

    both: int
    lost: int
    won: int
    neither: int


@dataclass(frozen=True, slots=True)
class Side:
    """How often one target passed.

    `missing` attempts gave nothing to judge. `at_least_one` and `all_of` are pass@k and pass^k for k = 1, 2,
    ..., over the conversations with so many attempts.
    """

    passed: int
    attempts: int
    missing: int
    rate: Interval
    at_least_one: tuple[float, ...] = ()
    all_of: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """One assertion (or OVERALL), candidate against baseline, paired by conversation.

    `difference` is candidate less baseline. `p` is of "no difference" (two-sided), `p_margin` of "worse by
    the margin or more" (one-sided); both are adjusted for the family by Holm. `noise` is how large a
    difference of the baseline with itself is usual, None where it was asked once only.
    """

    assertion: str
    baseline: Side
    candidate: Side
    table: Table
    difference: Interval
    p: float
    p_margin: float
    test: str
    margin: float
    noise: float | None
    finding: Finding
    reason: str
    needed: Needed | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """Tokens, US dollars or milliseconds: both distributions, and the paired ratio of geometric means."""

    name: str
    baseline: Spread | None
    candidate: Spread | None
    ratio: Interval
    conversations: int


@dataclass(frozen=True, slots=True)
class Change:
    """A conversation that came out differently. The cases are one attempt of each side that shows it.

    `passed` are (of the baseline, of the candidate) how many attempts passed, `attempts` of how many.
    `identities` are the `(assertion, kind)` of the failures that come more often on one side. `file` is the
    suite's.
    """

    kind: Changed
    suite: str
    conversation: str
    passed: tuple[int, int]
    attempts: tuple[int, int]
    baseline_case: str
    candidate_case: str
    identities: tuple[tuple[str, str], ...] = ()
    file: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """Which models answered for a target, and with which fingerprints: how many replies of each."""

    models: dict[str, int] = field(default_factory=dict)
    fingerprints: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Versus:
    """One candidate against the baseline. `changes` are the first of them, `changed` counts all by kind."""

    candidate: str
    decision: Decision
    reasons: tuple[str, ...]
    judged: tuple[Judged, ...]
    amounts: tuple[Amount, ...]
    changes: tuple[Change, ...]
    changed: dict[str, int]
    conversations: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A baseline and its candidates. `header` is the run's; `served` is by target.

    `notes` say what else a reader should know: attempts without an answer, a served model that changed.
    """

    header: Object
    baseline: str
    versus: tuple[Versus, ...]
    served: dict[str, Served]
    notes: tuple[str, ...] = ()

    def to_json(self) -> Object:
        """Return everything as JSON; a number that is not finite is null."""
        data: Object = _json(self)
        return data


def _json(value: Any) -> Json:
    if is_dataclass(value):
        return {one.name: _json(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _json(item) for name, item in value._asdict().items()}
    if isinstance(value, dict):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_json(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
