"""`content_filter` or `content_filter: reply`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from replay.conversation import Object
from replay.faults._answer import Answer, Chunk
from replay.faults._chunks import event, placed
from replay.faults._fault import Call, Spoils, documents
from replay.faults._filtered import filtered, renamed
from replay.faults._halves import halved
from replay.faults._scope import check_word

_TEXTS = ("content", "text")
_DELTA = "response.output_text.delta"


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
        chunk = placed(event(answer.form, {"data": refusal.body}), first=True)
        return replace(answer, chunks=(Chunk(chunk),))

    def _stopped(self, call: Call, answer: Answer) -> Answer:
        told = documents(answer)
        halved(told, _is_text)
        new = [document and filtered(document) for document in told]
        if new == told:
            raise call.nothing("it does not say why it ended")
        chunks = answer.saying(new).chunks
        return replace(answer, chunks=tuple(replace(one, data=renamed(one.data)) for one in chunks))


def _is_text(key: str, holder: Object) -> bool:
    return key in _TEXTS or (key == "delta" and holder.get("type") == _DELTA)
