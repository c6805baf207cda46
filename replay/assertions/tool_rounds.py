"""`tool_rounds: 3` or `tool_rounds: {min: 1, max: 3}`: how often the model comes back with tool calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from replay.assertions._arguments import check_number
from replay.assertions._found import Found, verdicts
from replay.turn import Transcript
from replay.verdict import Verdict


@dataclass(frozen=True)
class ToolRounds:
    """At most `max` replies call tools, and at least `min`; parallel calls are one round."""

    max: int | None = None
    min: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no range."""
        check_number("min", self.min, whole=True)
        if self.max is not None:
            check_number("max", self.max, whole=True)
        if self.max is None and not self.min:
            raise ValueError("tool_rounds needs max or min")
        if self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is more than max {self.max}")

    def __call__(self, transcript: Transcript) -> Iterable[Verdict]:
        """Count over the whole transcript."""
        rounds = [number for number, reply in transcript.replies() if reply.message.tool_calls]
        late = rounds[self.max] if self.max is not None and len(rounds) > self.max else None
        return verdicts(self, self._found(len(rounds)), late)

    def _found(self, rounds: int) -> Iterator[Found]:
        if self.max is not None and rounds > self.max:
            message = f"expected at most {self.max} rounds of tool calls, came {rounds}"
            yield Found("over", message, self.max, rounds)
        elif rounds < self.min:
            message = f"expected at least {self.min} rounds of tool calls, came {rounds}"
            yield Found("under", message, self.min, rounds)
