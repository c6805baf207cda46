"""`duplicate_chunk` or `duplicate_chunk: 3`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from replay.faults._answer import Answer
from replay.faults._chunks import placed
from replay.faults._fault import Call, Spoils, middle
from replay.faults._scope import check_count


@dataclass(frozen=True)
class DuplicateChunk(Spoils):
    """The chunk of this number (the one in the middle) comes twice. No wire lets a client notice that."""

    chunk: int | None = None
    noticeable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse what counts nothing."""
        super().__post_init__()
        check_count("chunk", self.chunk)

    def spoil(self, call: Call, answer: Answer) -> Answer:
        """Say one thing twice."""
        if not answer.form:
            raise call.nothing("it is no stream")
        place = max(middle(call, answer, self.chunk), 1)
        said = answer.chunks[place - 1]
        again = replace(said, data=placed(said.data, first=False))
        return replace(answer, chunks=(*answer.chunks[:place], again, *answer.chunks[place:]))
