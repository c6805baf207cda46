"""`token_budget: 1000` (total) or `token_budget: {prompt: 900, completion: 200, cached: {min: 500}}`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

from replay.assertions._arguments import check_choice, check_number
from replay.assertions._found import Found, TurnAssertion, no_reply, verdicts
from replay.conversation import Json
from replay.diff import short
from replay.turn import Transcript, Turn
from replay.verdict import Verdict

KINDS = ("total", "prompt", "completion", "cached", "reasoning")
Limit = int | dict[str, int] | None


@dataclass(frozen=True)
class TokenBudget(TurnAssertion):
    """Tokens as the provider counted them: each limit is the most, or `{min: ..., max: ...}`.

    `per: turn` (the default) judges every turn, `per: transcript` their sum. `growth` is the most prompt
    tokens that a turn may have over the turn before it.
    """

    total: Limit = None
    prompt: Limit = None
    completion: Limit = None
    cached: Limit = None
    reasoning: Limit = None
    growth: int | None = None
    per: str = field(default="turn", kw_only=True)
    every: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse limits that are no whole numbers."""
        super().__post_init__()
        check_choice("per", self.per, ("turn", "transcript"))
        limits = [(kind, getattr(self, kind)) for kind in KINDS]
        if self.growth is not None:
            check_number("growth", self.growth, whole=True)
        for kind, limit in limits:
            if limit is not None:
                _check(kind, limit)
        if self.growth is None and all(limit is None for _, limit in limits):
            raise ValueError(f"token_budget needs one of {', '.join(KINDS)}, growth")

    def judged(self, transcript: Transcript, turns: list[tuple[int, Turn]]) -> Iterable[Verdict]:
        """Judge turn by turn, or the sum; and the growth from turn to turn."""
        if self.per == "turn":
            yield from super().judged(transcript, turns)
        else:
            yield from verdicts(self, self._of([turn for _, turn in turns], " in all"))
        if self.growth is not None:
            for (_, before), (number, turn) in pairwise(turns):
                yield from verdicts(self, self._grown(before, turn), number, f"turn {number}: ")

    def of_turn(self, turn: Turn) -> Iterator[Found]:
        """Judge one turn."""
        return self._of([turn], "")

    def _of(self, turns: list[Turn], scope: str) -> Iterator[Found]:
        silent = next((turn for turn in turns if turn.reply is None), None)
        if silent:
            yield no_reply(silent)
            return
        for kind in KINDS:
            limit = getattr(self, kind)
            if limit is not None:
                yield from self._limited(kind, limit, turns, scope)

    def _limited(self, kind: str, limit: Json, turns: list[Turn], scope: str) -> Iterator[Found]:
        counts = [tokens(turn, kind) for turn in turns]
        known = [count for count in counts if count is not None]
        if len(known) < len(counts):
            yield Found("not_recorded", f"usage not given: {kind} tokens", limit)
            return
        most, least = (limit.get("max"), limit.get("min")) if isinstance(limit, dict) else (limit, None)
        if most is not None and sum(known) > most:
            message = f"expected at most {most} {kind} tokens{scope}, came {sum(known)}"
            yield Found(kind, message, limit, sum(known))
        if least is not None and sum(known) < least:
            message = f"expected at least {least} {kind} tokens{scope}, came {sum(known)}"
            yield Found(kind, message, limit, sum(known))

    def _grown(self, before: Turn, turn: Turn) -> Iterator[Found]:
        was, now = tokens(before, "prompt"), tokens(turn, "prompt")
        if was is None or now is None:
            yield Found("not_recorded", "usage not given: prompt tokens of two turns", self.growth)
        elif now - was > (self.growth or 0):
            message = (
                f"expected at most {self.growth} more prompt tokens than the turn before, came {now - was}"
            )
            yield Found("growth", message, self.growth, now - was)


def tokens(turn: Turn, kind: str) -> int | None:
    """Return a count of a turn's usage, None where it is not given or is no count."""
    usage = turn.reply.usage if turn.reply else None
    count = getattr(usage, f"{kind}_tokens", None)
    if count is None and kind == "total":
        parts = [tokens(turn, "prompt"), tokens(turn, "completion")]
        count = sum(parts) if None not in parts else None  # type: ignore[arg-type]
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None


def _check(kind: str, limit: Json) -> None:
    bounds = limit if isinstance(limit, dict) else {"max": limit}
    if not bounds or set(bounds) - {"min", "max"}:
        raise ValueError(f"{kind} must be a number or have min and max, not {short(limit)}")
    for name, value in bounds.items():
        check_number(f"{kind}.{name}" if isinstance(limit, dict) else kind, value, whole=True)
    if bounds.get("min", 0) > bounds.get("max", bounds.get("min", 0)):
        raise ValueError(f"{kind}: min {bounds['min']} is more than max {bounds['max']}")
