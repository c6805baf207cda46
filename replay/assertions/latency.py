"""`latency: 2000` (milliseconds in all) or `latency: {first_token_ms: 500, gap_ms: 1000}`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from replay.assertions._arguments import check_number
from replay.assertions._found import Found, TurnAssertion
from replay.turn import Timing, Turn


@dataclass(frozen=True)
class Latency(TurnAssertion):
    """Recorded times are at most so many milliseconds.

    `total_ms` is the whole answer, `first_token_ms` the time until its first token, `gap_ms` the largest
    pause between two chunks of a stream.
    """

    total_ms: float | None = None
    first_token_ms: float | None = None
    gap_ms: float | None = None
    every: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse limits that are no times."""
        super().__post_init__()
        for name, limit in self._limits().items():
            check_number(name, limit)
        if not self._limits():
            raise ValueError("latency needs one of total_ms, first_token_ms, gap_ms")

    def _limits(self) -> dict[str, float]:
        limits = {name: getattr(self, name) for name in ("total_ms", "first_token_ms", "gap_ms")}
        return {name: limit for name, limit in limits.items() if limit is not None}

    def of_turn(self, turn: Turn) -> Iterator[Found]:
        """Compare each time that has a limit."""
        times = {
            "total_ms": turn.timing.total_ms,
            "first_token_ms": turn.timing.first_token_ms,
            "gap_ms": largest_gap(turn.timing),
        }
        for name, limit in self._limits().items():
            came = times[name]
            if came is None:
                yield Found("not_recorded", f"{name} is not recorded", limit)
            elif not came <= limit:
                yield Found(
                    name.removesuffix("_ms"), f"expected {name} {limit:g} at most, came {came:g}", limit, came
                )


def largest_gap(timing: Timing) -> float | None:
    """Return the largest pause between two chunks in milliseconds, None where no chunk times are recorded."""
    if not timing.chunks:
        return None
    return max((later - earlier for earlier, later in pairwise(timing.chunks)), default=0.0)
