"""`missing_done`."""

from __future__ import annotations

import json
from dataclasses import dataclass

from replay.faults._answer import Answer, Chunk
from replay.faults._fault import Call, Spoils
from replay.providers import _aws_frames, _sse


@dataclass(frozen=True)
class MissingDone(Spoils):
    """The stream ends without the event that its wire ends with: `[DONE]`, `message_stop`, ...

    Where a wire has none (Gemini), that is the chunk that says why the answer ended.
    """

    def spoil(self, call: Call, answer: Answer) -> Answer:
        """Leave the last event out."""
        found = answer.where(lambda chunk: not _ends(call, answer.form, chunk)) if answer.form else answer
        if len(found.chunks) == len(answer.chunks):
            raise call.nothing("there is no event that says it is the last")
        return found


def _ends(call: Call, form: str, chunk: Chunk) -> bool:
    return any(call.provider.is_end(event) for event in _events(form, chunk))


def _events(form: str, chunk: Chunk) -> list[_sse.Event]:
    if form == "array":
        return [{"event": "", "data": json.dumps(chunk.document)}]
    read = _aws_frames.events if form == "frames" else _sse.events
    return read(chunk.data)[0]
