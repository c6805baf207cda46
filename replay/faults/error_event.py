"""`error_event` or `error_event: 3`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from replay.faults._answer import Answer, Chunk
from replay.faults._chunks import event, placed
from replay.faults._fault import Call, Spoils, middle
from replay.faults._scope import check_count


@dataclass(frozen=True)
class ErrorEvent(Spoils):
    """After some chunks (half of them) the stream says that there was an error, and ends.

    An answer that is no stream is the error, with status 200.
    """

    after: int | None = None

    def __post_init__(self) -> None:
        """Refuse what counts nothing."""
        super().__post_init__()
        check_count("after", self.after, least=0)

    def spoil(self, call: Call, answer: Answer) -> Answer:
        """Put the wire's error in the place of the rest."""
        if not answer.form:
            body = Answer.refused(call.refusals.of("server")).chunks
            return replace(answer, chunks=body)
        before = answer.chunks[: middle(call, answer, self.after)]
        data = placed(event(answer.form, call.refusals.event), first=not before)
        last = Chunk(data, before[-1].at if before else None)
        return replace(answer, chunks=(*before, last))
