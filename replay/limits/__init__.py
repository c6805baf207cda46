"""What a call has to pass before it is sent: how many at once, how many a minute, how much in all."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from replay.turn import Request, Target, Turn


class Ticket(Protocol):
    """The permission to send one request, once."""

    def settle(self, turn: Turn) -> None:
        """Say what came of it: the usage it reports is the truth that replaces the estimate."""


class Gate(Protocol):
    """Lets calls through; safe to use from threads."""

    def admit(self, target: Target, request: Request) -> AbstractContextManager[Ticket]:
        """Wait until it may be sent. Raises ProviderFailure where it never may: the budget is spent."""


class Open:
    """A gate that lets everything through."""

    def admit(self, target: Target, request: Request) -> AbstractContextManager[Ticket]:  # noqa: ARG002
        """Let it pass."""
        return nullcontext(self)

    def settle(self, turn: Turn) -> None:
        """Keep nothing."""
