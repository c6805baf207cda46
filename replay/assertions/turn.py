"""`turn: {at: 2, assert: [contains: refunded, tool_calls: [refund]]}`: what must hold of one turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from replay import assertions
from replay.assertions._found import names_of
from replay.conversation import Conversation, Json
from replay.diff import short
from replay.errors import Fault, nearest
from replay.turn import Transcript
from replay.verdict import Verdict


@dataclass(frozen=True)
class AtTurn:
    """Other assertions hold of the turn `at`: a number from 1, or `last`. They see no other turn.

    Their verdicts bear their own names and the turn's number.
    """

    at: int | str
    inner: tuple[assertions.Assertion, ...]
    negatable = False

    def __post_init__(self) -> None:
        """Refuse a turn that there cannot be, and assertions of which one must fail."""
        number = isinstance(self.at, int) and not isinstance(self.at, bool) and self.at > 0
        if not number and self.at != "last":
            raise ValueError(f'"at" must be a number from 1, or last, not {short(self.at)}')
        for one, other in combinations(self.inner, 2):
            if assertions.contradict(one, other):
                raise ValueError(f"{one} and {other} cannot both hold of turn {self.at}")

    @classmethod
    def from_yaml(cls, argument: Json) -> AtTurn:
        """Read `{at: 2, assert: [...]}`, a list as in a suite."""
        keys = ("at", "assert")
        for key in argument if isinstance(argument, dict) else ():
            if key not in keys:
                raise ValueError(f'turn has no argument "{key}"; {nearest(str(key), keys)}')
        asserted = argument.get("assert") if isinstance(argument, dict) else None
        if not isinstance(asserted, list) or not asserted or "at" not in argument:
            raise ValueError(f"write turn: {{at: 2, assert: [contains: refunded]}}, not {short(argument)}")
        return cls(argument["at"], tuple(map(_built, asserted)))

    def to_yaml(self) -> Json:
        """Write what `from_yaml` reads."""
        return {"at": self.at, "assert": [assertions.registry.written(one) for one in self.inner]}

    def __call__(self, transcript: Transcript) -> Iterator[Verdict]:
        """Judge that turn as if it were the only one."""
        turns = transcript.turns
        number = len(turns) if isinstance(self.at, str) else self.at
        if not 1 <= number <= len(turns):
            message = f"expected a turn {self.at}, the transcript has {len(turns)}"
            yield Verdict("turn", "failed", "no_turn", message)
            return
        alone = replace(transcript, turns=(turns[number - 1],))
        for verdict in assertions.judge(self.inner, alone):
            message = verdict.message and f"turn {number}: {verdict.message}"
            yield replace(verdict, turn=number, message=message)

    def bind(self, project: Any) -> AtTurn:
        """Bind each of them."""
        return self._with(assertions.bind(one, project) for one in self.inner)

    def asking(self, ask: assertions.Ask) -> AtTurn:
        """Let those ask that do."""
        return self._with(one.asking(ask) if hasattr(one, "asking") else one for one in self.inner)

    def _with(self, inner: Iterable[assertions.Assertion]) -> AtTurn:
        return replace(self, inner=tuple(inner))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its verdicts."""
        return ("turn", *(name for one in self.inner for name in names_of(one)))

    @property
    def asks(self) -> tuple[str, ...]:
        """The targets that they ask."""
        return assertions.asked(self.inner)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that they read."""
        return assertions.files_of(self.inner)

    @property
    def excuses(self) -> set[str]:
        """The kinds of `contract` that they expect."""
        return {kind for one in self.inner for kind in getattr(one, "excuses", ())}

    def review(self, conversation: Conversation) -> Iterable[Fault]:
        """Review each of them."""
        return assertions.review(self.inner, conversation)


def _built(item: Json) -> assertions.Assertion:
    if isinstance(item, str):
        return assertions.build(item)
    if not isinstance(item, dict) or len(item) != 1:
        raise ValueError(f"expected a name, or a name with its arguments, not {short(item)}")
    ((name, argument),) = item.items()
    return assertions.build(name, argument)
