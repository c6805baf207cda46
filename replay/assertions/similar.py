"""`similar: {to: "Your refund was paid.", target: embeddings}`: the reply means about the same."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from operator import mul
from typing import Any, ClassVar

from replay import baselines, providers
from replay.assertions import Ask, NotAsked
from replay.assertions._arguments import check_number, texts
from replay.assertions._found import Found, Place, ReplyAssertion
from replay.assertions._text import said_as
from replay.conversation import Json
from replay.diff import short
from replay.errors import BadInput
from replay.turn import Target, Transcript, Turn
from replay.verdict import Verdict

Vector = list[float]


@dataclass(frozen=True)
class Similar(ReplyAssertion):
    """The reply's text is similar to one of these texts, by the embeddings that `target` gives.

    `threshold` is the least cosine of the angle between the two vectors: 1 is the same direction, 0 nothing
    in common. Without `to`, the texts are those of the accepted replies (see `baseline`). Embeddings are
    recorded in the cassette of the case, and played from it.
    """

    to: str | list[str] | tuple[str, ...] | None = None
    threshold: float = field(default=0.8, kw_only=True)
    target: str = field(default="", kw_only=True)
    ask: Any = field(default=None, init=False, repr=False, compare=False)
    project: Any = field(default=None, init=False, repr=False, compare=False)
    accepted: Any = field(default=(), init=False, repr=False, compare=False)
    speaking: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a threshold that is no cosine, empty texts, and no target."""
        super().__post_init__()
        check_number("threshold", self.threshold)
        if self.threshold > 1:
            raise ValueError(f"threshold must be a number from 0 to 1, not {self.threshold:g}")
        if self.to is not None:
            texts("to", self.to)
        if not isinstance(self.target, str) or not self.target:
            raise ValueError("similar needs target, the name of a target that gives embeddings")

    @property
    def asks(self) -> tuple[str, ...]:
        """The target that gives the embeddings."""
        return (self.target,)

    def bind(self, project: Any) -> Similar:
        """Learn where baselines are kept; refuse a target that gives no embeddings."""
        target = project.target(self.target)
        if not hasattr(providers.registry.get(target.provider), "embed"):
            raise ValueError(
                f'similar: provider {target.provider} of target "{self.target}" has no embeddings'
            )
        return self._with(project=project)

    def asking(self, ask: Ask) -> Similar:
        """Learn how to ask."""
        return self._with(ask=ask)

    def _with(self, **told: Any) -> Similar:
        copied = copy(self)
        for name, value in told.items():
            object.__setattr__(copied, name, value)
        return copied

    def judged(self, transcript: Transcript, turns: list[tuple[int, Turn]]) -> Iterable[Verdict]:
        """Judge every choice of these turns."""
        told = self if self.to is not None else self._with(accepted=self._accepted_of(transcript))
        return super(Similar, told).judged(transcript, turns)

    def of_place(self, place: Place) -> Iterable[Found]:
        """Compare what is said in one place with the texts."""
        wanted = self._wanted(place.number)
        if place.reply is None:
            return super().of_place(place)
        if not wanted:
            return [
                Found("no_baseline", "nothing is accepted yet to compare with; give to, or: replay accept")
            ]
        return self._compared(place.reply.message.text, wanted)

    def _compared(self, said: str, wanted: list[str]) -> Iterator[Found]:
        if not said.strip():
            yield Found("empty", f"expected a text like {short(wanted[0])}, the reply is empty", wanted, said)
            return
        first, *others = self._vectors([said, *wanted])
        scores = (round(cosine(first, other), 4) for other in others)  # what is shown is what is judged
        score, text = max(zip(scores, wanted, strict=True))
        if score < self.threshold:
            message = f"expected a similarity of at least {self.threshold:g} to {short(text)}, came {score:g}"
            yield Found("different", f"{message}: {said_as(said)}", self.threshold, score)

    def _vectors(self, asked: list[str]) -> list[Vector]:
        if self.ask is None:
            raise NotAsked("similar asks a model: it is judged where its case is played, and nowhere else")
        turn: Turn = self.ask(self.target, partial(_embedded, asked))
        if turn.reply is None:
            error = turn.error.message if turn.error else "it said nothing"
            raise NotAsked(f"target {self.target} gave no embeddings: {error}")
        vectors: list[Vector] = turn.reply.extra["embeddings"]
        if len(vectors) != len(asked) or len({len(vector) for vector in vectors}) != 1:
            sizes = ", ".join(str(len(vector)) for vector in vectors)
            raise NotAsked(f"target {self.target} gave vectors of {sizes} numbers for {len(asked)} texts")
        return vectors

    def _wanted(self, number: int) -> list[str]:
        """The texts for a turn: those given, or what is accepted of it."""
        if self.to is not None:
            return list(texts("to", self.to))
        contents = [variant[number - 1].get("content") for variant in self.accepted if number <= len(variant)]
        return [text for text in map(_text, contents) if text]

    def _accepted_of(self, transcript: Transcript) -> tuple[baselines.Turns, ...]:
        if self.project is None:
            raise ValueError("similar must be bound to a project before it judges")
        try:
            baseline = baselines.read(self.project, transcript.conversation.name, transcript.target.name)
        except BadInput as problem:
            raise NotAsked(str(problem)) from None
        return baseline.variants if baseline else ()


def _embedded(asked: list[str], target: Target, transport: Any) -> Turn:
    provider: Any = providers.registry.get(target.provider)
    turn: Turn = provider.embed(asked, target, transport)
    return turn


def _text(content: Json) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def cosine(one: Vector, other: Vector) -> float:
    """Return the cosine of the angle between two vectors of one length; 0 where one of them has none."""
    size = math.hypot(*one) * math.hypot(*other)
    return math.fsum(map(mul, one, other)) / size if size else 0.0
