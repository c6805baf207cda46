"""`stall`, `stall: 3` or `stall: {after: 3, seconds: 20, pace: true}`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

from replay.faults._answer import Answer
from replay.faults._fault import Call, Spoils, middle
from replay.faults._scope import check_amount, check_count


@dataclass(frozen=True)
class Stall(Spoils):
    """After some chunks (half of them) nothing comes for `seconds`, without them never again.

    A client with a shorter read timeout sees that timeout; one with a longer sees the rest.
    """

    after: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuse what counts nothing, and what is no time."""
        super().__post_init__()
        check_count("after", self.after, least=0)
        check_amount("seconds", self.seconds)

    def spoil(self, call: Call, answer: Answer) -> Answer:
        """Put the silence where it begins."""
        seconds = inf if self.seconds is None else float(self.seconds)
        if not answer.form:
            return replace(answer, wait=seconds)
        place = min(middle(call, answer, self.after), len(answer.chunks) - 1)
        return answer.waiting(place, seconds)
