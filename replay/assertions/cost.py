"""`cost: 0.01`: at most so many US dollars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from replay.assertions._arguments import check_choice, check_number
from replay.assertions._found import Found, TurnAssertion, no_reply, verdicts
from replay.cost import cost_of
from replay.turn import Target, Transcript, Turn
from replay.verdict import Verdict


@dataclass(frozen=True)
class Cost(TurnAssertion):
    """The transcript (or with `per: turn`, each turn) costs at most `max` US dollars.

    The price is the target's `price = {prompt, completion, cached}`, in dollars for a million tokens.
    """

    max: float
    per: str = field(default="transcript", kw_only=True)
    every: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse an amount that is none."""
        super().__post_init__()
        check_number("max", self.max)
        check_choice("per", self.per, ("turn", "transcript"))

    def judged(self, transcript: Transcript, turns: list[tuple[int, Turn]]) -> Iterable[Verdict]:
        """Judge turn by turn, or the sum of these turns."""
        if self.per == "transcript":
            yield from verdicts(self, self._of([turn for _, turn in turns], transcript.target))
        else:
            for number, turn in turns:
                yield from verdicts(self, self._of([turn], transcript.target), number, f"turn {number}: ")

    def _of(self, turns: list[Turn], target: Target) -> Iterator[Found]:
        price = target.settings.get("price")
        amounts = [cost_of(turn, price) for turn in turns]
        known = [amount for amount in amounts if amount is not None]
        silent = next((turn for turn in turns if turn.reply is None), None)
        if price is None:
            message = f"no price is known for {target.name}: give its target price = {{prompt, completion}}"
            yield Found("no_price", message)
        elif silent:
            yield no_reply(silent)
        elif len(known) < len(amounts):
            yield Found("not_recorded", "usage not given, or the price is not whole", {"price": price})
        elif sum(known) > self.max:
            message = f"expected at most ${self.max:g}, it cost ${sum(known):.6g}"
            yield Found("over", message, self.max, sum(known))
