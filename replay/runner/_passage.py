"""What a live call passes between its cassette and the network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from replay.errors import ProviderFailure
from replay.turn import Request, Target, Turn

if TYPE_CHECKING:
    from replay.limits import Gate, Ticket


@dataclass(frozen=True, eq=False)
class Door:
    """The way to the network for the calls of one case; `priority` is the case's.

    `stopped` says why a target is asked no more. A refusal of one of them, because its account is at its end,
    is one of all `targets` of that account, unless the case `expects` it. `hide` takes secrets out of what
    the provider said.
    """

    gate: Gate
    network: Any
    targets: Mapping[str, Target]
    stopped: dict[str, str]
    hide: Callable[[str], str]
    priority: int = 0
    expects: bool = False

    def check(self, target: Target) -> None:
        """Raise ProviderFailure where a target is asked no more."""
        if target.name in self.stopped:
            raise ProviderFailure(self.stopped[target.name])

    def learn(self, target: Target, turn: Turn) -> None:
        """Ask an account no more once it has said that it, or the key, is at its end."""
        error = turn.error
        if error is None or self.expects or not (error.kind == "billing" or error.status == 401):
            return
        from replay.limits import account

        why = f"not sent: target {target.name} has refused a call before ({self.hide(error.message)})"
        self.stopped[target.name] = why
        same = [name for name, other in self.targets.items() if account(other) == account(target)]
        self.stopped.update(dict.fromkeys(same, why))

    @contextmanager
    def attempt(self, target: Target, request: Request) -> Iterator[Passage]:
        """Give one attempt its way; what it holds at the gate is given back at its end."""
        with ExitStack() as held:
            yield Passage(self, target, request, held)


@dataclass(eq=False)
class Passage:
    """The transport under the cassette: a request that really is sent waits at the gate, once."""

    door: Door
    target: Target
    request: Request
    held: ExitStack
    ticket: Ticket | None = field(default=None, init=False)

    def handle_request(self, request: Any) -> Any:
        """Send a request when it may be. Raises ProviderFailure where it never may."""
        before = time.monotonic()
        if self.ticket is None:
            self._enter()
        waited = time.monotonic() - before
        response = self.door.network.handle_request(request)
        response.extensions["replay_waited"] = waited  # is no part of what the answer took
        return response

    def settle(self, turn: Turn) -> None:
        """Say what came of it."""
        if self.ticket is not None:
            self.ticket.settle(turn)

    def _enter(self) -> None:
        self.door.check(self.target)
        ticket = self.held.enter_context(self.door.gate.admit(self.target, self.request, self.door.priority))
        self.door.check(self.target)  # it may have been said while this waited
        self.ticket = ticket
