"""The budget of a run whose calls go out many at a time: room is held until a batch says what each needed."""

from __future__ import annotations

from replay import providers
from replay.conversation import Object
from replay.cost import cost_of_usage
from replay.jsontext import parse
from replay.limits import Admission, Budget, Desk, Gate, estimate, estimated_cost
from replay.providers import Unreadable
from replay.providers._batches import PRICE, Answer
from replay.turn import Target


class Purse:
    """Keeps the budget of a gate, and none of its rates: batches have limits of their own."""

    def __init__(self, gate: Gate | None) -> None:
        desk = gate.desk if isinstance(gate, Admission) else None
        self._budget = desk.budget if isinstance(desk, Desk) else Budget()
        self._held: dict[str, tuple[float, int]] = {}  # US dollars and tokens, by the names of requests

    def take(self, name: str, target: Target, body: Object) -> str:
        """Hold what a request may need; returns why it may not be sent, "" where it may."""
        guess = estimate(providers.registry.get(target.provider).decode_request(body))
        cost, tokens = PRICE * (estimated_cost(guess, target) or 0.0), guess.total_tokens
        if why := self._budget.refusal(cost + self._budget.held_cost, tokens + self._budget.held_tokens):
            return why
        self._budget.hold(cost, tokens)
        self._held[name] = cost, tokens
        return ""

    def free(self, name: str) -> None:
        """Hold nothing more for a request that is not carried out."""
        cost, tokens = self._held.pop(name, (0.0, 0))
        self._budget.hold(-cost, -tokens)

    def pay(self, name: str, target: Target, answer: Answer) -> None:
        """Note what a request needed; what an earlier process sent was held by that one alone."""
        self.free(name)
        if answer.status == 200:
            try:
                usage = providers.registry.get(target.provider).decode(parse(answer.body)).usage
            except (Unreadable, ValueError):
                usage = None
            counts = (usage.prompt_tokens or 0, usage.completion_tokens or 0) if usage else (0, 0)
            cost = cost_of_usage(usage, target.settings.get("price")) if usage else None
            self._budget.spend(PRICE * (cost or 0.0), sum(counts))
