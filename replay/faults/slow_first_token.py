"""`slow_first_token` or `slow_first_token: {seconds: 45, pace: true}`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from replay.faults._answer import Answer
from replay.faults._fault import Call, Spoils
from replay.faults._scope import check_amount
from replay.providers import _wire


@dataclass(frozen=True)
class SlowFirstToken(Spoils):
    """The first token comes `seconds` later; an answer that is no stream as a whole does."""

    seconds: float = 30

    def __post_init__(self) -> None:
        """Refuse what is no time."""
        super().__post_init__()
        check_amount("seconds", self.seconds)

    def spoil(self, call: Call, answer: Answer) -> Answer:
        """Put the wait before the first chunk that carries model output."""
        if not answer.form:
            return replace(answer, wait=float(self.seconds))
        pattern = getattr(call.provider, "FIRST_TOKEN", _wire.FIRST_TOKEN)
        numbers = (n for n, chunk in enumerate(answer.chunks) if pattern.search(chunk.data))
        return answer.waiting(next(numbers, 0), float(self.seconds))
