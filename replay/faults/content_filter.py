"""`content_filter` or `content_filter: reply`."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from replay.conversation import Json, Object
from replay.faults._answer import Answer, Chunk
from replay.faults._chunks import event
from replay.faults._fault import Call, Spoils, documents
from replay.faults._halves import halved
from replay.faults._scope import check_word

_REASONS = {
    "finish_reason": "content_filter",
    "stop_reason": "refusal",
    "finishReason": "SAFETY",
    "stopReason": "content_filtered",
}
_TEXTS = ("content", "text")


@dataclass(frozen=True)
class ContentFilter(Spoils):
    """A filter refuses the `prompt`, or the `reply`, which then stops half way and says why.

    A refused prompt is an error, at Gemini an answer without candidates.
    """

    at: str = "prompt"

    def __post_init__(self) -> None:
        """Refuse another place."""
        super().__post_init__()
        check_word("at", self.at, ("prompt", "reply"))

    def spoil(self, call: Call, answer: Answer) -> Answer:
        """Refuse, in the words of the wire."""
        return self._refused(call, answer) if self.at == "prompt" else self._stopped(call, answer)

    def _refused(self, call: Call, answer: Answer) -> Answer:
        refusal = call.refusals.of("content_filter")
        if refusal.status != 200 or not answer.form:
            return Answer.refused(refusal)
        text = json.dumps([refusal.body]).encode()
        chunk = text if answer.form == "array" else event(answer.form, {"data": refusal.body})
        return replace(answer, chunks=(Chunk(chunk),))

    def _stopped(self, call: Call, answer: Answer) -> Answer:
        told = documents(answer)
        halved(told, lambda key, _: key in _TEXTS)
        new = [document and _told(document) for document in told]
        if new == told:
            raise call.nothing("it does not say why it ended")
        return answer.saying(new)


def _told(value: Json) -> Json:
    """Return the same with the reason to stop that the filter gives."""
    if isinstance(value, list):
        return [_told(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept: Object = {name: _told(item) for name, item in value.items()}
    return kept | {name: word for name, word in _REASONS.items() if isinstance(kept.get(name), str)}
