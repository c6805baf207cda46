"""`empty_choices` or `empty_choices: 3`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from replay.conversation import Object
from replay.faults._answer import Answer
from replay.faults._chunks import saying
from replay.faults._fault import Call, Spoils, documents, middle
from replay.faults._scope import check_count

_LISTS = ("choices", "candidates", "output", "content")


@dataclass(frozen=True)
class EmptyChoices(Spoils):
    """There is nothing where the answer should be: `choices`, `candidates`, `output` or `content` is [].

    A stream has one chunk more that is like that, after so many (none: Azure begins its streams so). An
    answer that is no stream is like that itself.
    """

    after: int = 0

    def __post_init__(self) -> None:
        """Refuse what counts nothing."""
        super().__post_init__()
        check_count("after", self.after, least=0)

    def spoil(self, call: Call, answer: Answer) -> Answer:
        """Empty the answer, or put an empty chunk into it."""
        told = documents(answer)
        number = next((n for n, one in enumerate(told) if one and _list_of(one)), None)
        if number is None:
            raise call.nothing(f"it has no list of {', '.join(_LISTS)}")
        like = answer.chunks[number]
        empty = replace(like, data=saying(like.data, _emptied(told[number] or {})))
        if not answer.form:
            return replace(answer, chunks=(empty,))
        place = middle(call, answer, self.after)
        return replace(answer, chunks=(*answer.chunks[:place], empty, *answer.chunks[place:]))


def _list_of(document: Object) -> str | None:
    return next((name for name in _LISTS if isinstance(document.get(name), list)), None)


def _emptied(document: Object) -> Object:
    return {name: [] if name == _list_of(document) else value for name, value in document.items()}
