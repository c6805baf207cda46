"""`trickle` or `trickle: {bytes: 1, seconds: 0.5, pace: true}`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from replay.faults._answer import Answer, Chunk
from replay.faults._fault import Call, Spoils
from replay.faults._scope import check_amount, check_count


@dataclass(frozen=True)
class Trickle(Spoils):
    """So many `bytes` at a time, `seconds` apart: no read is ever late, and the whole takes for ever."""

    bytes: int = 1
    seconds: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what counts nothing, and what is no time."""
        super().__post_init__()
        check_count("bytes", self.bytes)
        check_amount("seconds", self.seconds)

    def spoil(self, _: Call, answer: Answer) -> Answer:
        """Take the chunks apart."""
        drops = tuple(drop for chunk in answer.chunks for drop in self._drops(chunk))
        return replace(answer, chunks=drops)

    def _drops(self, chunk: Chunk) -> Iterator[Chunk]:
        for start in range(0, len(chunk.data), self.bytes):
            yield Chunk(chunk.data[start : start + self.bytes], chunk.at, float(self.seconds))
