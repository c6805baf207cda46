"""`missing_done`."""

from __future__ import annotations

from dataclasses import dataclass

from replay.faults._answer import Answer, Chunk
from replay.faults._fault import Call, Spoils
from replay.providers._sse import events


@dataclass(frozen=True)
class MissingDone(Spoils):
    """The stream ends without the event that its wire ends with (`[DONE]`, `message_stop`, ...)."""

    def spoil(self, call: Call, answer: Answer) -> Answer:
        """Leave the last event out."""
        found = answer.where(lambda chunk: not _ends(call, chunk)) if answer.form else answer
        if len(found.chunks) == len(answer.chunks):
            raise call.nothing("there is no event that says it is the last")
        return found


def _ends(call: Call, chunk: Chunk) -> bool:
    return any(call.provider.is_end(event) for event in events(chunk.data)[0])
