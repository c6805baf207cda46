"""The gate before a desk, which may stand in another process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from replay.cost import cost_of
from replay.limits._desk import State
from replay.limits._estimate import estimate
from replay.turn import Request, Target, Turn, Usage

_MAYBE_PAID = ("timeout", "cut", "stream_error", "bad_response")  # errors of calls that were under way


class Tickets(Protocol):
    """Where tickets come from: a `Desk`, or what asks one elsewhere. See there."""

    def acquire(self, target: str, prompt_tokens: int, completion_tokens: int, priority: int = 0) -> int:
        """Wait for a ticket."""

    def release(
        self, ticket: int, tokens: int | None = None, cost: float | None = None, hold: float = 0.0
    ) -> None:
        """Give it back."""

    def close(self, patience: float) -> bool:
        """Hand out no more, and wait for those that are out."""

    def state(self) -> State:
        """What is going on."""


class _Ticket:
    """What a call used, once that is known; nothing before."""

    def __init__(self, target: Target) -> None:
        self._price = target.settings.get("price")
        self.tokens: int | None = 0
        self.cost: float | None = 0.0
        self.hold = 0.0

    def settle(self, turn: Turn) -> None:
        """Take the usage of a turn, nothing for a refusal; None, the estimate, where it is not told."""
        if turn.error and turn.error.kind not in _MAYBE_PAID:
            self.hold = turn.error.retry_after or 0.0
            return
        self.tokens = _tokens(turn.reply.usage if turn.reply else None)
        self.cost = cost_of(turn, self._price)


@dataclass(frozen=True)
class Admission:
    """A gate that estimates each request and asks for a ticket. See `replay.limits.Gate`."""

    desk: Tickets

    @contextmanager
    def admit(self, target: Target, request: Request, priority: int = 0) -> Iterator[_Ticket]:
        """Wait for a ticket, and give it back with what the call used."""
        add = (target.settings.get("params") or {}).get("add") or {}
        guess = estimate(replace(request, params=add | request.params))
        number = self.desk.acquire(target.name, guess.prompt_tokens, guess.completion_tokens, priority)
        ticket = _Ticket(target)
        try:
            yield ticket
        finally:
            self.desk.release(number, ticket.tokens, ticket.cost, ticket.hold)

    def close(self, patience: float) -> bool:
        """Let nothing more be sent, and wait for what is, so many seconds at most: whether all came back."""
        return self.desk.close(patience)

    def state(self) -> State:
        """How many calls are under way and wait, and what is spent."""
        return self.desk.state()


def _tokens(usage: Usage | None) -> int | None:
    if usage is None:
        return None
    counts = usage.prompt_tokens, usage.completion_tokens
    return usage.total_tokens if None in counts else sum(filter(None, counts))
