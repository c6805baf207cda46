"""`empty_choices` or `empty_choices: 3`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from replay.conversation import Object
from replay.faults._answer import Answer
from replay.faults._chunks import placed, saying
from replay.faults._fault import Call, Spoils, documents, middle
from replay.faults._scope import check_count

_LISTS = ("choices", "candidates", "output", "content")
_HOLDERS = ("output", "message")


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
        number = next((n for n, one in enumerate(told) if one and _emptied(one) != one), None)
        if number is None:
            raise call.nothing(f"it has no list of {', '.join(_LISTS)}")
        like = answer.chunks[number]
        empty = saying(like.data, _emptied(told[number] or {}))
        if not answer.form:
            return replace(answer, chunks=(replace(like, data=empty),))
        place = middle(call, answer, self.after)
        before, after = answer.chunks[:place], answer.chunks[place:]
        news = replace(like, data=placed(empty, first=not before))
        rest = (replace(one, data=placed(one.data, first=False)) for one in after)
        return replace(answer, chunks=(*before, news, *rest))


def _emptied(document: Object) -> Object:
    """Return an answer without its list; Converse and Cohere have it within others."""
    name = next((name for name in _LISTS if isinstance(document.get(name), list)), None)
    if name:
        return document | {name: []}
    inner = next((name for name in _HOLDERS if isinstance(document.get(name), dict)), None)
    return document | {inner: _emptied(document[inner])} if inner else document
