"""What assertions share: which turns they judge, and how a finding becomes a verdict."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Literal

from replay.conversation import Json
from replay.diff import short
from replay.regexes import TimeLimit
from replay.turn import Reply, Transcript, Turn
from replay.verdict import Verdict

Which = Literal["last", "all"] | int | None

UNJUDGED = frozenset(
    {"no_baseline", "no_reply", "no_turn", "not_recorded", "no_price", "no_schema", "timed_out"}
)
"""Kinds which say that there was nothing to judge: a negated assertion fails by them too."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is wrong in one place; `kind` is a short stable word. The fields are those of a Verdict."""

    kind: str
    message: str
    expected: Json = None
    actual: Json = None
    diff: str = ""


def name_of(assertion: Any) -> str:
    """Return an assertion's YAML key: its file's name, from elsewhere its class's name in snake case."""
    kind = type(assertion)
    return _name(kind.__module__, kind.__name__)


def names_of(assertion: Any) -> tuple[str, ...]:
    """Return the names that an assertion's verdicts may bear: its own, but for one that others stand in."""
    names: tuple[str, ...] = getattr(assertion, "names", (name_of(assertion),))
    return names


@cache
def _name(module: str, kind: str) -> str:
    room, _, stem = module.rpartition(".")
    return stem if room == "replay.assertions" else re.sub(r"(?<!^)(?=[A-Z])", "_", kind).lower()


def verdicts(
    assertion: Any, found: Iterable[Found], number: int | None = None, where: str = ""
) -> list[Verdict]:
    """Make a failed verdict of each finding, or one passed verdict when there is none."""
    name = name_of(assertion)
    try:
        bad = list(found)
    except TimeLimit as stop:
        bad = [timed_out(stop)]
    return [
        Verdict(
            name, "failed", item.kind, where + item.message, item.expected, item.actual, number, item.diff
        )
        for item in bad
    ] or [Verdict(name, "passed", turn=number)]


def timed_out(stop: TimeLimit) -> Found:
    """Say that a pattern was stopped."""
    return Found("timed_out", str(stop))


def no_reply(turn: Turn) -> Found:
    """Say that a turn has no reply, and what came instead."""
    error = turn.error
    if error is None:
        return Found("no_reply", "expected a reply, nothing came")
    status = f" {error.status}" if error.status else ""
    return Found(
        "no_reply",
        f"expected a reply, came error {error.kind}{status}: {error.message}",
        None,
        error.to_json(),
    )


@dataclass(frozen=True)
class TurnAssertion:
    """Judges turns one by one. `turn` is `last`, `all` or a number from 1.

    Without it, every turn is judged where the conversation was played turn by turn (`play: every_turn`) or
    where the assertion says so (`every`), else the last one.
    """

    turn: Which = field(default=None, kw_only=True)
    every: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse a turn that there cannot be."""
        number = isinstance(self.turn, int) and not isinstance(self.turn, bool) and self.turn > 0
        if not (number or self.turn in (None, "last", "all")):
            raise ValueError(f"turn must be last, all or a number from 1, not {short(self.turn)}")

    def __call__(self, transcript: Transcript) -> Iterable[Verdict]:
        """Judge each turn asked for."""
        turns = transcript.turns
        if not turns:
            return verdicts(self, [Found("no_reply", "expected a reply, nothing was sent")])
        if isinstance(self.turn, int):
            if self.turn > len(turns):
                found = Found("no_turn", f"expected a turn {self.turn}, the transcript has {len(turns)}")
                return verdicts(self, [found])
            numbers: Iterable[int] = [self.turn]
        else:
            every = self.turn == "all" or (
                self.turn is None and (self.every or transcript.play == "every_turn")
            )
            numbers = range(1, len(turns) + 1) if every else [len(turns)]
        return self.judged(transcript, [(number, turns[number - 1]) for number in numbers])

    def judged(self, transcript: Transcript, turns: list[tuple[int, Turn]]) -> Iterable[Verdict]:
        """Judge these turns, given with their numbers."""
        for number, turn in turns:
            where = f"turn {number}: " if len(transcript.turns) > 1 else ""
            yield from verdicts(self, self.of_turn(turn), number, where)

    def of_turn(self, turn: Turn) -> Iterable[Found]:
        """Yield what is wrong with a turn."""
        raise NotImplementedError

    def contradicts(self, other: Any) -> bool:
        """Tell whether this and another assertion cannot both hold of the same turns."""
        return getattr(other, "turn", None) == self.turn and self.excludes(other)

    def excludes(self, _other: Any) -> bool:
        """Tell whether what passes here cannot pass there."""
        return False


@dataclass(frozen=True, slots=True)
class Place:
    """One choice of one turn; `where` names it in messages, `reply` is None where the turn has none."""

    number: int
    where: str
    turn: Turn
    reply: Reply | None


@dataclass(frozen=True)
class ReplyAssertion(TurnAssertion):
    """Judges each choice of each turn's reply. A turn without a reply fails as `no_reply`.

    With `speaking`, replies that only call tools are passed over, unless `turn` asks for them or there are
    no others.
    """

    speaking: ClassVar[bool] = False

    def judged(self, transcript: Transcript, turns: list[tuple[int, Turn]]) -> Iterable[Verdict]:
        """Judge every choice of these turns."""
        places = list(_places(turns, len(transcript.turns) > 1))
        if self.speaking and self.turn is None:
            places = [place for place in places if not _only_calls(place.reply)] or places
        for place in places:
            yield from verdicts(self, self.of_place(place), place.number, place.where)

    def of_place(self, place: Place) -> Iterable[Found]:
        """Yield what is wrong in one place."""
        return [no_reply(place.turn)] if place.reply is None else self.of_reply(place.reply)

    def of_reply(self, reply: Reply) -> Iterable[Found]:
        """Yield what is wrong with one choice."""
        raise NotImplementedError


def _places(turns: list[tuple[int, Turn]], many: bool) -> Iterator[Place]:
    for number, turn in turns:
        where = f"turn {number}: " if many else ""
        choices = turn.reply.choices() if turn.reply else (None,)
        for index, reply in enumerate(choices, 1):
            yield Place(number, f"{where}choice {index}: " if len(choices) > 1 else where, turn, reply)


def _only_calls(reply: Reply | None) -> bool:
    return reply is not None and bool(reply.message.tool_calls) and not reply.message.text.strip()
