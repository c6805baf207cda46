"""`malformed_chunk` or `malformed_chunk: 3`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from replay.faults._answer import Answer, Chunk
from replay.faults._fault import Call, Spoils, documents, middle
from replay.faults._scope import check_count
from replay.providers._aws_frames import looks_like_frames

_DOCUMENT = re.compile(rb"\{.*\}", re.DOTALL)


@dataclass(frozen=True)
class MalformedChunk(Spoils):
    """The JSON of the chunk of this number (the one in the middle) breaks off; the stream goes on."""

    chunk: int | None = None

    def __post_init__(self) -> None:
        """Refuse what counts nothing."""
        super().__post_init__()
        check_count("chunk", self.chunk)

    def spoil(self, call: Call, answer: Answer) -> Answer:
        """Break the JSON of one chunk."""
        place = middle(call, answer, self.chunk and self.chunk - 1)
        told = documents(answer)
        found = [n for n in range(place, len(told)) if told[n] and (self.chunk is None or n == place)]
        if not found:
            raise call.nothing("there is no JSON to break")
        chunks = list(answer.chunks)
        chunks[found[0]] = _broken(chunks[found[0]])
        return replace(answer, chunks=tuple(chunks))


def _broken(chunk: Chunk) -> Chunk:
    found = _DOCUMENT.search(chunk.data)
    if found is None or looks_like_frames(chunk.data):  # its checksum tells
        return replace(chunk, data=chunk.data[:-1] + bytes([chunk.data[-1] ^ 1]))
    return replace(chunk, data=chunk.data[: sum(found.span()) // 2] + chunk.data[found.end() :])
