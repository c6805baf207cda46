"""What a call has to pass before it is sent: how many at once, how many a minute, how much in all."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Protocol

from replay.config import Project
from replay.limits._admission import Admission
from replay.limits._budget import Budget
from replay.limits._desk import CONCURRENCY, LONGEST_WAIT, Desk, State
from replay.limits._estimate import Estimate, estimate, estimated_cost, roughly
from replay.limits._identity import account, priority_of
from replay.turn import Request, Target, Turn

__all__ = [
    "CONCURRENCY",
    "LONGEST_WAIT",
    "Admission",
    "Budget",
    "Desk",
    "Estimate",
    "Gate",
    "Open",
    "State",
    "Ticket",
    "account",
    "estimate",
    "estimated_cost",
    "gate",
    "priority_of",
    "roughly",
]


class Ticket(Protocol):
    """The permission to send one request, once."""

    def settle(self, turn: Turn) -> None:
        """Say what came of it: the usage it reports is the truth that replaces the estimate."""


class Gate(Protocol):
    """Lets calls through; safe to use from threads."""

    def admit(self, target: Target, request: Request, priority: int = 0) -> AbstractContextManager[Ticket]:
        """Wait until it may be sent; of what waits, higher priorities go first.

        A ticket that is left without being settled was for nothing: no call was made. Raises ProviderFailure
        where it never may be sent: the budget is spent, or too much waits.
        """


class Open:
    """A gate that lets everything through."""

    def admit(
        self,
        target: Target,  # noqa: ARG002
        request: Request,  # noqa: ARG002
        priority: int = 0,  # noqa: ARG002
    ) -> AbstractContextManager[Ticket]:
        """Let it pass."""
        return nullcontext(self)

    def settle(self, turn: Turn) -> None:
        """Keep nothing."""


def gate(
    project: Project, budget: Budget | None = None, targets: Iterable[str] = (), share: int = 1
) -> Admission:
    """Return a gate that keeps the limits of the project's targets, and the budget.

    Without `limits`, a target is asked CONCURRENCY calls at once. `targets` are those that will be asked.
    With `share`, so many processes have a gate each, and each keeps its part of the limits (1 at least).
    Raises BadInput where the cost of one of them cannot be known and the budget limits it.
    """
    budget = budget or Budget()
    budget.check(project.target(name) for name in targets)
    return Admission(Desk({name: _part(one, share) for name, one in project.targets.items()}, budget))


def _part(target: Target, share: int) -> Target:
    limits = target.settings.get("limits")
    if not limits or share == 1:
        return target
    part = {name: max(most // share, 1) for name, most in limits.items()}
    return replace(target, settings=target.settings | {"limits": part})
