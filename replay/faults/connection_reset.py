"""`connection_reset` or `connection_reset: 3`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from replay.faults._answer import RESET, Answer
from replay.faults._fault import Call, Spoils, middle
from replay.faults._scope import check_count


@dataclass(frozen=True)
class ConnectionReset(Spoils):
    """The connection is reset: before there is an answer, or `after` so many chunks of it."""

    after: int | None = None

    def __post_init__(self) -> None:
        """Refuse what counts nothing."""
        super().__post_init__()
        check_count("after", self.after, least=0)

    def spoil(self, call: Call, answer: Answer) -> Answer:
        """End the answer, or leave none of it."""
        if self.after is None:
            return Answer(None, failure=RESET)
        return replace(answer, chunks=answer.chunks[: middle(call, answer, self.after)], failure=RESET)
