"""`context_growth: 4000` or `context_growth: {ratio: 3, per_turn: 300}`, in prompt tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from replay.assertions._arguments import check_number
from replay.assertions._found import Found, verdicts
from replay.assertions.token_budget import tokens
from replay.turn import Transcript
from replay.verdict import Verdict


@dataclass(frozen=True)
class ContextGrowth:
    """The prompt does not grow by more than this from the first turn to the last.

    `total` is in tokens, `ratio` the last prompt over the first, `per_turn` the tokens that a turn adds on
    average. (`token_budget: {growth: ...}` limits each step.)
    """

    total: int | None = None
    ratio: float | None = None
    per_turn: float | None = None

    def __post_init__(self) -> None:
        """Refuse limits that are none."""
        limits = {"total": self.total, "ratio": self.ratio, "per_turn": self.per_turn}
        given = {name: limit for name, limit in limits.items() if limit is not None}
        for name, limit in given.items():
            check_number(name, limit, whole=name == "total")
        if not given:
            raise ValueError("context_growth needs one of total, ratio, per_turn")

    def __call__(self, transcript: Transcript) -> Iterable[Verdict]:
        """Compare the first turn with the last."""
        counts = [tokens(turn, "prompt") for turn in transcript.turns]
        first, last = (counts[0], counts[-1]) if counts else (None, None)
        if first is None or last is None:
            return verdicts(
                self, [Found("not_recorded", "usage not given: prompt tokens of the first and last turn")]
            )
        return verdicts(self, self._found(first, last, len(counts) - 1), len(counts))

    def _found(self, first: int, last: int, steps: int) -> Iterator[Found]:
        grown, went = last - first, f"the prompt went from {first} to {last} tokens"
        if self.total is not None and grown > self.total:
            yield Found("total", f"{went}, expected at most {self.total} more", self.total, grown)
        if self.ratio is not None and last > first * self.ratio:
            message = f"{went}, expected at most {self.ratio:g} times as many"
            yield Found("ratio", message, self.ratio, round(last / first, 3) if first else None)
        if self.per_turn is not None and steps and grown / steps > self.per_turn:
            message = f"{went} in {steps} turns, expected at most {self.per_turn:g} more a turn"
            yield Found("per_turn", message, self.per_turn, round(grown / steps, 1))
