"""How much may be spent in all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from replay.errors import BadInput
from replay.turn import Target


@dataclass
class Budget:
    """At most `max_cost` US dollars and `max_tokens` tokens; `cost` and `tokens` are spent.

    What a call will need is held before it is sent, and replaced by what it did need when it is answered. So
    no more can be spent than what the calls in flight need beyond their estimates. Not safe to use from
    threads by itself: a `Desk` is.
    """

    max_cost: float | None = None
    max_tokens: int | None = None
    cost: float = 0.0
    tokens: int = 0
    held_cost: float = 0.0
    held_tokens: int = 0

    def check(self, targets: Iterable[Target]) -> None:
        """Raise BadInput where a cost is limited that cannot be known."""
        if self.max_cost is None:
            return
        silent = sorted({target.name for target in targets if not _has_price(target)})
        if silent:
            raise BadInput(
                f"--max-cost cannot be kept: no price is known for {', '.join(silent)}\n"
                "give each price = {prompt = ..., completion = ...}, in US dollars for a million tokens"
            )

    def refusal(self, cost: float, tokens: int) -> str | None:
        """Say why a call may not be sent even when nothing else is."""
        if self.max_tokens is not None and self.tokens + tokens > self.max_tokens:
            spent = f"{self.tokens} of {self.max_tokens} tokens are spent, it may need {tokens}"
            return f"not sent: the budget has no room for this call ({spent}); raise --max-tokens"
        if self.max_cost is not None and self.cost + cost > self.max_cost:
            spent = f"${self.cost:.4g} of ${self.max_cost:.4g} are spent, it may cost ${cost:.2g}"
            return f"not sent: the budget has no room for this call ({spent}); raise --max-cost"
        return None

    def fits(self, cost: float, tokens: int) -> bool:
        """Tell whether there is room beside what is held."""
        return self.refusal(cost + self.held_cost, tokens + self.held_tokens) is None

    def hold(self, cost: float, tokens: int) -> None:
        """Keep room for a call (with negative amounts, no more)."""
        self.held_cost += cost
        self.held_tokens += tokens

    def spend(self, cost: float, tokens: int) -> None:
        """Note what a call needed."""
        self.cost += cost
        self.tokens += tokens


def _has_price(target: Target) -> bool:
    price = target.settings.get("price")
    return isinstance(price, dict) and {"prompt", "completion"} <= price.keys()
